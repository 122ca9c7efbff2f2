package nestbox.x86;

/// Operations on the system state: descriptor tables, control and debug registers, MSRs, caches
/// and translations.
public enum SystemOp implements Op {
    // spotless:off
    SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT, LTR, VERR, VERW, LAR, LSL, SMSW, LMSW, CLTS,
    MOV_FROM_CR, MOV_TO_CR, MOV_FROM_DR, MOV_TO_DR,
    RDMSR, WRMSR, RDTSC, RDTSCP, RDPMC, CPUID, RDRAND, RDSEED,
    INVD, WBINVD, INVLPG, INVPCID, CLFLUSH, MONITOR, MWAIT, UMONITOR, UMWAIT, TPAUSE,
    CLAC, STAC, SWAPGS,
    RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE, XGETBV, XSETBV, PAUSE,
    RSM,
    GETSEC,
    // spotless:on
}
