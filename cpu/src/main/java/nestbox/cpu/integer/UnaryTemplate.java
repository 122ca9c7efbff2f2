package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers that read one operand, change it and write it back. See [Specializer].
final class UnaryTemplate extends Handler {
    /// What happens to the operand.
    @FunctionalInterface
    interface Operation {
        /// @param value zero-extended
        /// @return the new value; anything above the width
        long apply(Cpu cpu, Insn insn, long value, int width);
    }

    record Parameters(Operation operation, boolean memory, int width, boolean plain) {
        static Parameters of(Operation operation, Insn insn) {
            return new Parameters(operation, insn.isMemory, insn.width, Operands.isPlain(insn));
        }
    }

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final Operation OPERATION = PARAMETERS.operation();
    private static final boolean MEMORY = PARAMETERS.memory();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean PLAIN = PARAMETERS.plain();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        if (!MEMORY) {
            long value = cpu.get(insn.destination, WIDTH);
            cpu.set(insn.destination, WIDTH, OPERATION.apply(cpu, insn, value, WIDTH));
            return;
        }
        long linear = Operands.linear(cpu, insn, WIDTH, true, PLAIN);
        long host = cpu.writable(insn.segment, linear, WIDTH);
        if (host >= 0) {
            long value = Operands.fetch(host, WIDTH);
            Operands.put(host, WIDTH, OPERATION.apply(cpu, insn, value, WIDTH));
            return;
        }
        long value = cpu.mmu.readForWrite(insn.segment, linear, WIDTH);
        long result = OPERATION.apply(cpu, insn, value, WIDTH);
        cpu.write(insn.segment, linear, WIDTH, Arithmetic.unsigned(result, WIDTH));
    }
}
