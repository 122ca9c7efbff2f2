package nestbox.x86.vmx;

/// The VM-exit instruction-information field, in the form that contains all others: an instruction
/// defines those parts that it has. SDM Vol. 3C, "Information for VM Exits Due to Instruction
/// Execution".
///
/// @param scaling bits 1:0, the shift of the index register
/// @param register1 bits 6:3, a register operand
/// @param addressSize bits 9:7: 0 is 16-bit, 1 is 32-bit, 2 is 64-bit
/// @param isRegister bit 10: the ModRM operand is a register
/// @param operandSize bits 12:11: 0 is 16-bit, 1 is 32-bit, 2 is 64-bit
/// @param segment bits 17:15, in the order ES CS SS DS FS GS
/// @param index bits 21:18, or [#NONE], which bit 22 says
/// @param base bits 26:23, or [#NONE], which bit 27 says
/// @param register2 bits 31:28: a second register operand, or which of four instructions it was
public record InstructionInformation(
        int scaling,
        int register1,
        int addressSize,
        boolean isRegister,
        int operandSize,
        int segment,
        int index,
        int base,
        int register2) {
    /// No index or base register.
    public static final int NONE = -1;

    public static InstructionInformation of(long field) {
        int bits = (int) field;
        return new InstructionInformation(
                bits & 3,
                bits >>> 3 & 0xF,
                bits >>> 7 & 7,
                (bits & 1 << 10) != 0,
                bits >>> 11 & 3,
                bits >>> 15 & 7,
                (bits & 1 << 22) != 0 ? NONE : bits >>> 18 & 0xF,
                (bits & 1 << 27) != 0 ? NONE : bits >>> 23 & 0xF,
                bits >>> 28 & 0xF);
    }

    /// The 32-bit field, zero-extended.
    public long toLong() {
        return scaling
                | register1 << 3
                | addressSize << 7
                | (isRegister ? 1 << 10 : 0)
                | operandSize << 11
                | segment << 15
                | (index == NONE ? 1 << 22 : index << 18)
                | (base == NONE ? 1 << 27 : base << 23)
                | (long) register2 << 28;
    }

    /// For VMREAD and VMWRITE, and descriptor-table instructions, with a register operand.
    public static InstructionInformation ofRegister(int register1, int register2) {
        return new InstructionInformation(0, register1, 0, true, 0, 0, 0, 0, register2);
    }

    /// For instructions with one register operand of a size.
    ///
    /// @param bytes 2, 4 or 8
    public static InstructionInformation ofDestination(int register1, int bytes) {
        return new InstructionInformation(0, register1, 0, false, size(bytes), 0, 0, 0, 0);
    }

    /// What is in the field for a size in bytes: 2, 4 or 8.
    public static int size(int bytes) {
        return Integer.numberOfTrailingZeros(bytes) - 1;
    }
}
