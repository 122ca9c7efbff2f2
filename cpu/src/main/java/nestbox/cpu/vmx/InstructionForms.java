package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.SystemOp;
import nestbox.x86.vmx.InstructionInformation;

/// What VM exits tell about the instruction that caused them. SDM Vol. 3C, "Information for VM
/// Exits Due to Instruction Execution".
final class InstructionForms {
    private InstructionForms() {}

    private static int number(int register) {
        return register == StateBlock.ZERO || register == StateBlock.RIP
                ? InstructionInformation.NONE
                : register / 8;
    }

    private static int addressSize(Insn insn) {
        return InstructionInformation.size(insn.addressSize);
    }

    /// An instruction with a memory operand.
    ///
    /// @param register its register operand, or what bits 31:28 say instead
    static InstructionInformation memory(Insn insn, int register) {
        return new InstructionInformation(
                insn.scale,
                0,
                addressSize(insn),
                false,
                0,
                insn.segment,
                number(insn.indexRegister),
                number(insn.baseRegister),
                register);
    }

    /// VMREAD and VMWRITE.
    static InstructionInformation either(Insn insn) {
        return insn.isMemory
                ? memory(insn, insn.reg)
                : InstructionInformation.ofRegister(insn.rm, insn.reg);
    }

    /// RDRAND, RDSEED, UMWAIT and TPAUSE.
    static InstructionInformation destination(Insn insn) {
        return InstructionInformation.ofDestination(insn.rm, insn.width);
    }

    /// INS and OUTS.
    static InstructionInformation string(Insn insn, int segment) {
        return new InstructionInformation(0, 0, addressSize(insn), false, 0, segment, 0, 0, 0);
    }

    /// Descriptor-table instructions.
    static InstructionInformation table(Insn insn, SystemOp op) {
        int identity =
                switch (op) {
                    case SGDT, SLDT -> 0;
                    case SIDT, STR -> 1;
                    case LGDT, LLDT -> 2;
                    default -> 3;
                };
        if (!insn.isMemory) {
            return InstructionInformation.ofRegister(insn.rm, identity);
        }
        InstructionInformation form = memory(insn, identity);
        return new InstructionInformation(
                form.scaling(),
                0,
                form.addressSize(),
                false,
                insn.operandSize == 2 ? 0 : 1,
                form.segment(),
                form.index(),
                form.base(),
                identity);
    }

    /// The exit qualification of instructions with a memory operand: its displacement, for
    /// RIP-relative ones with RIP added.
    static long displacement(Cpu cpu, Insn insn) {
        if (!insn.isMemory) {
            return 0;
        }
        boolean relative = insn.baseRegister == StateBlock.RIP;
        return relative ? cpu.rip() + insn.displacement : insn.displacement;
    }
}
