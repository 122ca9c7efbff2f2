package nestbox.cpu.core;

import nestbox.x86.RFlags;

/// The registers of a logical processor in one block of fixed layout.
///
/// What vector and x87 instructions work on lies off-heap, in the address space reservation. The
/// scalar part (everything below [#X87_REGISTERS]) is a heap array with the same offsets: compared
/// with an off-heap segment, handlers give the just-in-time compiler less than half the code to
/// compile, which decides how long a boot takes. Translated code would copy it in and out.
///
/// A register is named by its *offset* in the block. For general registers that is number × 8,
/// and AH, CH, DH and BH are the offsets 1, 9, 17 and 25: the same arithmetic serves all widths.
///
/// Status flags are lazy. `FLAGS_RESULT` holds the last result, sign-extended; `FLAGS_CARRY` holds
/// the carries out of each bit, shifted so that CF is bit 63 and the carry into the sign is
/// bit 62 (OF is their difference), with the carry for AF in bit 3. Bits 0 and 8–15 invert SF and
/// PF, so that any combination of flags can be represented.
public abstract sealed class StateBlock permits LinearMemory {
    public static final int RAX = 0x00;
    public static final int RCX = 0x08;
    public static final int RDX = 0x10;
    public static final int RBX = 0x18;
    public static final int RSP = 0x20;
    public static final int RBP = 0x28;
    public static final int RSI = 0x30;
    public static final int RDI = 0x38;
    public static final int R11 = 0x58;

    /// Always zero: the base or index register of an operand that has none.
    public static final int ZERO = 0x80;

    /// Instruction pointer of the first instruction of the block that runs.
    public static final int RIP = 0x88;

    public static final int FLAGS_RESULT = 0x90;
    public static final int FLAGS_CARRY = 0x98;

    /// RFLAGS without the status flags, which are lazy.
    public static final int FLAGS_REST = 0xA0;

    /// Instructions retired since power-on.
    public static final int EXECUTED = 0xA8;

    /// Value of EXECUTED at which the processor looks at events.
    public static final int STOP_AT = 0xB0;

    /// Segment bases that operands add, ES CS SS DS FS GS: in 64-bit mode only those of FS and GS
    /// differ from zero.
    public static final int SEGMENT_BASES = 0xC0;

    public static final int MXCSR = 0x100;
    public static final int X87_CONTROL = 0x108;
    public static final int X87_STATUS = 0x110;

    /// One bit per physical register, set when it is *not* empty (the FXSAVE form).
    public static final int X87_TAGS = 0x118;

    public static final int X87_OPCODE = 0x120;
    public static final int X87_IP = 0x128;
    public static final int X87_DP = 0x130;
    public static final int X87_CS = 0x138;
    public static final int X87_DS = 0x140;

    /// Physical x87 registers R0–R7, 16 bytes each: significand, then sign and exponent. The
    /// significands are the MMX registers.
    public static final int X87_REGISTERS = 0x180;

    /// Where memory operands of vector instructions are copied to.
    public static final int SCRATCH = 0x200;

    /// Vector registers 0–15, 32 bytes each.
    public static final int VECTOR_REGISTERS = 0x400;

    public static final int SIZE = 0x1000;

    private static final long CARRY_BITS = 3L << 62;
    private static final long AUXILIARY = 8;

    /// Where the off-heap part lies in the address space reservation, with the same offsets.
    public final long base;

    private final long[] cells = new long[X87_REGISTERS / 8];

    StateBlock(long base) {
        this.base = base;
    }

    public final int get8(int register) {
        return (int) (cells[register >> 3] >>> (register << 3)) & 0xFF;
    }

    public final int get16(int register) {
        return (int) cells[register >> 3] & 0xFFFF;
    }

    public final int get32(int register) {
        return (int) cells[register >> 3];
    }

    public final long get64(int register) {
        return cells[register >> 3];
    }

    public final void set8(int register, int value) {
        int shift = register << 3;
        cells[register >> 3] = cells[register >> 3] & ~(0xFFL << shift) | (value & 0xFFL) << shift;
    }

    public final void set16(int register, int value) {
        cells[register >> 3] = cells[register >> 3] & ~0xFFFFL | value & 0xFFFFL;
    }

    /// Sets a 32-bit register: the upper half becomes zero.
    public final void set32(int register, int value) {
        cells[register >> 3] = value & 0xFFFF_FFFFL;
    }

    public final void set64(int register, long value) {
        cells[register >> 3] = value;
    }

    /// @param width 1, 2, 4 or 8 bytes
    /// @return the value, zero-extended
    public final long get(int register, int width) {
        return switch (width) {
            case 1 -> get8(register);
            case 2 -> get16(register);
            case 4 -> get32(register) & 0xFFFF_FFFFL;
            default -> get64(register);
        };
    }

    /// Sets a register as an instruction of that operand width does.
    public final void set(int register, int width, long value) {
        switch (width) {
            case 1 -> set8(register, (int) value);
            case 2 -> set16(register, (int) value);
            case 4 -> set32(register, (int) value);
            default -> set64(register, value);
        }
    }

    public final long rip() {
        return get64(RIP);
    }

    public final void rip(long value) {
        set64(RIP, value);
    }

    /// Offset in the address space reservation of a vector register.
    public final long vector(int number) {
        return base + VECTOR_REGISTERS + 32L * number;
    }

    /// Offset in the address space reservation of a physical x87 or MMX register.
    public final long x87Register(int number) {
        return base + X87_REGISTERS + 16L * number;
    }

    // Flags

    /// Flags of an addition whose carries out of each bit are given.
    public final void flagsOfCarries(long result, long carries, int width) {
        int shift = 64 - 8 * width;
        set64(FLAGS_RESULT, result << shift >> shift);
        set64(FLAGS_CARRY, carries << shift & CARRY_BITS | carries & AUXILIARY);
    }

    /// Flags of a logic operation: CF and OF clear.
    public final void flagsOfLogic(long result, int width) {
        int shift = 64 - 8 * width;
        set64(FLAGS_RESULT, result << shift >> shift);
        set64(FLAGS_CARRY, 0);
    }

    /// SF, ZF and PF of the low half of a product; CF and OF set unless `excess` is 0; AF clear.
    /// Without a branch, as nothing tells a processor which products fit.
    public final void flagsOfProduct(long low, int width, long excess) {
        int shift = 64 - 8 * width;
        set64(FLAGS_RESULT, low << shift >> shift);
        set64(FLAGS_CARRY, (excess | -excess) & 1L << 63);
    }

    /// SF, ZF and PF of a result; CF, OF and AF as given.
    public final void flagsOfResult(
            long result, int width, boolean carry, boolean overflow, boolean auxiliary) {
        int shift = 64 - 8 * width;
        set64(FLAGS_RESULT, result << shift >> shift);
        set64(FLAGS_CARRY, carryWord(carry, overflow, auxiliary));
    }

    private static long carryWord(boolean carry, boolean overflow, boolean auxiliary) {
        return (carry ? 1L << 63 : 0)
                | (carry != overflow ? 1L << 62 : 0)
                | (auxiliary ? AUXILIARY : 0);
    }

    public final boolean cf() {
        return get64(FLAGS_CARRY) < 0;
    }

    public final boolean of() {
        long carry = get64(FLAGS_CARRY);
        return (carry ^ carry << 1) < 0;
    }

    public final boolean zf() {
        return get64(FLAGS_RESULT) == 0;
    }

    public final boolean sf() {
        return (get64(FLAGS_RESULT) ^ get64(FLAGS_CARRY) << 63) < 0;
    }

    public final boolean af() {
        return (get64(FLAGS_CARRY) & AUXILIARY) != 0;
    }

    public final boolean pf() {
        long low = (get64(FLAGS_RESULT) ^ get64(FLAGS_CARRY) >>> 8) & 0xFF;
        return (Long.bitCount(low) & 1) == 0;
    }

    public final void cf(boolean carry) {
        long old = get64(FLAGS_CARRY);
        long overflow = (old ^ old << 1) & 1L << 63;
        long sign = carry ? 1L << 63 : 0;
        set64(FLAGS_CARRY, old & ~CARRY_BITS | sign | (sign ^ overflow) >>> 1);
    }

    /// The six status flags at their places in RFLAGS.
    public final long statusFlags() {
        return (cf() ? RFlags.CF : 0)
                | (pf() ? RFlags.PF : 0)
                | (af() ? RFlags.AF : 0)
                | (zf() ? RFlags.ZF : 0)
                | (sf() ? RFlags.SF : 0)
                | (of() ? RFlags.OF : 0);
    }

    /// Sets the six status flags from their places in RFLAGS.
    public final void statusFlags(long flags) {
        boolean zero = (flags & RFlags.ZF) != 0;
        set64(FLAGS_RESULT, zero ? 0 : 0x100);
        set64(
                FLAGS_CARRY,
                carryWord(
                                (flags & RFlags.CF) != 0,
                                (flags & RFlags.OF) != 0,
                                (flags & RFlags.AF) != 0)
                        | ((flags & RFlags.SF) != 0 ? 1 : 0)
                        | ((flags & RFlags.PF) != 0 ? 0 : 0x100));
    }

    public final long rflags() {
        return get64(FLAGS_REST) | statusFlags();
    }

    /// The condition in the low four bits of Jcc, SETcc and CMOVcc opcodes.
    public final boolean condition(int code) {
        boolean holds =
                switch (code >> 1) {
                    case 0 -> of();
                    case 1 -> cf();
                    case 2 -> zf();
                    case 3 -> cf() || zf();
                    case 4 -> sf();
                    case 5 -> pf();
                    case 6 -> sf() != of();
                    default -> zf() || sf() != of();
                };
        return holds ^ (code & 1) != 0;
    }
}
