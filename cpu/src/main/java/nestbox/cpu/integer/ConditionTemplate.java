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

    record Parameters(int use, int condition, boolean memory, int width, boolean plain) {
        static Parameters jump(int condition) {
            return new Parameters(JUMP, condition, false, 0, false);
        }

        static Parameters of(int use, Insn insn) {
            return new Parameters(
                    use, insn.opcode & 0xF, insn.isMemory, insn.width, Operands.isPlain(insn));
        }
    }

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final int USE = PARAMETERS.use();
    private static final int CONDITION = PARAMETERS.condition();
    private static final boolean MEMORY = PARAMETERS.memory();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean PLAIN = PARAMETERS.plain();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        boolean holds = cpu.condition(CONDITION);
        switch (USE) {
            case JUMP -> Branches.conditional(cpu, insn, holds, insn.immediate);
            case SET -> set(cpu, insn, holds ? 1 : 0);
            default -> move(cpu, insn, holds);
        }
    }

    private static void set(Cpu cpu, Insn insn, long value) {
        if (MEMORY) {
            Operands.store(cpu, insn, 1, PLAIN, value);
        } else {
            cpu.set(insn.destination, 1, value);
        }
    }

    /// The source is read, and a 32-bit destination zero-extended, whatever the condition.
    private static void move(Cpu cpu, Insn insn, boolean holds) {
        long value = MEMORY ? Operands.load(cpu, insn, WIDTH, PLAIN) : cpu.get(insn.source, WIDTH);
        if (holds) {
            cpu.set(insn.destination, WIDTH, value);
        } else if (WIDTH == 4) {
            cpu.set32(insn.destination, cpu.get32(insn.destination));
        }
    }
}
