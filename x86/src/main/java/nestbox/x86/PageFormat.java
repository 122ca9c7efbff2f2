package nestbox.x86;

/// Bits of paging-structure entries and of page-fault error codes. SDM Vol. 3A, "Paging".
public final class PageFormat {
    public static final long PRESENT = 1;
    public static final long WRITABLE = 2;
    public static final long USER = 4;
    public static final long ACCESSED = 0x20;
    public static final long DIRTY = 0x40;
    public static final long PAGE_SIZE = 0x80;
    public static final long GLOBAL = 0x100;

    /// Under HLAT paging: the translation starts again, with ordinary paging.
    public static final long RESTART = 0x800;

    public static final long EXECUTE_DISABLE = 1L << 63;
    public static final long ADDRESS = 0x000F_FFFF_FFFF_F000L;

    public static final int FAULT_PROTECTION = 1;
    public static final int FAULT_WRITE = 2;
    public static final int FAULT_USER = 4;
    public static final int FAULT_RESERVED = 8;
    public static final int FAULT_FETCH = 16;
    public static final int FAULT_HLAT = 0x80;

    private PageFormat() {}
}
