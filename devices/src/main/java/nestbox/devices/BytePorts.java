package nestbox.devices;

import nestbox.platform.PortIo;

/// A device on the 8-bit bus: the bus bridge turns a wider access into byte cycles at successive
/// ports, lowest first.
///
/// Nearly all devices of the PC's first years are of this kind, and none of them should have to
/// think about access sizes.
public interface BytePorts extends PortIo {
    /// Value on the data bus when nobody drives it.
    int OPEN_BUS = 0xFF;

    /// @return the byte, zero-extended
    int read(int port);

    /// @param value the byte, zero-extended
    void write(int port, int value);

    @Override
    default int read(int port, int size) {
        int value = 0;
        for (int i = 0; i < size; i++) {
            value |= (read(port + i & 0xFFFF) & 0xFF) << 8 * i;
        }
        return value;
    }

    @Override
    default void write(int port, int size, int value) {
        for (int i = 0; i < size; i++) {
            write(port + i & 0xFFFF, value >>> 8 * i & 0xFF);
        }
    }
}
