package nestbox.cpu.entry;

/// Memory as the processor reaches it with physical addresses.
public interface PhysicalMemory {
    /// @param width 1, 2, 4 or 8 bytes
    /// @return the value, zero-extended; ones where nothing answers
    long readPhysical(long address, int width);

    void writePhysical(long address, int width, long value);
}
