package nestbox.x86.vmx;

/// Bits of EPT paging-structure entries. SDM Vol. 3C, "EPT Translation Mechanism".
public final class EptEntry {
    public static final long READ = 1;
    public static final long WRITE = 1 << 1;
    public static final long EXECUTE = 1 << 2;

    /// Shift of the memory type, in entries that map a page.
    public static final int MEMORY_TYPE = 3;

    public static final long IGNORE_PAT = 1 << 6;

    /// The entry of a PDPTE or PDE maps a page.
    public static final long PAGE = 1 << 7;

    public static final long ACCESSED = 1 << 8;
    public static final long DIRTY = 1 << 9;

    /// Execution for user-mode linear addresses, under mode-based execute control.
    public static final long EXECUTE_USER = 1 << 10;

    public static final long ADDRESS = 0x000F_FFFF_FFFF_F000L;

    /// Of a page, under guest-paging verification: what translates to it must have been read from
    /// pages with [#PAGING_WRITE].
    public static final long VERIFY_GUEST_PAGING = 1L << 57;

    /// Of a page, under EPT paging-write control: accessed and dirty flags may be set in it.
    public static final long PAGING_WRITE = 1L << 58;

    /// Of a page of 4 KiB, under sub-page write permissions: parts of it may be written.
    public static final long SUB_PAGE_WRITE = 1L << 61;

    /// An EPT violation stays a VM exit though #VE is enabled.
    public static final long SUPPRESS_VE = 1L << 63;

    private EptEntry() {}
}
