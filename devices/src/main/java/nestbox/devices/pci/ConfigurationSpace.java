package nestbox.devices.pci;

import nestbox.devices.BoardMap;
import nestbox.platform.Mmio;

/// Configuration space of all functions, by bus, device and function.
///
/// As [Mmio] it is the enhanced configuration access mechanism (ECAM): 4 KiB for each function of
/// 256 buses.
public interface ConfigurationSpace extends Mmio {
    /// Bytes that the ECAM window takes.
    long ECAM_SIZE = (long) BoardMap.ECAM_BUSES << 20;

    /// @param deviceFunction device and function, as in a configuration address
    /// @param size 1, 2 or 4 bytes
    /// @return all ones where there is no function
    int readConfig(int bus, int deviceFunction, int offset, int size);

    void writeConfig(int bus, int deviceFunction, int offset, int size, int value);

    @Override
    default long read(long offset, int size) {
        if (size == 8) {
            return read(offset, 4) & 0xFFFF_FFFFL | read(offset + 4, 4) << 32;
        }
        int at = (int) offset;
        return readConfig(at >>> 20 & 0xFF, at >>> 12 & 0xFF, at & 0xFFF, size);
    }

    @Override
    default void write(long offset, int size, long value) {
        if (size == 8) {
            write(offset, 4, value);
            write(offset + 4, 4, value >>> 32);
            return;
        }
        int at = (int) offset;
        writeConfig(at >>> 20 & 0xFF, at >>> 12 & 0xFF, at & 0xFFF, size, (int) value);
    }
}
