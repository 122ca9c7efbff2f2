package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Specializer;

import java.lang.invoke.MethodHandles;

/// Template of the handlers for CMP or TEST followed by a conditional jump: the condition comes
/// from the operands, not from the flags (which are set all the same). See [Specializer].
final class CompareJumpTemplate extends Handler {
    /// @param test TEST, else CMP
    /// @param form see [Form]
    /// @param plain see [Operands#isPlain]
    /// @param condition low four bits of the jump's opcode
    record Parameters(boolean test, int form, int width, boolean plain, int condition) {}

    private static final Parameters PARAMETERS =
            Specializer.parameters(MethodHandles.lookup(), Parameters.class);
    private static final boolean TEST = PARAMETERS.test();
    private static final int FORM = PARAMETERS.form();
    private static final int WIDTH = PARAMETERS.width();
    private static final boolean PLAIN = PARAMETERS.plain();
    private static final int CONDITION = PARAMETERS.condition();

    @Override
    public void execute(Cpu cpu, Insn insn) {
        long left;
        long right;
        switch (FORM) {
            case Form.REGISTER_REGISTER -> {
                left = cpu.get(insn.destination, WIDTH);
                right = cpu.get(insn.source, WIDTH);
            }
            case Form.REGISTER_MEMORY -> {
                left = cpu.get(insn.destination, WIDTH);
                right = Operands.load(cpu, insn, WIDTH, PLAIN);
            }
            case Form.REGISTER_IMMEDIATE -> {
                left = cpu.get(insn.destination, WIDTH);
                right = insn.immediate;
            }
            case Form.MEMORY_REGISTER -> {
                left = Operands.load(cpu, insn, WIDTH, PLAIN);
                right = cpu.get(insn.source, WIDTH);
            }
            default -> {
                left = Operands.load(cpu, insn, WIDTH, PLAIN);
                right = insn.immediate;
            }
        }
        if (TEST) {
            Arithmetic.and(cpu, left, right, WIDTH);
        } else {
            Arithmetic.sub(cpu, left, right, WIDTH);
        }
        boolean base = TEST ? afterTest(left & right) : afterCompare(cpu, left, right);
        boolean taken = base != ((CONDITION & 1) != 0);
        Branches.conditional(cpu, insn, taken, insn.immediate2);
    }

    private static boolean afterTest(long result) {
        long signed = Arithmetic.signed(result, WIDTH);
        return switch (CONDITION >> 1) {
            case 0, 1 -> false;
            case 2, 3 -> signed == 0;
            case 4, 6 -> signed < 0;
            case 5 -> (Long.bitCount(result & 0xFF) & 1) == 0;
            default -> signed <= 0;
        };
    }

    private static boolean afterCompare(Cpu cpu, long left, long right) {
        long a = Arithmetic.signed(left, WIDTH);
        long b = Arithmetic.signed(right, WIDTH);
        return switch (CONDITION >> 1) {
            case 1 -> Long.compareUnsigned(a, b) < 0;
            case 2 -> a == b;
            case 3 -> Long.compareUnsigned(a, b) <= 0;
            case 4 -> Arithmetic.signed(left - right, WIDTH) < 0;
            case 6 -> a < b;
            case 7 -> a <= b;
            default -> cpu.condition(CONDITION & ~1);
        };
    }
}
