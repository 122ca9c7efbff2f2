package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for LEA. See [Specializer].
final class LeaTemplate extends Handler {
    record Parameters(int width) {}

    private static final int WIDTH =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class).width();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        cpu.set(insn.destination, WIDTH, cpu.effectiveAddress(insn));
    }
}
