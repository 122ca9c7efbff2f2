package nestbox.cpu.core;

/// A segment register: the selector and the hidden part. SDM Vol. 3A, "Segment Registers".
///
/// Access rights are kept in the form of the VMCS (SDM Vol. 3C, Table "Format of Access Rights"):
/// the second doubleword of the descriptor shifted right by 8, with bit 16 for "unusable".
public final class Segment {
    public static final int ACCESSED = 1;
    public static final int WRITABLE_OR_READABLE = 2;
    public static final int EXPAND_DOWN_OR_CONFORMING = 4;
    public static final int CODE = 8;
    public static final int NOT_SYSTEM = 0x10;
    public static final int PRESENT = 0x80;
    public static final int LONG = 0x2000;
    public static final int BIG = 0x4000;
    public static final int GRANULARITY = 0x8000;
    public static final int UNUSABLE = 0x1_0000;

    /// Read-write data, accessed, present, DPL 0: what real-address mode and reset give.
    public static final int REAL_MODE_RIGHTS = 0x93;

    public int selector;
    public long base;

    /// Last valid offset (for expand-down segments, last invalid one), 0 to 0xFFFF_FFFF.
    public long limit;

    public int rights;

    public void set(int selector, long base, long limit, int rights) {
        this.selector = selector;
        this.base = base;
        this.limit = limit;
        this.rights = rights;
    }

    public void set(Segment other) {
        set(other.selector, other.base, other.limit, other.rights);
    }

    /// The null selector: base and limit are kept by some processors; this one clears them.
    public void setNull(int selector) {
        set(selector, 0, 0, UNUSABLE);
    }

    /// A null selector with the base and the limit that were there.
    public void invalidate() {
        selector = 0;
        rights = UNUSABLE;
    }

    public boolean isUsable() {
        return (rights & UNUSABLE) == 0;
    }

    public boolean isCode() {
        return (rights & (CODE | NOT_SYSTEM)) == (CODE | NOT_SYSTEM);
    }

    public boolean isWritable() {
        return (rights & (CODE | WRITABLE_OR_READABLE)) == WRITABLE_OR_READABLE;
    }

    public boolean isReadable() {
        return (rights & (CODE | WRITABLE_OR_READABLE)) != CODE;
    }

    public boolean isExpandDown() {
        return (rights & (CODE | EXPAND_DOWN_OR_CONFORMING)) == EXPAND_DOWN_OR_CONFORMING;
    }

    public boolean isBig() {
        return (rights & BIG) != 0;
    }

    public boolean isLong() {
        return (rights & LONG) != 0;
    }

    public int dpl() {
        return rights >> 5 & 3;
    }

    /// Whether every 32-bit offset is valid, for reading and writing, and adds nothing.
    public boolean isFlat() {
        return base == 0
                && limit == 0xFFFF_FFFFL
                && (rights & (UNUSABLE | CODE | EXPAND_DOWN_OR_CONFORMING | WRITABLE_OR_READABLE))
                        == WRITABLE_OR_READABLE;
    }
}
