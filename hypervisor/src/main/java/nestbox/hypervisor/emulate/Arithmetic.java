package nestbox.hypervisor.emulate;

import nestbox.x86.RFlags;

/// Results of arithmetic with their status flags. SDM Vol. 1, "Status Flags".
///
/// @param value anything above the operands' width
/// @param flags the status flags, at their places in RFLAGS
record Arithmetic(long value, long flags) {
    static Arithmetic add(long left, long right, boolean carry, int width) {
        long sum = left + right + (carry ? 1 : 0);
        return of(sum, left & right | (left | right) & ~sum, width);
    }

    static Arithmetic subtract(long left, long right, boolean borrow, int width) {
        long difference = left - right - (borrow ? 1 : 0);
        return of(difference, ~left & right | (~left | right) & difference, width);
    }

    static Arithmetic logic(long value, int width) {
        return of(value, 0, width);
    }

    /// @param carries what each bit carries into the next
    private static Arithmetic of(long value, long carries, int width) {
        int sign = 8 * width - 1;
        boolean carry = bit(carries, sign);
        long flags = carry ? RFlags.CF : 0;
        flags |= (Long.bitCount(value & 0xFF) & 1) == 0 ? RFlags.PF : 0;
        flags |= bit(carries, 3) ? RFlags.AF : 0;
        flags |= (value & Widths.mask(width)) == 0 ? RFlags.ZF : 0;
        flags |= bit(value, sign) ? RFlags.SF : 0;
        flags |= carry != bit(carries, sign - 1) ? RFlags.OF : 0;
        return new Arithmetic(value, flags);
    }

    private static boolean bit(long value, int number) {
        return (value >>> number & 1) != 0;
    }

    boolean isZero() {
        return (flags & RFlags.ZF) != 0;
    }

    /// The same with another carry flag.
    Arithmetic withCarryOf(long otherFlags) {
        return new Arithmetic(value, flags & ~RFlags.CF | otherFlags & RFlags.CF);
    }

    /// A condition of Jcc, SETcc and CMOVcc. SDM Vol. 1, "EFLAGS Condition Codes".
    ///
    /// @param code the low four bits of the opcode
    static boolean holds(int code, long flags) {
        boolean carry = (flags & RFlags.CF) != 0;
        boolean zero = (flags & RFlags.ZF) != 0;
        boolean less = (flags & RFlags.SF) != 0 != ((flags & RFlags.OF) != 0);
        boolean straight =
                switch (code >> 1 & 7) {
                    case 0 -> (flags & RFlags.OF) != 0;
                    case 1 -> carry;
                    case 2 -> zero;
                    case 3 -> carry || zero;
                    case 4 -> (flags & RFlags.SF) != 0;
                    case 5 -> (flags & RFlags.PF) != 0;
                    case 6 -> less;
                    default -> less || zero;
                };
        return straight != ((code & 1) != 0);
    }
}
