package nestbox.cpu.x87;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.Extended;
import nestbox.cpu.fp.Relation;
import nestbox.x86.RFlags;

/// Comparisons of ST(0), whose outcome is in C3, C2 and C0 or in ZF, PF and CF; and FXAM.
final class Comparison {
    /// By [Relation].
    private static final int[] CONDITIONS = {0, Fpu.C0, Fpu.C3, Fpu.C3 | Fpu.C2 | Fpu.C0};

    private static final long[] FLAGS = {
        0, RFlags.CF, RFlags.ZF, RFlags.ZF | RFlags.PF | RFlags.CF
    };

    private Comparison() {}

    /// FCOM and FUCOM.
    ///
    /// @param ordered whether a quiet NaN is invalid
    /// @param pops how many registers
    static Semantic conditions(boolean ordered, int pops) {
        return (cpu, insn) -> {
            int relation = compare(cpu, insn, ordered);
            cpu.fpu.conditions(CONDITIONS[relation]);
            pop(cpu.fpu, pops);
        };
    }

    /// FCOMI and FUCOMI; the other status flags become zero.
    static Semantic flags(boolean ordered, int pops) {
        return (cpu, insn) -> {
            int relation = compare(cpu, insn, ordered);
            cpu.statusFlags(FLAGS[relation]);
            pop(cpu.fpu, pops);
        };
    }

    /// An unmasked exception keeps the stack as it is, though not the outcome.
    private static void pop(Fpu fpu, int times) {
        for (int i = 0; i < times && !fpu.isResultWithheld(); i++) {
            fpu.pop();
        }
    }

    /// The relation to the operand.
    private static int compare(Cpu cpu, Insn insn, boolean ordered) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        boolean empty = fpu.isEmpty(0);
        if (insn.isMemory) {
            Arithmetic.load(cpu, insn);
            fpu.track(insn);
            return compare(fpu, insn, ordered, empty, fpu.unit.significand, fpu.unit.signExponent);
        }
        int i = insn.rm & 7;
        empty |= fpu.isEmpty(i);
        fpu.track(insn);
        return compare(fpu, insn, ordered, empty, fpu.significand(i), fpu.signExponent(i));
    }

    private static int compare(
            Fpu fpu, Insn insn, boolean ordered, boolean empty, long b, int bSe) {
        if (empty) {
            fpu.stackFault(false);
            return Relation.UNORDERED;
        }
        long a = fpu.significand(0);
        int aSe = fpu.signExponent(0);
        int relation =
                ordered
                        ? fpu.unit.compare(a, aSe, b, bSe)
                        : fpu.unit.compareUnordered(a, aSe, b, bSe);
        fpu.report(insn);
        return relation;
    }

    static void ftst(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        fpu.track(insn);
        int relation = compare(fpu, insn, true, fpu.isEmpty(0), 0, 0);
        fpu.conditions(CONDITIONS[relation]);
    }

    /// SDM Vol. 2A, "FXAM", Table 3-42.
    static void fxam(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        fpu.track(insn);
        int signExponent = fpu.signExponent(0);
        int sign = Extended.isNegative(signExponent) ? Fpu.C1 : 0;
        fpu.conditions(sign | classOf(fpu, fpu.significand(0), signExponent));
    }

    private static int classOf(Fpu fpu, long significand, int signExponent) {
        if (fpu.isEmpty(0)) {
            return Fpu.C3 | Fpu.C0;
        }
        if (Extended.isUnsupported(significand, signExponent)) {
            return 0;
        }
        if (Extended.isNan(significand, signExponent)) {
            return Fpu.C0;
        }
        if (Extended.isInfinity(significand, signExponent)) {
            return Fpu.C2 | Fpu.C0;
        }
        if (significand == 0) {
            return Fpu.C3;
        }
        return Extended.isDenormal(significand, signExponent) ? Fpu.C3 | Fpu.C2 : Fpu.C2;
    }
}
