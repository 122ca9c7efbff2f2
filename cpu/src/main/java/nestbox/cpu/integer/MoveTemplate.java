package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for MOV, MOVZX, MOVSX and MOVSXD. See [Specializer].
final class MoveTemplate extends Handler {
    /// @param form see [Form]
    /// @param width of the destination
    /// @param sourceWidth of the source; narrower than the destination for the extending moves
    record Parameters(int form, int width, int sourceWidth, boolean signExtends, boolean plain) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final int FORM = PARAMETERS.form();
    private static final int WIDTH = PARAMETERS.width();
    private static final int SOURCE_WIDTH = PARAMETERS.sourceWidth();
    private static final boolean PLAIN = PARAMETERS.plain();
    private static final boolean SIGN_EXTENDS = PARAMETERS.signExtends();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        switch (FORM) {
            case Form.REGISTER_REGISTER ->
                    cpu.set(insn.destination, WIDTH, extend(cpu.get(insn.source, SOURCE_WIDTH)));
            case Form.REGISTER_MEMORY ->
                    cpu.set(
                            insn.destination,
                            WIDTH,
                            extend(Operands.load(cpu, insn, SOURCE_WIDTH, PLAIN)));
            case Form.REGISTER_IMMEDIATE -> cpu.set(insn.destination, WIDTH, insn.immediate);
            case Form.MEMORY_REGISTER ->
                    Operands.store(cpu, insn, WIDTH, PLAIN, cpu.get(insn.source, WIDTH));
            default ->
                    Operands.store(
                            cpu, insn, WIDTH, PLAIN, Arithmetic.unsigned(insn.immediate, WIDTH));
        }
    }

    private static long extend(long value) {
        return SIGN_EXTENDS ? Arithmetic.signed(value, SOURCE_WIDTH) : value;
    }
}
