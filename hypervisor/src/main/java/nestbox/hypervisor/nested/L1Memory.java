package nestbox.hypervisor.nested;

import nestbox.cpu.entry.PhysicalMemory;
import nestbox.hypervisor.memory.EptTables;
import nestbox.platform.GuestMemory;

import java.util.OptionalLong;

/// L1's RAM by its guest-physical addresses, which are those that its VMCSs name.
///
/// What isn't RAM reads as ones, and forgets what is written.
final class L1Memory implements PhysicalMemory {
    private static final long PAGE_MASK = -GuestMemory.PAGE_SIZE;
    private static final long NOT_RAM = -1;

    private final EptTables tables;
    private final GuestMemory memory;

    L1Memory(EptTables tables, GuestMemory memory) {
        this.tables = tables;
        this.memory = memory;
    }

    private long host(long address) {
        if (address < 0) {
            return NOT_RAM;
        }
        return tables.ram(address, 1).orElse(NOT_RAM);
    }

    /// The host-physical address of a page of RAM.
    OptionalLong page(long address) {
        long host = host(address & PAGE_MASK);
        return host == NOT_RAM ? OptionalLong.empty() : OptionalLong.of(host);
    }

    @Override
    public long readPhysical(long address, int width) {
        if (crosses(address, width)) {
            long value = 0;
            for (int i = 0; i < width; i++) {
                value |= readPhysical(address + i, 1) << 8 * i;
            }
            return value;
        }
        long host = host(address);
        if (host == NOT_RAM) {
            return width == Long.BYTES ? -1 : (1L << 8 * width) - 1;
        }
        return switch (width) {
            case 1 -> memory.readByte(host);
            case 2 -> memory.readShort(host);
            case 4 -> memory.readInt(host) & 0xFFFF_FFFFL;
            default -> memory.readLong(host);
        };
    }

    @Override
    public void writePhysical(long address, int width, long value) {
        if (crosses(address, width)) {
            for (int i = 0; i < width; i++) {
                writePhysical(address + i, 1, value >>> 8 * i & 0xFF);
            }
            return;
        }
        long host = host(address);
        if (host == NOT_RAM) {
            return;
        }
        switch (width) {
            case 1 -> memory.writeByte(host, (int) value);
            case 2 -> memory.writeShort(host, (int) value);
            case 4 -> memory.writeInt(host, (int) value);
            default -> memory.writeLong(host, value);
        }
    }

    private static boolean crosses(long address, int width) {
        return (address & ~PAGE_MASK) + width > GuestMemory.PAGE_SIZE;
    }
}
