package nestbox.conformance.oracle;

import nestbox.x86.OpcodeRow;

/// One instruction and the state it starts from.
///
/// @param row the table row that the instruction's bytes mean
/// @param before all that is set beforehand, the bytes included
/// @param operandAddress where its memory operand lies; 0 when it has none
/// @param operandSize in bytes
/// @param undefinedFlags status flags that the manual leaves undefined for these operands
record Case(
        OpcodeRow row, State before, long operandAddress, int operandSize, long undefinedFlags) {
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (byte b : before.instruction()) {
            text.append("%02x ".formatted(b));
        }
        return text.append(' ').append(row).toString();
    }
}
