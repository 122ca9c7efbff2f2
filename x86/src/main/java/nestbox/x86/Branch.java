package nestbox.x86;

/// Transfers of control and the flags that steer them.
public enum Branch implements Op {
    // spotless:off
    JMP, JCC, CALL, RET, LOOP, LOOPE, LOOPNE, JCXZ, JMP_INDIRECT, CALL_INDIRECT,
    JMP_FAR, CALL_FAR, JMP_FAR_INDIRECT, CALL_FAR_INDIRECT, RET_FAR, IRET,
    INT, INT1, INT3, INTO, UD,
    CLC, STC, CMC, CLD, STD, CLI, STI, HLT,
    SYSCALL, SYSRET, SYSENTER,
    SYSEXIT,
    // spotless:on
}
