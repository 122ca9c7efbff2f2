package nestbox.platform;

/// A device that answers at I/O ports.
public interface PortIo {
    /// @param port the absolute port number
    /// @param size 1, 2 or 4 bytes
    /// @return the value, zero-extended
    int read(int port, int size);

    void write(int port, int size, int value);
}
