package nestbox.cpu.x87;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.ExtendedUnit;

/// FADD, FSUB, FMUL, FDIV and their kin: two operands, of which one is ST(0).
///
/// Bit 2 of the opcode makes ST(i) the destination, bits 2:1 give the format of a memory operand.
final class Arithmetic {
    private static final int TO_STI = 4;

    @FunctionalInterface
    interface Operation {
        void apply(ExtendedUnit unit, long a, int aSignExponent, long b, int bSignExponent);
    }

    private Arithmetic() {}

    static Semantic of(Operation operation) {
        return (cpu, insn) -> execute(cpu, insn, operation, false);
    }

    static Semantic popping(Operation operation) {
        return (cpu, insn) -> execute(cpu, insn, operation, true);
    }

    /// Reads the memory operand as the unit's result.
    static void load(Cpu cpu, Insn insn) {
        Fpu fpu = cpu.fpu;
        switch (insn.opcode >> 1 & 3) {
            case 0 -> fpu.conversion.operandOfBinary32((int) cpu.load(insn, 4));
            case 1 -> fpu.conversion.fromInteger((int) cpu.load(insn, 4));
            case 2 -> fpu.conversion.operandOfBinary64(cpu.load(insn, 8));
            default -> fpu.conversion.fromInteger((short) cpu.load(insn, 2));
        }
    }

    private static void execute(Cpu cpu, Insn insn, Operation operation, boolean pops) {
        Fpu fpu = cpu.fpu;
        fpu.enter();
        int destination = 0;
        long source;
        int sourceSignExponent;
        boolean empty;
        if (insn.isMemory) {
            load(cpu, insn);
            source = fpu.unit.significand;
            sourceSignExponent = fpu.unit.signExponent;
            empty = fpu.isEmpty(0);
        } else {
            int i = insn.rm & 7;
            boolean toSti = (insn.opcode & TO_STI) != 0;
            destination = toSti ? i : 0;
            int from = toSti ? 0 : i;
            source = fpu.significand(from);
            sourceSignExponent = fpu.signExponent(from);
            empty = fpu.isEmpty(0) || fpu.isEmpty(i);
        }
        fpu.track(insn);
        if (empty) {
            if (fpu.stackFault(false)) {
                fpu.setIndefinite(destination);
            } else {
                return;
            }
        } else {
            long a = fpu.significand(destination);
            int aSe = fpu.signExponent(destination);
            operation.apply(fpu.unit, a, aSe, source, sourceSignExponent);
            if (!fpu.report(insn)) {
                return;
            }
            fpu.setResult(destination);
        }
        if (pops) {
            fpu.pop();
        }
    }
}
