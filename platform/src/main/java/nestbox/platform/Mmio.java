package nestbox.platform;

/// A device that answers at physical memory addresses.
public interface Mmio {
    /// @param offset from the start of the mapped range
    /// @param size 1, 2, 4 or 8 bytes; never crosses the end of the range
    /// @return the value, zero-extended
    long read(long offset, int size);

    void write(long offset, int size, long value);
}
