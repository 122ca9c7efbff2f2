package nestbox.x86;

/// Feature flags that CPUID reports, each with the place where it does.
///
/// Processor models and the list of what is implemented are sets of these, so a feature is named
/// in one way everywhere. SDM Vol. 2A, "CPUID—CPU Identification".
public enum Cpuid {
    // spotless:off
    // Leaf 1, ECX: feature information
    SSE3(1, 0, Register.ECX, 0, "pni"),
    PCLMULQDQ(1, 0, Register.ECX, 1, "pclmulqdq"),
    DTES64(1, 0, Register.ECX, 2, "dtes64"),
    MONITOR(1, 0, Register.ECX, 3, "monitor"),
    DS_CPL(1, 0, Register.ECX, 4, "ds_cpl"),
    VMX(1, 0, Register.ECX, 5, "vmx"),
    SMX(1, 0, Register.ECX, 6, "smx"),
    EIST(1, 0, Register.ECX, 7, "est"),
    TM2(1, 0, Register.ECX, 8, "tm2"),
    SSSE3(1, 0, Register.ECX, 9, "ssse3"),
    CNXT_ID(1, 0, Register.ECX, 10, "cid"),
    SDBG(1, 0, Register.ECX, 11, "sdbg"),
    FMA(1, 0, Register.ECX, 12, "fma"),
    CMPXCHG16B(1, 0, Register.ECX, 13, "cx16"),
    XTPR(1, 0, Register.ECX, 14, "xtpr"),
    PDCM(1, 0, Register.ECX, 15, "pdcm"),
    PCID(1, 0, Register.ECX, 17, "pcid"),
    DCA(1, 0, Register.ECX, 18, "dca"),
    SSE4_1(1, 0, Register.ECX, 19, "sse4_1"),
    SSE4_2(1, 0, Register.ECX, 20, "sse4_2"),
    X2APIC(1, 0, Register.ECX, 21, "x2apic"),
    MOVBE(1, 0, Register.ECX, 22, "movbe"),
    POPCNT(1, 0, Register.ECX, 23, "popcnt"),
    TSC_DEADLINE(1, 0, Register.ECX, 24, "tsc_deadline_timer"),
    AESNI(1, 0, Register.ECX, 25, "aes"),
    XSAVE(1, 0, Register.ECX, 26, "xsave"),
    OSXSAVE(1, 0, Register.ECX, 27, ""),
    AVX(1, 0, Register.ECX, 28, "avx"),
    F16C(1, 0, Register.ECX, 29, "f16c"),
    RDRAND(1, 0, Register.ECX, 30, "rdrand"),
    HYPERVISOR(1, 0, Register.ECX, 31, "hypervisor"),

    // Leaf 1, EDX: feature information
    FPU(1, 0, Register.EDX, 0, "fpu"),
    VME(1, 0, Register.EDX, 1, "vme"),
    DE(1, 0, Register.EDX, 2, "de"),
    PSE(1, 0, Register.EDX, 3, "pse"),
    TSC(1, 0, Register.EDX, 4, "tsc"),
    MSR(1, 0, Register.EDX, 5, "msr"),
    PAE(1, 0, Register.EDX, 6, "pae"),
    MCE(1, 0, Register.EDX, 7, "mce"),
    CX8(1, 0, Register.EDX, 8, "cx8"),
    APIC(1, 0, Register.EDX, 9, "apic"),
    SEP(1, 0, Register.EDX, 11, "sep"),
    MTRR(1, 0, Register.EDX, 12, "mtrr"),
    PGE(1, 0, Register.EDX, 13, "pge"),
    MCA(1, 0, Register.EDX, 14, "mca"),
    CMOV(1, 0, Register.EDX, 15, "cmov"),
    PAT(1, 0, Register.EDX, 16, "pat"),
    PSE_36(1, 0, Register.EDX, 17, "pse36"),
    PSN(1, 0, Register.EDX, 18, "pn"),
    CLFSH(1, 0, Register.EDX, 19, "clflush"),
    DS(1, 0, Register.EDX, 21, "dts"),
    ACPI(1, 0, Register.EDX, 22, "acpi"),
    MMX(1, 0, Register.EDX, 23, "mmx"),
    FXSR(1, 0, Register.EDX, 24, "fxsr"),
    SSE(1, 0, Register.EDX, 25, "sse"),
    SSE2(1, 0, Register.EDX, 26, "sse2"),
    SS(1, 0, Register.EDX, 27, "ss"),
    HTT(1, 0, Register.EDX, 28, "ht"),
    TM(1, 0, Register.EDX, 29, "tm"),
    PBE(1, 0, Register.EDX, 31, "pbe"),

    // Leaf 6: thermal and power management
    DIGITAL_TEMPERATURE_SENSOR(6, 0, Register.EAX, 0, "dtherm"),
    TURBO_BOOST(6, 0, Register.EAX, 1, "ida"),
    ARAT(6, 0, Register.EAX, 2, "arat"),
    PLN(6, 0, Register.EAX, 4, "pln"),
    ECMD(6, 0, Register.EAX, 5, ""),
    PTM(6, 0, Register.EAX, 6, "pts"),
    HWP(6, 0, Register.EAX, 7, "hwp"),
    HWP_NOTIFICATION(6, 0, Register.EAX, 8, "hwp_notify"),
    HWP_ACTIVITY_WINDOW(6, 0, Register.EAX, 9, "hwp_act_window"),
    HWP_ENERGY_PERFORMANCE(6, 0, Register.EAX, 10, "hwp_epp"),
    HWP_PACKAGE(6, 0, Register.EAX, 11, "hwp_pkg_req"),
    HDC(6, 0, Register.EAX, 13, ""),
    HARDWARE_COORDINATION_FEEDBACK(6, 0, Register.ECX, 0, "aperfmperf"),
    ENERGY_PERF_BIAS(6, 0, Register.ECX, 3, "epb"),

    // Leaf 7, subleaf 0, EBX: structured extended features
    FSGSBASE(7, 0, Register.EBX, 0, "fsgsbase"),
    TSC_ADJUST(7, 0, Register.EBX, 1, "tsc_adjust"),
    SGX(7, 0, Register.EBX, 2, "sgx"),
    BMI1(7, 0, Register.EBX, 3, "bmi1"),
    HLE(7, 0, Register.EBX, 4, "hle"),
    AVX2(7, 0, Register.EBX, 5, "avx2"),
    FDP_EXCPTN_ONLY(7, 0, Register.EBX, 6, ""),
    SMEP(7, 0, Register.EBX, 7, "smep"),
    BMI2(7, 0, Register.EBX, 8, "bmi2"),
    ERMS(7, 0, Register.EBX, 9, "erms"),
    INVPCID(7, 0, Register.EBX, 10, "invpcid"),
    RTM(7, 0, Register.EBX, 11, "rtm"),
    RDT_M(7, 0, Register.EBX, 12, "cqm"),
    FPU_CS_DS_DEPRECATED(7, 0, Register.EBX, 13, ""),
    MPX(7, 0, Register.EBX, 14, "mpx"),
    RDT_A(7, 0, Register.EBX, 15, "rdt_a"),
    AVX512F(7, 0, Register.EBX, 16, "avx512f"),
    AVX512DQ(7, 0, Register.EBX, 17, "avx512dq"),
    RDSEED(7, 0, Register.EBX, 18, "rdseed"),
    ADX(7, 0, Register.EBX, 19, "adx"),
    SMAP(7, 0, Register.EBX, 20, "smap"),
    AVX512_IFMA(7, 0, Register.EBX, 21, "avx512ifma"),
    CLFLUSHOPT(7, 0, Register.EBX, 23, "clflushopt"),
    CLWB(7, 0, Register.EBX, 24, "clwb"),
    INTEL_PT(7, 0, Register.EBX, 25, "intel_pt"),
    AVX512CD(7, 0, Register.EBX, 28, "avx512cd"),
    SHA(7, 0, Register.EBX, 29, "sha_ni"),
    AVX512BW(7, 0, Register.EBX, 30, "avx512bw"),
    AVX512VL(7, 0, Register.EBX, 31, "avx512vl"),

    // Leaf 7, subleaf 0, ECX
    AVX512_VBMI(7, 0, Register.ECX, 1, "avx512vbmi"),
    UMIP(7, 0, Register.ECX, 2, "umip"),
    PKU(7, 0, Register.ECX, 3, "pku"),
    OSPKE(7, 0, Register.ECX, 4, "ospke"),
    WAITPKG(7, 0, Register.ECX, 5, "waitpkg"),
    AVX512_VBMI2(7, 0, Register.ECX, 6, "avx512_vbmi2"),
    CET_SS(7, 0, Register.ECX, 7, "user_shstk"),
    GFNI(7, 0, Register.ECX, 8, "gfni"),
    VAES(7, 0, Register.ECX, 9, "vaes"),
    VPCLMULQDQ(7, 0, Register.ECX, 10, "vpclmulqdq"),
    AVX512_VNNI(7, 0, Register.ECX, 11, "avx512_vnni"),
    AVX512_BITALG(7, 0, Register.ECX, 12, "avx512_bitalg"),
    TME_EN(7, 0, Register.ECX, 13, "tme"),
    AVX512_VPOPCNTDQ(7, 0, Register.ECX, 14, "avx512_vpopcntdq"),
    LA57(7, 0, Register.ECX, 16, "la57"),
    RDPID(7, 0, Register.ECX, 22, "rdpid"),
    KL(7, 0, Register.ECX, 23, ""),
    CLDEMOTE(7, 0, Register.ECX, 25, "cldemote"),
    MOVDIRI(7, 0, Register.ECX, 27, "movdiri"),
    MOVDIR64B(7, 0, Register.ECX, 28, "movdir64b"),
    SGX_LC(7, 0, Register.ECX, 30, "sgx_lc"),
    PKS(7, 0, Register.ECX, 31, ""),

    // Leaf 7, subleaf 0, EDX
    FAST_SHORT_REP_MOV(7, 0, Register.EDX, 4, "fsrm"),
    AVX512_VP2INTERSECT(7, 0, Register.EDX, 8, "avx512_vp2intersect"),
    SRBDS_CTRL(7, 0, Register.EDX, 9, ""),
    MD_CLEAR(7, 0, Register.EDX, 10, "md_clear"),
    SERIALIZE(7, 0, Register.EDX, 14, "serialize"),
    HYBRID(7, 0, Register.EDX, 15, ""),
    PCONFIG(7, 0, Register.EDX, 18, "pconfig"),
    ARCHITECTURAL_LBR(7, 0, Register.EDX, 19, "arch_lbr"),
    CET_IBT(7, 0, Register.EDX, 20, "ibt"),
    IBRS_IBPB(7, 0, Register.EDX, 26, "ibrs ibpb"),
    STIBP(7, 0, Register.EDX, 27, "stibp"),
    L1D_FLUSH(7, 0, Register.EDX, 28, "flush_l1d"),
    ARCH_CAPABILITIES(7, 0, Register.EDX, 29, "arch_capabilities"),
    CORE_CAPABILITIES(7, 0, Register.EDX, 30, ""),
    SSBD(7, 0, Register.EDX, 31, "ssbd"),

    // Leaf 0xD, subleaf 1: processor extended state
    XSAVEOPT(0xD, 1, Register.EAX, 0, "xsaveopt"),
    XSAVEC(0xD, 1, Register.EAX, 1, "xsavec"),
    XGETBV_ECX1(0xD, 1, Register.EAX, 2, "xgetbv1"),
    XSAVES(0xD, 1, Register.EAX, 3, "xsaves"),

    // Leaf 0x80000001: extended features
    LAHF_SAHF_64(0x8000_0001, 0, Register.ECX, 0, "lahf_lm"),
    LZCNT(0x8000_0001, 0, Register.ECX, 5, "abm"),
    PREFETCHW(0x8000_0001, 0, Register.ECX, 8, "3dnowprefetch"),
    SYSCALL_SYSRET(0x8000_0001, 0, Register.EDX, 11, "syscall"),
    EXECUTE_DISABLE(0x8000_0001, 0, Register.EDX, 20, "nx"),
    GBYTE_PAGES(0x8000_0001, 0, Register.EDX, 26, "pdpe1gb"),
    RDTSCP(0x8000_0001, 0, Register.EDX, 27, "rdtscp"),
    INTEL_64(0x8000_0001, 0, Register.EDX, 29, "lm"),

    // Leaves 0x80000007 and 0x80000008
    INVARIANT_TSC(0x8000_0007, 0, Register.EDX, 8, "constant_tsc nonstop_tsc"),
    WBNOINVD(0x8000_0008, 0, Register.EBX, 9, "wbnoinvd");

    // spotless:on

    /// The registers in which CPUID answers, in the order of an answer's elements.
    public enum Register {
        EAX,
        EBX,
        ECX,
        EDX
    }

    private final int leaf;
    private final int subleaf;
    private final Register register;
    private final int bit;
    private final String linuxName;

    Cpuid(int leaf, int subleaf, Register register, int bit, String linuxName) {
        this.leaf = leaf;
        this.subleaf = subleaf;
        this.register = register;
        this.bit = bit;
        this.linuxName = linuxName;
    }

    /// What CPUID takes in EAX.
    public int leaf() {
        return leaf;
    }

    /// What CPUID takes in ECX.
    public int subleaf() {
        return subleaf;
    }

    public Register register() {
        return register;
    }

    public int bit() {
        return bit;
    }

    /// What `/proc/cpuinfo` calls it, empty if it doesn't show it.
    public String linuxName() {
        return linuxName;
    }

    /// Whether an answer of CPUID to this flag's leaf and subleaf has the flag set.
    public boolean in(int[] answer) {
        return (answer[register.ordinal()] >>> bit & 1) != 0;
    }
}
