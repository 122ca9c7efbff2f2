package nestbox.platform;

/// A wire that carries an interrupt request. Setting it to the level that it has is harmless.
@FunctionalInterface
public interface IrqLine {
    void set(boolean asserted);

    /// An edge: up and down again.
    default void pulse() {
        set(true);
        set(false);
    }

    /// A wire that ends nowhere.
    static IrqLine unconnected() {
        return asserted -> {};
    }
}
