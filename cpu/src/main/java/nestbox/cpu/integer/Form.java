package nestbox.cpu.integer;

import nestbox.cpu.core.Insn;
import nestbox.x86.Operand;
import nestbox.x86.Operand.Place;

/// Where the two operands of an instruction are.
final class Form {
    static final int REGISTER_REGISTER = 0;
    static final int REGISTER_MEMORY = 1;
    static final int MEMORY_REGISTER = 2;
    static final int REGISTER_IMMEDIATE = 3;
    static final int MEMORY_IMMEDIATE = 4;

    private Form() {}

    static int of(Insn insn) {
        Operand first = insn.row.operands().get(0);
        Operand second = insn.row.operands().size() > 1 ? insn.row.operands().get(1) : first;
        if (isMemory(insn, first)) {
            return second.place() == Place.IMMEDIATE ? MEMORY_IMMEDIATE : MEMORY_REGISTER;
        }
        if (isMemory(insn, second)) {
            return REGISTER_MEMORY;
        }
        return second.place() == Place.IMMEDIATE ? REGISTER_IMMEDIATE : REGISTER_REGISTER;
    }

    private static boolean isMemory(Insn insn, Operand operand) {
        return switch (operand.place()) {
            case RM, MEMORY, OFFSET -> insn.isMemory;
            default -> false;
        };
    }
}
