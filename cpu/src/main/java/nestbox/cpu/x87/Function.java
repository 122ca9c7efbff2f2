package nestbox.cpu.x87;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.Extended;

/// Instructions on the stack's topmost registers: roots, remainders, scaling and the
/// transcendental functions.
final class Function {
    @FunctionalInterface
    interface Unary {
        void apply(Fpu fpu, long a, int aSignExponent);
    }

    /// ST(0) and ST(1).
    @FunctionalInterface
    interface Binary {
        void apply(Fpu fpu, long a, int aSignExponent, long b, int bSignExponent);
    }

    /// Returns false when the argument is out of range.
    @FunctionalInterface
    interface Circular {
        boolean apply(Fpu fpu, long a, int aSignExponent);
    }

    static final Circular SINE = (fpu, a, aSe) -> fpu.transcendental.sine(a, aSe);
    static final Circular COSINE = (fpu, a, aSe) -> fpu.transcendental.cosine(a, aSe);
    private static final Circular TANGENT = (fpu, a, aSe) -> fpu.transcendental.tangent(a, aSe);

    private Function() {}

    private static Fpu enter(Cpu cpu, Insn insn) {
        cpu.fpu.enter();
        cpu.fpu.track(insn);
        return cpu.fpu;
    }

    /// ST(0) becomes a function of itself.
    static Semantic unary(Unary function) {
        return (cpu, insn) -> {
            Fpu fpu = enter(cpu, insn);
            if (fpu.isEmpty(0)) {
                if (fpu.stackFault(false)) {
                    fpu.setIndefinite(0);
                }
                return;
            }
            function.apply(fpu, fpu.significand(0), fpu.signExponent(0));
            if (fpu.report(insn)) {
                fpu.setResult(0);
            }
        };
    }

    /// FCHS and FABS: nothing but the sign changes, whatever the register holds.
    static Semantic sign(int andMask, int xorMask) {
        return (cpu, insn) -> {
            Fpu fpu = enter(cpu, insn);
            if (fpu.isEmpty(0)) {
                if (fpu.stackFault(false)) {
                    fpu.setIndefinite(0);
                }
                return;
            }
            fpu.clearC1();
            fpu.set(0, fpu.significand(0), fpu.signExponent(0) & andMask ^ xorMask);
        };
    }

    /// ST(0) becomes a function of ST(0) and ST(1).
    static Semantic binary(Binary function) {
        return (cpu, insn) -> binary(cpu, insn, function, 0);
    }

    /// ST(1) becomes a function of both, and ST(0) is popped.
    static Semantic binaryPop(Binary function) {
        return (cpu, insn) -> binary(cpu, insn, function, 1);
    }

    private static void binary(Cpu cpu, Insn insn, Binary function, int destination) {
        Fpu fpu = enter(cpu, insn);
        if (fpu.isEmpty(0) || fpu.isEmpty(1)) {
            if (!fpu.stackFault(false)) {
                return;
            }
            fpu.setIndefinite(destination);
        } else {
            function.apply(
                    fpu,
                    fpu.significand(0),
                    fpu.signExponent(0),
                    fpu.significand(1),
                    fpu.signExponent(1));
            if (!fpu.report(insn)) {
                return;
            }
            fpu.setResult(destination);
        }
        if (destination == 1) {
            fpu.pop();
        }
    }

    /// FPREM and FPREM1: C0, C3 and C1 are bits 2, 1 and 0 of the quotient, C2 asks for more.
    static Semantic remainder(Binary function) {
        Semantic operation = binary(function);
        return (cpu, insn) -> {
            Fpu fpu = cpu.fpu;
            fpu.remainder.reset();
            operation.execute(cpu, insn);
            int q = fpu.remainder.quotient;
            if (!fpu.remainder.defined || fpu.isResultWithheld()) {
                fpu.clearC2();
                return;
            }
            int c0 = (q & 4) != 0 ? Fpu.C0 : 0;
            int c3 = (q & 2) != 0 ? Fpu.C3 : 0;
            int c1 = (q & 1) != 0 ? Fpu.C1 : 0;
            int c2 = fpu.remainder.partial ? Fpu.C2 : 0;
            fpu.conditions(c0 | c1 | c2 | c3);
        };
    }

    /// FSIN and FCOS.
    static Semantic circular(Circular function) {
        return (cpu, insn) -> {
            Fpu fpu = enter(cpu, insn);
            fpu.clearC2();
            if (fpu.isEmpty(0)) {
                if (fpu.stackFault(false)) {
                    fpu.setIndefinite(0);
                }
            } else if (isInRange(fpu, function) && fpu.report(insn)) {
                fpu.setResult(0);
            }
        };
    }

    /// Computes the function; out of range, C2 is set and nothing else happens.
    private static boolean isInRange(Fpu fpu, Circular function) {
        boolean inRange = function.apply(fpu, fpu.significand(0), fpu.signExponent(0));
        if (!inRange) {
            fpu.conditions(fpu.status() & (Fpu.C0 | Fpu.C3) | Fpu.C2);
        }
        return inRange;
    }

    /// FPTAN, FSINCOS and FXTRACT need a register to push to.
    private static boolean hasRoom(Fpu fpu) {
        boolean empty = fpu.isEmpty(0);
        if (!empty && !fpu.isFull()) {
            return true;
        }
        if (fpu.stackFault(!empty)) {
            fpu.setIndefinite(0);
            fpu.pushIndefinite();
        }
        return false;
    }

    static void fptan(Cpu cpu, Insn insn) {
        Fpu fpu = enter(cpu, insn);
        fpu.clearC2();
        if (!hasRoom(fpu) || !isInRange(fpu, TANGENT) || !fpu.report(insn)) {
            return;
        }
        fpu.setResult(0);
        if (Extended.isNan(fpu.unit.significand, fpu.unit.signExponent)) {
            fpu.pushResult();
        } else {
            fpu.push(Extended.INTEGER_BIT, Extended.BIAS);
        }
    }

    static void fsincos(Cpu cpu, Insn insn) {
        Fpu fpu = enter(cpu, insn);
        fpu.clearC2();
        if (!hasRoom(fpu) || !isInRange(fpu, SINE)) {
            return;
        }
        long significand = fpu.unit.significand;
        int signExponent = fpu.unit.signExponent;
        int flags = fpu.unit.flags;
        fpu.transcendental.cosine(fpu.significand(0), fpu.signExponent(0));
        fpu.unit.flags |= flags;
        if (fpu.report(insn)) {
            fpu.set(0, significand, signExponent);
            fpu.pushResult();
        }
    }

    static void fxtract(Cpu cpu, Insn insn) {
        Fpu fpu = enter(cpu, insn);
        if (!hasRoom(fpu)) {
            return;
        }
        long a = fpu.significand(0);
        int aSe = fpu.signExponent(0);
        fpu.unit.extractExponent(a, aSe);
        if (fpu.report(insn)) {
            fpu.setResult(0);
            fpu.unit.extractSignificand(a, aSe);
            fpu.pushResult();
        }
    }
}
