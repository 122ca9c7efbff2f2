package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for Jcc, SETcc and CMOVcc: one copy for each condition. See
/// [Specializer].
final class ConditionTemplate extends Handler {
    static final int JUMP = 0;
    static final int SET = 1;
    static final int MOVE = 2;

    record Parameters(int use, int condition) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final int USE = PARAMETERS.use();
    private static final int CONDITION = PARAMETERS.condition();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        boolean holds = cpu.condition(CONDITION);
        switch (USE) {
            case JUMP -> Branches.conditional(cpu, insn, holds, insn.immediate);
            case SET -> cpu.storeRm(insn, insn.destination, 1, holds ? 1 : 0);
            default -> move(cpu, insn, holds);
        }
    }

    /// The source is read, and a 32-bit destination zero-extended, whatever the condition.
    private static void move(Cpu cpu, Insn insn, boolean holds) {
        long value = cpu.loadRm(insn, insn.source, insn.width);
        if (holds) {
            cpu.set(insn.destination, insn.width, value);
        } else if (insn.width == 4) {
            cpu.set32(insn.destination, cpu.get32(insn.destination));
        }
    }
}
