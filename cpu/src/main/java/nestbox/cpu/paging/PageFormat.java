package nestbox.cpu.paging;

/// Bits of paging-structure entries and of page-fault error codes. SDM Vol. 3A, "Paging".
final class PageFormat {
    static final long PRESENT = 1;
    static final long WRITABLE = 2;
    static final long USER = 4;
    static final long ACCESSED = 0x20;
    static final long DIRTY = 0x40;
    static final long PAGE_SIZE = 0x80;
    static final long GLOBAL = 0x100;
    static final long EXECUTE_DISABLE = 1L << 63;
    static final long ADDRESS = 0x000F_FFFF_FFFF_F000L;

    static final int FAULT_PROTECTION = 1;
    static final int FAULT_WRITE = 2;
    static final int FAULT_USER = 4;
    static final int FAULT_RESERVED = 8;
    static final int FAULT_FETCH = 16;

    private PageFormat() {}
}
