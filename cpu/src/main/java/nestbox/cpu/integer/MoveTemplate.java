package nestbox.cpu.integer;

import java.lang.invoke.MethodHandles;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;

/// Template of the handlers for MOV, MOVZX, MOVSX and MOVSXD. See [Specializer].
final class MoveTemplate extends Handler {
    /// @param form see [Form]
    /// @param width of the destination
    /// @param sourceWidth of the source; narrower than the destination for the extending moves
    record Parameters(int form, int width, int sourceWidth, boolean signExtends) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final int FORM = PARAMETERS.form();
    private static final int WIDTH = PARAMETERS.width();
    private static final int SOURCE_WIDTH = PARAMETERS.sourceWidth();
    private static final boolean SIGN_EXTENDS = PARAMETERS.signExtends();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        switch (FORM) {
            case Form.REGISTER_REGISTER ->
                    cpu.set(insn.destination, WIDTH, extend(cpu.get(insn.source, SOURCE_WIDTH)));
            case Form.REGISTER_MEMORY ->
                    cpu.set(insn.destination, WIDTH, extend(cpu.load(insn, SOURCE_WIDTH)));
            case Form.REGISTER_IMMEDIATE -> cpu.set(insn.destination, WIDTH, insn.immediate);
            case Form.MEMORY_REGISTER -> cpu.store(insn, WIDTH, cpu.get(insn.source, WIDTH));
            default -> cpu.store(insn, WIDTH, Arithmetic.unsigned(insn.immediate, WIDTH));
        }
    }

    private static long extend(long value) {
        return SIGN_EXTENDS ? Arithmetic.signed(value, SOURCE_WIDTH) : value;
    }
}
