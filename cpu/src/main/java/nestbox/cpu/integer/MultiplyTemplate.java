package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for MUL and IMUL. See [Specializer].
///
/// Public-key cryptography is little else, and a kernel checks the signatures of its modules.
final class MultiplyTemplate extends Handler {
    static final int WIDE_UNSIGNED = 0;
    static final int WIDE_SIGNED = 1;
    static final int TWO_OPERANDS = 2;
    static final int THREE_OPERANDS = 3;

    /// @param use one of the constants above
    record Parameters(int use, boolean memory, int width, boolean plain) {
        static Parameters of(int use, Insn insn) {
            return new Parameters(use, insn.isMemory, insn.width, Operands.isPlain(insn));
        }
    }

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final int USE = PARAMETERS.use();
    private static final boolean MEMORY = PARAMETERS.memory();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean PLAIN = PARAMETERS.plain();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        switch (USE) {
            case WIDE_UNSIGNED ->
                    Multiply.wide(cpu, operand(cpu, insn, insn.destination), false, WIDTH);
            case WIDE_SIGNED ->
                    Multiply.wide(cpu, operand(cpu, insn, insn.destination), true, WIDTH);
            case TWO_OPERANDS -> {
                long right = operand(cpu, insn, insn.source);
                narrow(cpu, insn, cpu.get(insn.destination, WIDTH), right);
            }
            default -> narrow(cpu, insn, operand(cpu, insn, insn.source), insn.immediate);
        }
    }

    /// @param register that is read if the operand isn't in memory
    private static long operand(Cpu cpu, Insn insn, int register) {
        return MEMORY ? Operands.load(cpu, insn, WIDTH, PLAIN) : cpu.get(register, WIDTH);
    }

    private static void narrow(Cpu cpu, Insn insn, long left, long right) {
        cpu.set(insn.destination, WIDTH, Multiply.narrow(cpu, left, right, WIDTH));
    }
}
