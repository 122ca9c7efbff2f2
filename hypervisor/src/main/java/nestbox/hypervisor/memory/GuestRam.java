package nestbox.hypervisor.memory;

import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

/// A virtual machine's memory by guest-physical addresses, through its EPT tables: for what is put
/// there before it starts.
public final class GuestRam implements Ram {
    private final GuestMemory board;
    private final EptTables ept;

    public GuestRam(GuestMemory board, EptTables ept) {
        this.board = board;
        this.ept = ept;
    }

    /// @return a host-physical address, or one where there is no memory
    private long host(long address) {
        return ept.leaf(address).map(leaf -> leaf.host(address)).orElse(-1L);
    }

    @Override
    public int readByte(long address) {
        return board.readByte(host(address));
    }

    @Override
    public int readShort(long address) {
        return readByte(address) | readByte(address + 1) << 8;
    }

    @Override
    public int readInt(long address) {
        return readShort(address) | readShort(address + 2) << 16;
    }

    @Override
    public long readLong(long address) {
        return readInt(address) & 0xFFFF_FFFFL | (long) readInt(address + 4) << 32;
    }

    @Override
    public void writeByte(long address, int value) {
        board.writeByte(host(address), value);
    }

    @Override
    public void writeShort(long address, int value) {
        writeByte(address, value);
        writeByte(address + 1, value >>> 8);
    }

    @Override
    public void writeInt(long address, int value) {
        writeShort(address, value);
        writeShort(address + 2, value >>> 16);
    }

    @Override
    public void writeLong(long address, long value) {
        writeInt(address, (int) value);
        writeInt(address + 4, (int) (value >>> 32));
    }

    @Override
    public void read(long address, byte[] into, int at, int length) {
        for (int done = 0; done < length; ) {
            int part = inPage(address + done, length - done);
            board.read(host(address + done), into, at + done, part);
            done += part;
        }
    }

    @Override
    public void write(long address, byte[] from, int at, int length) {
        for (int done = 0; done < length; ) {
            int part = inPage(address + done, length - done);
            board.write(host(address + done), from, at + done, part);
            done += part;
        }
    }

    private static int inPage(long address, int length) {
        long left = GuestMemory.PAGE_SIZE - (address & GuestMemory.PAGE_SIZE - 1);
        return (int) Math.min(left, length);
    }
}
