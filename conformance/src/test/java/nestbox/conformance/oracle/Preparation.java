package nestbox.conformance.oracle;

import nestbox.conformance.oracle.Layout.Window;
import nestbox.x86.Alu;
import nestbox.x86.Bits;
import nestbox.x86.Branch;
import nestbox.x86.FloatSimd;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;
import nestbox.x86.RFlags;
import nestbox.x86.Shift;
import nestbox.x86.StateSave;
import nestbox.x86.StringOp;
import nestbox.x86.X87;

import java.math.BigInteger;
import java.util.SplittableRandom;

/// Makes an instruction's operands fit each other, where random ones would test only faults:
/// branch targets in the code page, string operands in the data, quotients that fit.
final class Preparation {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final int RSI = 6;
    private static final int RDI = 7;
    private static final long MXCSR_MM = 1 << 17;

    /// EDX:EAX chooses the components of XSAVE and XRSTOR.
    static final int STATE_COMPONENTS = 1 << RAX | 1 << RDX;

    private final SplittableRandom random;
    private final Values values;
    private final Encoding code;
    private final State state;
    private int locked;
    private long operandAddress;

    Preparation(SplittableRandom random, Values values, Encoding code, State state) {
        this.random = random;
        this.values = values;
        this.code = code;
        this.state = state;
    }

    /// These registers address the operand, a bit each.
    void protect(int registers) {
        locked |= registers;
    }

    private void set(int register, long value) {
        if ((locked >> register & 1) == 0) {
            state.gpr(register, value);
        }
    }

    /// What the address of a memory operand doesn't depend on.
    void beforeAddressing() {
        switch (code.row.op()) {
            case StringOp op -> strings(op);
            case Move move -> moves(move);
            case Bits op -> bitOffset();
            case Branch branch when branch == Branch.RET ->
                    storeTarget(state.gpr(Encoding.RSP), target());
            default -> vectors(code.row.op().name());
        }
    }

    /// @param address where the memory operand lies, if there is one
    void afterAddressing(long address) {
        operandAddress = address;
        switch (code.row.op()) {
            case Alu op -> arithmetic(op);
            case Shift op -> shiftCount();
            case Branch branch -> branches(branch);
            case StateSave op -> savedState(op);
            case X87 op -> x87(op);
            default -> {
                if (code.row.op() == FloatSimd.LDMXCSR) {
                    validMxcsr(operandAddress);
                }
            }
        }
    }

    long undefinedFlags() {
        Op op = code.row.op();
        int width = code.operandSize();
        if (!code.row.operands().isEmpty()) {
            width = code.row.operands().getFirst().width(width);
        }
        return UndefinedFlags.of(op, width, op instanceof Shift ? count() : 0);
    }

    private int count() {
        Operand last = code.row.operands().getLast();
        return switch (last) {
            case Ib -> code.immediate[0] & 0xFF;
            case CL -> (int) state.gpr(RCX) & 0xFF;
            default -> 1;
        };
    }

    /// Mostly a value without reserved bits; never the one that only AMD processors define.
    private void validMxcsr(long address) {
        byte[] value = new byte[4];
        long random32 = random.nextInt();
        Values.put(value, 0, values.oneIn(5) ? random32 & ~MXCSR_MM : random32 & 0xFFFF, 4);
        state.store(address, value);
    }

    /// A state that can be restored, and a choice of components that every host has.
    private void savedState(StateSave op) {
        set(RAX, random.nextInt(4));
        set(RDX, 0);
        validMxcsr(operandAddress + 24);
        if (op == StateSave.XRSTOR) {
            byte[] header = new byte[64];
            header[0] = (byte) random.nextInt(4);
            if (values.oneIn(10)) {
                header[random.nextInt(8, 24)] = 1;
            }
            state.store(operandAddress + 512, header);
        }
    }

    private void x87(X87 op) {
        switch (op) {
            case FYL2XP1 -> {
                int exponent = state.signExponent(0) & 0x7FFF;
                if (exponent >= 0x3FFD && exponent < 0x7FFF) {
                    // The result is undefined.
                    state.st(0, state.signExponent(0) & 0xBFFF & ~4, state.significand(0));
                }
            }
            case FSTP -> {
                if (code.row.opcode() == 0xD9 && !code.isMemory()) {
                    state.ftw(0xFF); // The alias may not check for an empty register.
                }
            }
            default -> {}
        }
    }

    private void shiftCount() {
        int bits = 8 * code.operandSize();
        int count =
                switch (random.nextInt(4)) {
                    case 0 -> random.nextInt(256);
                    case 1 -> random.nextInt(3);
                    case 2 -> bits + random.nextInt(-1, 2);
                    default -> random.nextInt(bits + 1);
                };
        boolean twoRegisters = code.row.op() == Shift.SHLD || code.row.op() == Shift.SHRD;
        if (twoRegisters && (count & (bits == 64 ? 63 : 31)) > bits) {
            count = bits; // The result is undefined beyond.
        }
        Operand last = code.row.operands().getLast();
        if (last == Operand.Ib) {
            code.immediate[code.immediate.length - 1] = (byte) count;
        } else if (last == Operand.CL) {
            state.gpr(RCX, state.gpr(RCX) & ~0xFFL | count);
        }
    }

    private void strings(StringOp op) {
        int size = code.row.operands().getFirst().width(code.operandSize());
        if (Traits.compares(op) || op == StringOp.LODS || op == StringOp.OUTS) {
            size = Math.max(size, code.row.operands().getLast().width(code.operandSize()));
        }
        // Whether privileges are checked when there is nothing to repeat is left to the processor.
        int least = op == StringOp.INS || op == StringOp.OUTS ? 1 : 0;
        long count = code.repeat == 0 ? values.integer() : random.nextInt(least, 40);
        setPointer(RCX, values.oneIn(10) && code.repeat != 0 ? 600 : count);
        long base = Addressing.segmentBase(code, state);
        if (code.prefix67 && base != 0) {
            code.segment = 0;
            base = 0;
        }
        setPointer(RSI, stringAddress(size) - base);
        setPointer(RDI, stringAddress(size));
        if (Traits.compares(op) && values.oneIn(2)) {
            byte[] same = new byte[Layout.ACROSS_PAGES.size()];
            java.util.Arrays.fill(same, (byte) random.nextInt());
            state.store(Layout.ACROSS_PAGES.address(), same);
            set(RAX, same[0] * 0x0101_0101_0101_0101L & -1L);
        }
    }

    private void setPointer(int register, long value) {
        int bits = 8 * code.addressSize();
        long mask = -1L >>> 64 - bits;
        state.gpr(register, value & mask | random.nextLong() & ~mask);
    }

    private long stringAddress(int size) {
        Window window = Layout.ACROSS_PAGES;
        return switch (random.nextInt(12)) {
            case 0 -> Layout.BEFORE_UNMAPPED.end() - size * random.nextInt(1, 20);
            case 1 -> Layout.DATA + size * random.nextInt(12);
            case 2 -> Layout.READ_ONLY + random.nextInt(Layout.PAGE - 8);
            default -> window.address() + random.nextInt(window.size());
        };
    }

    private void vectors(String name) {
        if (name.startsWith("PCMPESTR") || name.startsWith("PCMPISTR")) {
            textInRegisters();
            set(RAX, values.oneIn(3) ? values.integer() : random.nextInt(-20, 20));
            set(RDX, values.oneIn(3) ? values.integer() : random.nextInt(-20, 20));
        } else if (name.startsWith("MASKMOV")) {
            long base = Addressing.segmentBase(code, state);
            if (code.prefix67) {
                code.segment = 0;
                base = 0;
            }
            if (code.segment == 0x2E) {
                code.segment = 0;
            }
            code.prefix67 &= code.mode64;
            // Whether bytes that aren't selected can fault is left to the processor.
            long room = Layout.ACROSS_PAGES.size() - 16;
            setPointer(RDI, Layout.ACROSS_PAGES.address() + random.nextLong(room) - base);
        }
    }

    /// Bytes and words of a small alphabet, with zeros among them.
    private void textInRegisters() {
        int letters = random.nextInt(2, 6);
        for (int i = 0; i < 16; i++) {
            for (int half = 0; half < 2; half++) {
                long text = 0;
                for (int at = 0; at < 64; at += values.oneIn(4) ? 16 : 8) {
                    int letter = values.oneIn(24) ? 0 : 'a' + random.nextInt(letters);
                    text |= (long) letter << at;
                }
                state.xmm(i, half, text);
            }
        }
    }

    private void moves(Move op) {
        switch (op) {
            case LEAVE -> {
                if (!values.oneIn(8)) {
                    state.gpr(Encoding.RBP, state.gpr(Encoding.RSP));
                } else if (!code.mode64) {
                    // Whether 4 GiB - 1 can be followed by 0 is left to the processor.
                    state.gpr(Encoding.RBP, random.nextInt() & 0x7FFF_FFFF);
                }
            }
            case ENTER -> {
                state.gpr(Encoding.RBP, state.gpr(Encoding.RSP) + random.nextInt(-60, 120));
                Values.put(code.immediate, 0, random.nextInt(values.oneIn(8) ? 0x10000 : 64), 2);
                Values.put(code.immediate, 2, random.nextInt(values.oneIn(4) ? 256 : 8), 1);
            }
            case XLAT -> {
                long address = Layout.ACROSS_PAGES.address() + random.nextInt(600);
                long base = Addressing.segmentBase(code, state);
                setPointer(RBX, address - base - (state.gpr(RAX) & 0xFF));
            }
            case POPF -> clearTrapFlag();
            default -> {}
        }
    }

    private void clearTrapFlag() {
        int offset = Layout.memoryOffset(state.gpr(Encoding.RSP) + 1);
        if (offset >= 0) {
            state.memory(offset, (byte) (state.memory(offset) & ~(RFlags.TF >> 8)));
        }
    }

    /// A bit offset in a register reaches beyond a memory operand: mostly not too far.
    private void bitOffset() {
        if (code.row.operands().getLast().place() == Place.REG && !values.oneIn(6)) {
            set(code.regRegister(), random.nextInt(-800, 800));
        }
    }

    private void arithmetic(Alu op) {
        switch (op) {
            case CMPXCHG -> {
                if (values.oneIn(2)) {
                    set(RAX, destination());
                }
            }
            case CMPXCHG8B -> {
                if (values.oneIn(2)) {
                    compareExchange();
                }
            }
            case DIV -> divide(false);
            case IDIV -> divide(true);
            default -> {}
        }
    }

    private long destination() {
        if (code.isMemory()) {
            return toLong(state.load(operandAddress, 8));
        }
        return state.gpr(code.rmRegister());
    }

    private static long toLong(byte[] value) {
        long result = 0;
        for (int i = value.length - 1; i >= 0; i--) {
            result = result << 8 | value[i] & 0xFF;
        }
        return result;
    }

    private void compareExchange() {
        long low = toLong(state.load(operandAddress, 8));
        if (code.rexW) {
            set(RAX, low);
            set(RDX, toLong(state.load(operandAddress + 8, 8)));
        } else {
            set(RAX, low & 0xFFFF_FFFFL | random.nextLong() << 32);
            set(RDX, low >>> 32 | random.nextLong() << 32);
        }
    }

    /// A dividend whose quotient fits, or nearly does.
    private void divide(boolean signed) {
        int width = code.row.operands().getFirst().width(code.operandSize());
        int bits = 8 * width;
        boolean highByte = width == 1 && !code.isMemory() && !code.rex && !code.anyRexBit();
        if (values.oneIn(6) || highByte) {
            return;
        }
        BigInteger divisor = number(destination(), bits, signed);
        BigInteger quotient = number(values.integer(), bits, signed);
        BigInteger remainder = BigInteger.valueOf(random.nextInt(0x7FFF_FFFF));
        if (divisor.signum() != 0) {
            remainder = remainder.mod(divisor.abs());
        }
        BigInteger dividend = divisor.multiply(quotient).add(remainder);
        long low = dividend.longValue();
        long high = dividend.shiftRight(bits).longValue();
        if (width == 1) {
            set(RAX, low & 0xFFFF | random.nextLong() << 16);
            return;
        }
        long mask = -1L >>> 64 - bits;
        set(RAX, low & mask | random.nextLong() & ~mask);
        set(RDX, high & mask | random.nextLong() & ~mask);
    }

    private static BigInteger number(long value, int bits, boolean signed) {
        long extended = value << 64 - bits >> 64 - bits;
        BigInteger number = BigInteger.valueOf(extended);
        boolean wrap = !signed && number.signum() < 0;
        return wrap ? number.add(BigInteger.ONE.shiftLeft(bits)) : number;
    }

    private void branches(Branch op) {
        switch (op) {
            case LOOP, LOOPE, LOOPNE, JCXZ -> {
                if (!values.oneIn(3)) {
                    setPointer(RCX, random.nextInt(3));
                }
                relative();
            }
            case JMP, JCC, CALL -> relative();
            case JMP_INDIRECT, CALL_INDIRECT -> {
                if (code.isMemory()) {
                    storeTarget(operandAddress, target());
                } else {
                    state.gpr(code.rmRegister(), target());
                }
            }
            default -> {}
        }
    }

    private void storeTarget(long address, long target) {
        byte[] value = new byte[8];
        Values.put(value, 0, target, 8);
        state.store(address, value);
    }

    /// Mostly in the code page, and never in the instruction itself, which could loop for ever.
    private long target() {
        return switch (random.nextInt(16)) {
            case 0 -> Layout.DATA + random.nextInt(Layout.DATA_SIZE);
            case 1 -> Layout.CODE - random.nextInt(1, 100);
            case 2 -> Layout.CODE + Layout.PAGE + random.nextInt(100);
            case 3 -> 0x0000_8000_0000_0000L + random.nextLong(1L << 40);
            default -> Layout.CODE + random.nextInt(0x200);
        };
    }

    private void relative() {
        int length = code.bytes(random).length;
        long next = state.rip() + length;
        int size = code.immediate.length;
        long displacement;
        do {
            if (size == 1) {
                displacement = (byte) values.integer();
            } else if (values.oneIn(8)) {
                displacement = (int) (Layout.CODE + Layout.PAGE + 0x100 - next);
            } else {
                displacement = (int) (Layout.CODE + random.nextInt(Layout.PAGE) - next);
            }
        } while (displacement < 0 && displacement >= -length);
        Values.put(code.immediate, 0, displacement, size);
    }
}
