package nestbox.x86;

/// Data movement that leaves the flags alone.
public enum Move implements Op {
    // spotless:off
    MOV, MOVZX, MOVSX, MOVSXD, MOVBE, LEA, XCHG, CMOV, SETCC, CBW, CWD, XLAT,
    PUSH, POP, PUSHA, POPA, ENTER, LEAVE, PUSHF, POPF, LAHF, SAHF,
    MOV_FROM_SREG, MOV_TO_SREG, PUSH_SREG, POP_SREG, LOAD_FAR,
    NOP, PREFETCH, FENCE, BOUND,
    ARPL,
    // spotless:on
}
