package nestbox.devices;

import nestbox.platform.Ram;

/// Bytes that firmware leaves in memory, and where.
public record FirmwareImage(long address, byte[] bytes) {
    public void install(Ram ram) {
        ram.write(address, bytes, 0, bytes.length);
    }

    /// First address after it.
    public long end() {
        return address + bytes.length;
    }
}
