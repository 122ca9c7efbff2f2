package nestbox.hypervisor.memory;

import nestbox.platform.GuestMemory;

/// A page of bits in L0's memory that the processor looks at.
public final class Bitmap {
    private final GuestMemory memory;
    private final long address;

    /// @param ones whether all bits start as 1
    public Bitmap(PagePool pages, boolean ones) {
        memory = pages.memory();
        address = pages.takeOwn();
        for (long at = 0; ones && at < GuestMemory.PAGE_SIZE; at += Long.BYTES) {
            memory.writeLong(address + at, -1);
        }
    }

    /// Its physical address.
    public long address() {
        return address;
    }

    public void set(int bit, boolean value) {
        long at = address + bit / Byte.SIZE;
        int mask = 1 << bit % Byte.SIZE;
        int old = memory.readByte(at);
        memory.writeByte(at, value ? old | mask : old & ~mask);
    }

    public boolean get(int bit) {
        return (memory.readByte(address + bit / Byte.SIZE) >>> bit % Byte.SIZE & 1) != 0;
    }
}
