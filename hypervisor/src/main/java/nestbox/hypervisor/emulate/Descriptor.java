package nestbox.hypervisor.emulate;

import nestbox.x86.vmx.AccessRights;

/// A descriptor of a guest's GDT or LDT. SDM Vol. 3A, "Segment Descriptors" and "System Descriptor
/// Types".
///
/// @param address linear address that it was read from
record Descriptor(long bits, long address) {
    private static final long GRANULARITY = 1L << 55;
    private static final int SIZE_OF_SYSTEM_SEGMENT = 8;

    long base() {
        return bits >>> 16 & 0xFF_FFFF | bits >>> 32 & 0xFF00_0000L;
    }

    long limit() {
        long limit = bits & 0xFFFF | bits >>> 32 & 0xF_0000;
        return (bits & GRANULARITY) != 0 ? limit << 12 | 0xFFF : limit;
    }

    /// As the VMCS has them.
    int rights() {
        return (int) (bits >>> 40) & 0xF0FF;
    }

    boolean has(int flag) {
        return (rights() & flag) != 0;
    }

    boolean isPresent() {
        return has(AccessRights.PRESENT);
    }

    boolean isSystem() {
        return !has(AccessRights.CODE_OR_DATA);
    }

    int type() {
        return rights() & AccessRights.TYPE;
    }

    /// Whether a TSS has 16 bits, by its access rights.
    static boolean isSmall(long rights) {
        return (rights & SIZE_OF_SYSTEM_SEGMENT) == 0;
    }

    boolean isCode() {
        return !isSystem() && has(AccessRights.CODE);
    }

    boolean isConformingCode() {
        return isCode() && has(AccessRights.CONFORMING_OR_EXPAND_DOWN);
    }

    boolean isWritableData() {
        return !isSystem() && !isCode() && has(AccessRights.READABLE_OR_WRITABLE);
    }

    boolean isReadable() {
        return !isSystem() && (!isCode() || has(AccessRights.READABLE_OR_WRITABLE));
    }

    int dpl() {
        return AccessRights.dpl(rights());
    }
}
