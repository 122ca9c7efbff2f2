package nestbox.conformance.oracle;

import nestbox.platform.GuestMemory;

/// Page tables, descriptor tables and exception handlers in guest memory, which give a program at
/// CPL 3 the addresses of [Layout] and turn each exception into a HLT of its own.
final class AddressMap {
    static final long RAM = 4 << 20;
    static final long KERNEL = 0xFFFF_8000_0000_0000L;
    static final long GDT = 0x2000;
    static final int GDT_LIMIT = 0x7F;
    static final long IDT = 0x3000;
    static final int IDT_LIMIT = 0xFFF;
    static final long TSS = 0x4000;
    static final int TSS_LIMIT = 0x67;
    static final long CODE = 0x10_0000;
    static final long DATA = 0x11_0000;
    static final long READ_ONLY = 0x12_0000;
    static final long ROOT = 0x2_0000;
    static final int KERNEL_CODE = 0x10;
    static final int KERNEL_STACK_SELECTOR = 0x18;
    static final int TASK = 0x40;

    /// The stack that exceptions switch to.
    static final long STACK_TOP = 0x7000;

    private static final long HANDLERS = 0x5000;
    private static final int HANDLER_SIZE = 16;
    private static final byte HLT = (byte) 0xF4;
    private static final long KERNEL_SIZE = 0x1_0000;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long USER = 4;
    private static final long ACCESSED_DIRTY = 0x60;
    private static final long NO_EXECUTE = 1L << 63;
    private static final int INDEX_BITS = 9;

    private final GuestMemory memory;
    private long nextTable = ROOT + GuestMemory.PAGE_SIZE;

    private AddressMap(GuestMemory memory) {
        this.memory = memory;
    }

    static void build(GuestMemory memory) {
        AddressMap map = new AddressMap(memory);
        map.mapAll();
        map.descriptors();
        map.handlers();
    }

    /// The exception whose handler stopped at this RIP.
    static int vector(long rip) {
        return (int) (rip - KERNEL - HANDLERS) / HANDLER_SIZE;
    }

    private void mapAll() {
        for (long at = 0; at < KERNEL_SIZE; at += GuestMemory.PAGE_SIZE) {
            map(KERNEL + at, at, WRITABLE);
        }
        map(Layout.CODE, CODE, USER);
        map(Layout.DATA, DATA, USER | WRITABLE | NO_EXECUTE);
        map(Layout.DATA + Layout.PAGE, DATA + Layout.PAGE, USER | WRITABLE | NO_EXECUTE);
        map(Layout.READ_ONLY, READ_ONLY, USER | NO_EXECUTE);
        for (int i = 0; i < Layout.PAGE; i++) {
            memory.writeByte(CODE + i, Layout.INT3);
            memory.writeByte(READ_ONLY + i, Layout.readOnlyByte(i));
        }
    }

    private void map(long linear, long physical, long flags) {
        long table = ROOT;
        for (int shift = 39; shift > 12; shift -= INDEX_BITS) {
            long entry = table + 8 * (linear >>> shift & 511);
            if (memory.readLong(entry) == 0) {
                memory.writeLong(entry, nextTable | PRESENT | WRITABLE | USER | ACCESSED_DIRTY);
                nextTable += GuestMemory.PAGE_SIZE;
            }
            table = memory.readLong(entry) & ~0xFFFL;
        }
        memory.writeLong(
                table + 8 * (linear >>> 12 & 511), physical | flags | PRESENT | ACCESSED_DIRTY);
    }

    private void descriptors() {
        memory.writeLong(GDT + KERNEL_CODE, 0x00AF_9B00_0000_FFFFL);
        memory.writeLong(GDT + KERNEL_STACK_SELECTOR, 0x00CF_9300_0000_FFFFL);
        memory.writeLong(GDT + (Layout.DATA_SELECTOR & ~7), 0x00CF_F300_0000_FFFFL);
        memory.writeLong(GDT + (Layout.CODE_SELECTOR & ~7), 0x00AF_FB00_0000_FFFFL);
        memory.writeLong(TSS + 4, KERNEL + STACK_TOP);
        memory.writeShort(TSS + 0x66, TSS_LIMIT + 1);
    }

    private void handlers() {
        for (int vector = 0; vector < 256; vector++) {
            long handler = KERNEL + HANDLERS + (long) vector * HANDLER_SIZE;
            memory.writeByte(handler - KERNEL, HLT);
            long dpl = vector == 3 || vector == 4 ? 3 : 0;
            long low =
                    handler & 0xFFFF | (long) KERNEL_CODE << 16 | (handler >>> 16 & 0xFFFF) << 48;
            memory.writeLong(IDT + 16L * vector, low | 0x8E00L << 32 | dpl << 45);
            memory.writeLong(IDT + 16L * vector + 8, handler >>> 32);
        }
    }
}
