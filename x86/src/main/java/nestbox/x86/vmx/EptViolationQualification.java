package nestbox.x86.vmx;

/// Exit qualification of EPT violations. SDM Vol. 3C, Table "Exit Qualification for EPT
/// Violations".
///
/// @param bits the whole field; the constants say what is in it
public record EptViolationQualification(long bits) {
    public static final long READ = 1;
    public static final long WRITE = 1 << 1;
    public static final long FETCH = 1 << 2;

    /// Shift of the permissions that the EPT entries together give: read, write, execute, and
    /// execute for user-mode addresses.
    public static final int PERMISSIONS = 3;

    /// The guest linear address field is valid.
    public static final long LINEAR_ADDRESS_VALID = 1 << 7;

    /// The access was to the translation of a linear address, not to a paging-structure entry.
    public static final long TRANSLATION = 1 << 8;

    /// With advanced exit information: the linear address is a user-mode address.
    public static final long USER_MODE = 1 << 9;

    /// With advanced exit information: the guest's paging allows writes.
    public static final long GUEST_WRITABLE = 1 << 10;

    /// With advanced exit information: the guest's paging forbids execution.
    public static final long GUEST_EXECUTE_DISABLE = 1 << 11;

    public static final long NMI_UNBLOCKING = 1 << 12;

    /// The guest's paging structures didn't stand verification.
    public static final long GUEST_PAGING_VERIFICATION = 1 << 15;

    public static EptViolationQualification of(long field) {
        return new EptViolationQualification(field);
    }

    public long toLong() {
        return bits;
    }

    public boolean isRead() {
        return (bits & READ) != 0;
    }

    public boolean isWrite() {
        return (bits & WRITE) != 0;
    }

    public boolean isFetch() {
        return (bits & FETCH) != 0;
    }

    /// Read, write, execute and user-mode execute permission as bits 0 to 3.
    public int permissions() {
        return (int) (bits >>> PERMISSIONS) & 0xF;
    }

    public boolean hasLinearAddress() {
        return (bits & LINEAR_ADDRESS_VALID) != 0;
    }

    public boolean isTranslation() {
        return (bits & TRANSLATION) != 0;
    }
}
