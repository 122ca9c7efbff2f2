package nestbox.devices;

/// Whether address line 20 reaches memory. While it doesn't, odd megabytes show the even ones.
@FunctionalInterface
public interface A20Gate {
    void enable(boolean enabled);
}
