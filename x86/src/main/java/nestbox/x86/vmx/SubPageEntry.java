package nestbox.x86.vmx;

/// Entries of the tables of sub-page permissions, and the exit qualification of SPP-related events.
/// SDM Vol. 3C, "Determining an Access's Sub-Page Write Permission".
public final class SubPageEntry {
    public static final long VALID = 1;

    /// Bits that must be 0 in entries that refer to a table.
    public static final long RESERVED_LOW = 0xFFE;

    public static final long ADDRESS = 0x000F_FFFF_FFFF_F000L;

    /// Bits of a vector that must be 0; the others are permissions, one for each sub-page.
    public static final long RESERVED_IN_VECTOR = 0xAAAA_AAAA_AAAA_AAAAL;

    /// Shift of the number of a sub-page in an address.
    public static final int SUB_PAGE_SHIFT = 7;

    /// Set in the exit qualification if an entry isn't valid, clear if one has reserved bits.
    public static final long MISS = 1 << 11;

    private SubPageEntry() {}

    /// Whether a vector allows writes to a guest-physical address.
    public static boolean allows(long vector, long guestPhysical) {
        return (vector >>> 2 * (guestPhysical >>> SUB_PAGE_SHIFT & 31) & 1) != 0;
    }
}
