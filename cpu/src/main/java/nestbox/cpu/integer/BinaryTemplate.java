package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for two-operand arithmetic: destination = operation(destination,
/// source). See [Specializer].
final class BinaryTemplate extends Handler {
    /// @param form see [Form]
    /// @param plain see [Operands#isPlain]
    /// @param stores false for CMP and TEST
    record Parameters(
            Arithmetic.Operation operation, int form, int width, boolean plain, boolean stores) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final Arithmetic.Operation OPERATION = PARAMETERS.operation();
    private static final int FORM = PARAMETERS.form();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean PLAIN = PARAMETERS.plain();
    private static final boolean STORES = PARAMETERS.stores();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        switch (FORM) {
            case Form.REGISTER_REGISTER -> toRegister(cpu, insn, cpu.get(insn.source, WIDTH));
            case Form.REGISTER_MEMORY ->
                    toRegister(cpu, insn, Operands.load(cpu, insn, WIDTH, PLAIN));
            case Form.REGISTER_IMMEDIATE -> toRegister(cpu, insn, insn.immediate);
            case Form.MEMORY_REGISTER -> toMemory(cpu, insn, cpu.get(insn.source, WIDTH));
            default -> toMemory(cpu, insn, insn.immediate);
        }
    }

    private static void toRegister(Cpu cpu, Insn insn, long right) {
        long left = cpu.get(insn.destination, WIDTH);
        long result = OPERATION.apply(cpu, left, right, WIDTH);
        if (STORES) {
            cpu.set(insn.destination, WIDTH, result);
        }
    }

    private static void toMemory(Cpu cpu, Insn insn, long right) {
        if (!STORES) {
            OPERATION.apply(cpu, Operands.load(cpu, insn, WIDTH, PLAIN), right, WIDTH);
            return;
        }
        long linear = Operands.linear(cpu, insn, WIDTH, true, PLAIN);
        long host = cpu.writable(insn.segment, linear, WIDTH);
        if (host >= 0) {
            long left = Operands.fetch(host, WIDTH);
            Operands.put(host, WIDTH, OPERATION.apply(cpu, left, right, WIDTH));
            return;
        }
        long left = cpu.mmu.readForWrite(insn.segment, linear, WIDTH);
        // The write can't fault any more, so the flags may change before it.
        long value = OPERATION.apply(cpu, left, right, WIDTH);
        cpu.write(insn.segment, linear, WIDTH, Arithmetic.unsigned(value, WIDTH));
    }
}
