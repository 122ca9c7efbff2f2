package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for PUSH and POP of a register in 64-bit mode, and for near CALL and
/// RET there: the stack is flat and 8 bytes wide. See [Specializer].
final class StackTemplate extends Handler {
    static final int PUSH = 0;
    static final int POP = 1;
    static final int CALL = 2;
    static final int RET = 3;

    record Parameters(int use) {}

    private static final int USE =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class).use();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        long top = cpu.get64(Cpu.RSP);
        switch (USE) {
            case PUSH -> {
                cpu.write64(Insn.SS, top - 8, cpu.get64(insn.destination));
                cpu.set64(Cpu.RSP, top - 8);
            }
            case POP -> {
                long value = cpu.read64(Insn.SS, top);
                cpu.set64(Cpu.RSP, top + 8);
                cpu.set64(insn.destination, value);
            }
            case CALL -> {
                long next = cpu.rip() + insn.end;
                long target = next + insn.immediate;
                Branches.checkCanonical(cpu, target);
                cpu.write64(Insn.SS, top - 8, next);
                cpu.set64(Cpu.RSP, top - 8);
                cpu.rip(target);
            }
            default -> {
                long target = cpu.read64(Insn.SS, top);
                Branches.checkCanonical(cpu, target);
                cpu.set64(Cpu.RSP, top + 8);
                cpu.rip(target);
            }
        }
    }
}
