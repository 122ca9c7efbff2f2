package nestbox.hypervisor.emulate;

import nestbox.x86.OpcodeRow;
import nestbox.x86.Operand;

/// An instruction of a guest, decoded.
///
/// @param opcode the last byte of the opcode; the condition of SETcc and CMOVcc is in it
/// @param operandSize the operand-size attribute in bytes: 2, 4 or 8
/// @param addressSize the address-size attribute in bytes: 2, 4 or 8
/// @param rex the REX prefix, 0 if there is none
/// @param modRm the ModRM byte, 0 if there is none
/// @param address how the memory operand is formed
/// @param immediate sign-extended as the row says
/// @param repeat F2 or F3, 0 if there is none
record Instruction(
        OpcodeRow row,
        int opcode,
        int length,
        int operandSize,
        int addressSize,
        int rex,
        int modRm,
        Address address,
        long immediate,
        boolean lock,
        int repeat) {
    static final int REPNE = 0xF2;
    static final int NO_REGISTER = -1;

    /// A memory operand's address: base + index × 2^scale + displacement, in a segment.
    ///
    /// @param base register number, or [#NO_REGISTER]
    /// @param displacement with RIP of the next instruction in it, if it is RIP-relative
    record Address(int segment, int base, int index, int scale, long displacement) {
        /// What string instructions and register operands have: only the segment counts.
        static Address of(int segment) {
            return new Address(segment, NO_REGISTER, NO_REGISTER, 0, 0);
        }
    }

    /// Whether the ModRM operand, or that of a MOV with an offset, is in memory.
    boolean isMemory() {
        return modRm < 0xC0;
    }

    /// ModRM.reg with REX.R.
    int reg() {
        return modRm >> 3 & 7 | (rex & 4) << 1;
    }

    /// ModRM.rm with REX.B.
    int rm() {
        return modRm & 7 | (rex & 1) << 3;
    }

    Operand operand(int index) {
        return row.operands().get(index);
    }

    /// Width in bytes of an operand.
    int width(int index) {
        return operand(index).width(operandSize);
    }

    boolean isRepeated() {
        return repeat != 0;
    }
}
