package nestbox.cpu.entry;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.EptVpidCapability;

/// What entries of EPT paging structures mean to a processor. SDM Vol. 3C, "The Extended Page Table
/// Mechanism (EPT)".
///
/// The processor's walks use it, and those of a hypervisor through its guest's tables.
public final class EptFormat {
    /// How many levels a walk has.
    public static final int LEVELS = 4;

    /// Shift of the part of an address that selects an entry of the first table.
    public static final int TOP_SHIFT = 39;

    public static final int PAGE_SHIFT = 12;
    public static final int INDEX_BITS = 9;

    private static final long RWX = EptEntry.READ | EptEntry.WRITE | EptEntry.EXECUTE;
    private static final long RESERVED_IN_PML4E = 0xF8;
    private static final long RESERVED_IN_TABLE = 0x78;

    /// Memory types 0, 1, 4, 5 and 6.
    private static final int MEMORY_TYPES = 0b111_0011;

    private final long reservedAddress;
    private final boolean executeOnly;
    private final boolean pages2M;
    private final boolean pages1G;

    public EptFormat(VmxCapabilities capabilities, int physicalAddressBits) {
        reservedAddress = EptEntry.ADDRESS & -(1L << physicalAddressBits);
        executeOnly = capabilities.has(EptVpidCapability.EXECUTE_ONLY);
        pages2M = capabilities.has(EptVpidCapability.PAGES_2M);
        pages1G = capabilities.has(EptVpidCapability.PAGES_1G);
    }

    /// Where the entry for an address is.
    ///
    /// @param shift of the table's level: 39, 30, 21 or 12
    public static long slot(long table, int shift, long guestPhysical) {
        return table + (guestPhysical >>> shift & (1 << INDEX_BITS) - 1) * 8;
    }

    /// The permissions that an entry can give.
    public static long permissions(boolean modeBased) {
        return modeBased ? RWX | EptEntry.EXECUTE_USER : RWX;
    }

    public static boolean isPresent(long entry, boolean modeBased) {
        return (entry & permissions(modeBased)) != 0;
    }

    /// Whether a present entry maps a page.
    public static boolean isLeaf(long entry, int shift) {
        return shift == PAGE_SHIFT || shift < TOP_SHIFT && (entry & EptEntry.PAGE) != 0;
    }

    /// Whether a present entry is what software must not write. "EPT Misconfigurations".
    public boolean isMisconfigured(long entry, int shift, boolean modeBased) {
        boolean readable = (entry & EptEntry.READ) != 0;
        long executable = modeBased ? EptEntry.EXECUTE | EptEntry.EXECUTE_USER : EptEntry.EXECUTE;
        boolean combination =
                !readable
                        && ((entry & EptEntry.WRITE) != 0
                                || (entry & executable) != 0 && !executeOnly);
        return combination
                || (entry & reservedAddress) != 0
                || (isLeaf(entry, shift)
                        ? isLeafMisconfigured(entry, shift)
                        : (entry & reservedInTable(shift)) != 0);
    }

    private static long reservedInTable(int shift) {
        return shift == TOP_SHIFT ? RESERVED_IN_PML4E : RESERVED_IN_TABLE;
    }

    private boolean isLeafMisconfigured(long entry, int shift) {
        int type = (int) (entry >>> EptEntry.MEMORY_TYPE) & 7;
        boolean size =
                switch (shift) {
                    case PAGE_SHIFT -> true;
                    case PAGE_SHIFT + INDEX_BITS -> pages2M;
                    default -> pages1G;
                };
        long low = (1L << shift) - 1 & EptEntry.ADDRESS;
        return !size || (entry & low) != 0 || (MEMORY_TYPES >>> type & 1) == 0;
    }

    /// Whether the permissions that the entries of a walk together give allow an access.
    ///
    /// @param access bits of [EptViolationQualification]
    public static boolean allows(long permissions, long access, boolean modeBased) {
        boolean read =
                (access & EptViolationQualification.READ) == 0
                        || (permissions & EptEntry.READ) != 0;
        boolean write =
                (access & EptViolationQualification.WRITE) == 0
                        || (permissions & EptEntry.WRITE) != 0;
        boolean user = (access & EptViolationQualification.USER_MODE) != 0;
        boolean fetch =
                (access & EptViolationQualification.FETCH) == 0
                        || mayExecute(permissions, modeBased, user);
        return read && write && fetch;
    }

    /// @param user whether the linear address is a user-mode one
    public static boolean mayExecute(long permissions, boolean modeBased, boolean user) {
        long bit = modeBased && user ? EptEntry.EXECUTE_USER : EptEntry.EXECUTE;
        return (permissions & bit) != 0;
    }

    /// The permissions as an exit qualification reports them.
    public static long reported(long permissions, boolean modeBased) {
        long user = modeBased && (permissions & EptEntry.EXECUTE_USER) != 0 ? 8 : 0;
        return (permissions & RWX | user) << EptViolationQualification.PERMISSIONS;
    }
}
