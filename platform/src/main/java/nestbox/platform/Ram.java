package nestbox.platform;

/// Memory by physical address: that of a board, or what a virtual machine takes for it.
///
/// Boot loaders and firmware tables write to it, so the same ones serve both. Where there is no
/// memory, reads give zero and writes are dropped. Numbers are little-endian.
public interface Ram {
    int readByte(long address);

    int readShort(long address);

    int readInt(long address);

    long readLong(long address);

    void writeByte(long address, int value);

    void writeShort(long address, int value);

    void writeInt(long address, int value);

    void writeLong(long address, long value);

    /// Copies memory into an array.
    void read(long address, byte[] into, int at, int length);

    /// Copies an array into memory.
    void write(long address, byte[] from, int at, int length);
}
