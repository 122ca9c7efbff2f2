package nestbox.cpu.core;

/// Data accesses that the software TLB doesn't answer: translation with all its faults, devices,
/// page crossing, alignment checks, watchpoints.
public interface SlowMemory {
    /// @param width 1 to 8 bytes
    /// @return the value, zero-extended
    long read(int segment, long linear, int width);

    /// Reads an operand that will be written: the faults are those of the write.
    long readForWrite(int segment, long linear, int width);

    void write(int segment, long linear, int width, long value);
}
