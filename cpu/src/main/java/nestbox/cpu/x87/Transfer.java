package nestbox.cpu.x87;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.Extended;
import nestbox.cpu.fp.ExtendedConversion;
import nestbox.cpu.fp.FloatException;
import nestbox.cpu.fp.RoundingControl;

/// Loads, stores, exchanges and conditional moves.
///
/// A store reaches memory before anything of the FPU changes, so that a page fault leaves the
/// instruction to be repeated.
final class Transfer {
    private static final int BINARY32_INDEFINITE = 0xFFC0_0000;
    private static final long BINARY64_INDEFINITE = 0xFFF8_0000_0000_0000L;

    /// FSTP ST(i) as D9 D8+i doesn't check that there is something to store.
    private static final int UNCHECKED_FSTP = 0xD9;

    private Transfer() {}

    // Loads

    /// FLD of a register or of any floating-point format.
    static void fld(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        if (!insn.isMemory) {
            fpu.track(insn);
            int i = insn.rm & 7;
            if (fpu.isEmpty(i) || fpu.isFull()) {
                pushIndefinite(fpu, !fpu.isEmpty(i));
            } else {
                fpu.clearC1();
                fpu.push(fpu.significand(i), fpu.signExponent(i));
            }
            return;
        }
        switch (insn.sourceWidth) {
            case 4 -> fpu.conversion.fromBinary32((int) cpu.load(insn, 4));
            case 8 -> fpu.conversion.fromBinary64(cpu.load(insn, 8));
            default -> load80(cpu, insn);
        }
        pushLoaded(fpu, insn);
    }

    private static void load80(Cpu cpu, Insn insn) {
        long linear = cpu.linear(insn, 10, false);
        long significand = cpu.read64(insn.segment, linear);
        int signExponent = cpu.read16(insn.segment, linear + 8);
        cpu.fpu.unit.load(significand, signExponent);
    }

    static void fild(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        long value = cpu.load(insn, insn.sourceWidth);
        int unused = 64 - 8 * insn.sourceWidth;
        cpu.fpu.conversion.fromInteger(value << unused >> unused);
        pushLoaded(cpu.fpu, insn);
    }

    static void fbld(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        long linear = cpu.linear(insn, 10, false);
        long low = cpu.read64(insn.segment, linear);
        cpu.fpu.conversion.fromDecimal(low, cpu.read16(insn.segment, linear + 8));
        pushLoaded(cpu.fpu, insn);
    }

    private static void pushLoaded(Fpu fpu, Insn insn) {
        fpu.track(insn);
        if (fpu.isFull()) {
            pushIndefinite(fpu, true);
        } else if (fpu.report(insn) || fpu.unit.flags == FloatException.DENORMAL) {
            fpu.pushResult(); // a denormal is loaded even if that isn't masked
        }
    }

    private static void pushIndefinite(Fpu fpu, boolean overflow) {
        if (fpu.stackFault(overflow)) {
            fpu.pushIndefinite();
        }
    }

    /// FLD1, FLDPI and so on. Some lie just below the midpoint of two numbers, some just above;
    /// all round as the rounding control says.
    ///
    /// @param next the significand's next 64 bits
    static Semantic constant(int exponent, long significand, long next) {
        int signExponent = significand == 0 ? 0 : exponent + Extended.BIAS;
        return (cpu, insn) -> {
            Fpu fpu = cpu.fpu;
            fpu.enter();
            fpu.track(insn);
            if (fpu.isFull()) {
                pushIndefinite(fpu, true);
                return;
            }
            fpu.clearC1();
            boolean up =
                    switch (fpu.unit.rounding()) {
                        case RoundingControl.NEAREST -> next < 0;
                        case RoundingControl.UP -> next != 0;
                        default -> false;
                    };
            fpu.push(up ? significand + 1 : significand, signExponent);
        };
    }

    // Stores

    /// FST and FSTP to a register or to any floating-point format.
    static Semantic fst(boolean pops) {
        return (cpu, insn) -> {
            cpu.fpu.enter();
            if (!insn.isMemory) {
                fstRegister(cpu.fpu, insn, pops);
                return;
            }
            switch (insn.width) {
                case 4 -> store32(cpu, insn, pops);
                case 8 -> store64(cpu, insn, pops);
                default -> store80(cpu, insn);
            }
        };
    }

    private static void fstRegister(Fpu fpu, Insn insn, boolean pops) {
        fpu.track(insn);
        int i = insn.rm & 7;
        if (!fpu.isEmpty(0)) {
            fpu.clearC1();
            fpu.set(i, fpu.significand(0), fpu.signExponent(0));
        } else if (insn.opcode == UNCHECKED_FSTP) {
            fpu.clearC1();
            fpu.setEmpty(i, fpu.significand(0), fpu.signExponent(0));
        } else if (fpu.stackFault(false)) {
            fpu.setIndefinite(i);
        } else {
            return;
        }
        if (pops) {
            fpu.pop();
        }
    }

    private static void store32(Cpu cpu, Insn insn, boolean pops) {
        Fpu fpu = cpu.fpu;
        boolean empty = fpu.isEmpty(0);
        int bits = BINARY32_INDEFINITE;
        if (!empty) {
            bits = fpu.conversion.toBinary32(fpu.significand(0), fpu.signExponent(0));
        }
        store(cpu, insn, 4, bits & 0xFFFF_FFFFL, empty);
        finishStore(fpu, insn, empty, pops);
    }

    private static void store64(Cpu cpu, Insn insn, boolean pops) {
        Fpu fpu = cpu.fpu;
        boolean empty = fpu.isEmpty(0);
        long bits = BINARY64_INDEFINITE;
        if (!empty) {
            bits = fpu.conversion.toBinary64(fpu.significand(0), fpu.signExponent(0));
        }
        store(cpu, insn, 8, bits, empty);
        finishStore(fpu, insn, empty, pops);
    }

    private static void store80(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        boolean empty = fpu.isEmpty(0);
        if (empty) {
            fpu.unit.load(Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT);
        } else {
            fpu.unit.load(fpu.significand(0), fpu.signExponent(0));
        }
        store10(cpu, insn, fpu.unit.significand, fpu.unit.signExponent, empty);
        finishStore(fpu, insn, empty, true);
    }

    private static void store10(Cpu cpu, Insn insn, long low, int high, boolean empty) {
        long linear = cpu.linear(insn, 10, true);
        cpu.mmu.checkWritable(insn.segment, linear, 10);
        if (!isWithheld(cpu.fpu, empty)) {
            cpu.write64(insn.segment, linear, low);
            cpu.write16(insn.segment, linear + 8, high);
        }
    }

    /// Memory that can't be written faults even if nothing is to be written.
    private static void store(Cpu cpu, Insn insn, int width, long value, boolean empty) {
        long linear = cpu.linear(insn, width, true);
        if (isWithheld(cpu.fpu, empty)) {
            cpu.mmu.checkWritable(insn.segment, linear, width);
        } else {
            cpu.write(insn.segment, linear, width, value);
        }
    }

    static Semantic fist(boolean pops) {
        return (cpu, insn) -> storeInteger(cpu, insn, false, pops);
    }

    static void fisttp(Cpu cpu, Insn insn) {
        storeInteger(cpu, insn, true, true);
    }

    private static void storeInteger(Cpu cpu, Insn insn, boolean truncating, boolean pops) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        int bits = 8 * insn.width;
        boolean empty = fpu.isEmpty(0);
        long value = Long.MIN_VALUE >> 64 - bits;
        if (!empty) {
            long significand = fpu.significand(0);
            int signExponent = fpu.signExponent(0);
            ExtendedConversion conversion = fpu.conversion;
            value =
                    truncating
                            ? conversion.toIntegerTruncating(significand, signExponent, bits)
                            : conversion.toInteger(significand, signExponent, bits);
        }
        store(cpu, insn, insn.width, value & -1L >>> 64 - bits, empty);
        finishStore(fpu, insn, empty, pops);
    }

    static void fbstp(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        boolean empty = fpu.isEmpty(0);
        long low = ExtendedConversion.DECIMAL_INDEFINITE_LOW;
        int top = ExtendedConversion.DECIMAL_INDEFINITE_TOP;
        if (!empty) {
            low = fpu.conversion.toDecimal(fpu.significand(0), fpu.signExponent(0));
            top = fpu.conversion.decimalTop;
        }
        store10(cpu, insn, low, top, empty);
        finishStore(fpu, insn, empty, true);
    }

    private static boolean isWithheld(Fpu fpu, boolean empty) {
        return empty ? !fpu.isInvalidMasked() : fpu.conversion.storeSuppressed();
    }

    private static void finishStore(Fpu fpu, Insn insn, boolean empty, boolean pops) {
        fpu.track(insn);
        boolean stored;
        if (empty) {
            stored = fpu.stackFault(false);
        } else {
            stored = !fpu.conversion.storeSuppressed();
            fpu.report(insn);
        }
        if (stored && pops) {
            fpu.pop();
        }
    }

    // Between registers

    static void fxch(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        fpu.track(insn);
        int i = insn.rm & 7;
        if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
            if (!fpu.stackFault(false)) {
                return;
            }
            if (fpu.isEmpty(0)) {
                fpu.setIndefinite(0);
            }
            if (fpu.isEmpty(i)) {
                fpu.setIndefinite(i);
            }
        } else {
            fpu.clearC1();
        }
        long significand = fpu.significand(0);
        int signExponent = fpu.signExponent(0);
        fpu.set(0, fpu.significand(i), fpu.signExponent(i));
        fpu.set(i, significand, signExponent);
    }

    /// FCMOVcc, with the condition code that Jcc would have.
    static Semantic fcmov(int condition) {
        return (cpu, insn) -> {
            Fpu fpu = cpu.fpu;
            fpu.enter();
            fpu.track(insn);
            int i = insn.rm & 7;
            if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
                if (fpu.stackFault(false)) {
                    fpu.setIndefinite(0);
                }
            } else if (cpu.condition(condition)) {
                fpu.set(0, fpu.significand(i), fpu.signExponent(i));
            }
        };
    }
}
