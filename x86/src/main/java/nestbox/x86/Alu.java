package nestbox.x86;

/// Integer arithmetic and logic with two operands or one, which set the status flags.
///
/// The first eight stand in the order of the opcode bits 5:3 and of the group 1 extension.
public enum Alu implements Op {
    // spotless:off
    ADD, OR, ADC, SBB, AND, SUB, XOR, CMP,
    TEST, INC, DEC, NOT, NEG, MUL, IMUL1, IMUL, DIV, IDIV,
    XADD, CMPXCHG, CMPXCHG8B,
    DAA, DAS, AAA, AAS, AAM,
    AAD,
    // spotless:on
}
