package nestbox.cpu.integer;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import java.lang.invoke.MethodHandles;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;

/// Template of the handlers for two-operand arithmetic: destination = operation(destination,
/// source). See [Specializer].
final class BinaryTemplate extends Handler {
    /// @param form see [Form]
    /// @param stores false for CMP and TEST
    record Parameters(Arithmetic.Operation operation, int form, int width, boolean stores) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final Arithmetic.Operation OPERATION = PARAMETERS.operation();
    private static final int FORM = PARAMETERS.form();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean STORES = PARAMETERS.stores();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        switch (FORM) {
            case Form.REGISTER_REGISTER -> toRegister(cpu, insn, cpu.get(insn.source, WIDTH));
            case Form.REGISTER_MEMORY -> toRegister(cpu, insn, cpu.load(insn, WIDTH));
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
            OPERATION.apply(cpu, cpu.load(insn, WIDTH), right, WIDTH);
            return;
        }
        long linear = cpu.linear(insn, WIDTH, true);
        long host = cpu.writable(insn.segment, linear, WIDTH);
        if (host >= 0) {
            put(host, OPERATION.apply(cpu, fetch(host), right, WIDTH));
            return;
        }
        long left = cpu.mmu.readForWrite(insn.segment, linear, WIDTH);
        // The write can't fault any more, so the flags may change before it.
        long value = OPERATION.apply(cpu, left, right, WIDTH);
        cpu.write(insn.segment, linear, WIDTH, Arithmetic.unsigned(value, WIDTH));
    }

    private static long fetch(long host) {
        return switch (WIDTH) {
            case 1 -> SPACE.get(I8, host) & 0xFF;
            case 2 -> SPACE.get(I16, host) & 0xFFFF;
            case 4 -> SPACE.get(I32, host) & 0xFFFF_FFFFL;
            default -> SPACE.get(I64, host);
        };
    }

    private static void put(long host, long value) {
        switch (WIDTH) {
            case 1 -> SPACE.set(I8, host, (byte) value);
            case 2 -> SPACE.set(I16, host, (short) value);
            case 4 -> SPACE.set(I32, host, (int) value);
            default -> SPACE.set(I64, host, value);
        }
    }
}
