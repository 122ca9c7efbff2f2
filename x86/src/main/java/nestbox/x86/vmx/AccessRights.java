package nestbox.x86.vmx;

/// Bits of the access-rights fields of segment registers. SDM Vol. 3C, Table "Format of Access
/// Rights".
public final class AccessRights {
    public static final int TYPE = 0xF;
    public static final int ACCESSED = 1;

    /// Of a code segment: it may be read. Of a data segment: it may be written.
    public static final int READABLE_OR_WRITABLE = 1 << 1;

    public static final int CONFORMING_OR_EXPAND_DOWN = 1 << 2;
    public static final int CODE = 1 << 3;

    /// The S flag: a code or data segment, not a system segment.
    public static final int CODE_OR_DATA = 1 << 4;

    public static final int PRESENT = 1 << 7;
    public static final int RESERVED_LOW = 0xF00;
    public static final int AVAILABLE = 1 << 12;
    public static final int LONG = 1 << 13;
    public static final int DEFAULT_BIG = 1 << 14;
    public static final int GRANULARITY = 1 << 15;
    public static final int UNUSABLE = 1 << 16;
    public static final int RESERVED_HIGH = -1 << 17;

    public static final int TYPE_LDT = 2;
    public static final int TYPE_BUSY_TSS_16 = 3;
    public static final int TYPE_BUSY_TSS = 11;

    /// What every segment has in virtual-8086 mode: present, DPL 3, read-write data, accessed.
    public static final int VIRTUAL_8086 = 0xF3;

    private AccessRights() {}

    public static int dpl(long rights) {
        return (int) rights >>> 5 & 3;
    }

    public static boolean isUsable(long rights) {
        return (rights & UNUSABLE) == 0;
    }
}
