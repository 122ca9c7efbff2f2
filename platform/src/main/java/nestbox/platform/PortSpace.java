package nestbox.platform;

/// The 64 Ki I/O ports of a board. Ports that nobody claims read as all ones and drop writes.
public final class PortSpace implements PortIo {
    private final PortIo[] owners = new PortIo[0x10000];

    /// Gives `count` ports from `first` to a device, in place of whoever had them.
    public void map(int first, int count, PortIo device) {
        for (int port = first; port < first + count; port++) {
            owners[port] = device;
        }
    }

    /// Takes away those of the ports that this device has.
    public void unmap(int first, int count, PortIo device) {
        for (int port = first; port < first + count; port++) {
            if (owners[port] == device) {
                owners[port] = null;
            }
        }
    }

    public boolean isMapped(int port) {
        return owners[port & 0xFFFF] != null;
    }

    /// An access that runs over the end of its device's ports is split into bytes, as a bus does.
    @Override
    public int read(int port, int size) {
        PortIo owner = owners[port & 0xFFFF];
        if (size == 1 || owner == owners[port + size - 1 & 0xFFFF]) {
            return owner == null ? allOnes(size) : owner.read(port & 0xFFFF, size) & allOnes(size);
        }
        int value = 0;
        for (int i = 0; i < size; i++) {
            value |= read(port + i, 1) << 8 * i;
        }
        return value;
    }

    @Override
    public void write(int port, int size, int value) {
        PortIo owner = owners[port & 0xFFFF];
        if (size == 1 || owner == owners[port + size - 1 & 0xFFFF]) {
            if (owner != null) {
                owner.write(port & 0xFFFF, size, value & allOnes(size));
            }
            return;
        }
        for (int i = 0; i < size; i++) {
            write(port + i, 1, value >>> 8 * i);
        }
    }

    private static int allOnes(int size) {
        return size == 4 ? -1 : (1 << 8 * size) - 1;
    }
}
