package nestbox.x86;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.IntStream;

/// The model-specific registers that operating systems and hypervisors touch.
///
/// A row stands for one register or for a numbered family of them (`MTRR_PHYSBASEn`), so that
/// RDMSR, WRMSR, MSR bitmaps and register dumps share one list. SDM Vol. 4, "Architectural MSRs",
/// and for the VMX rows Vol. 3D, "VMX Capability Reporting Facility".
public enum Msr {
    // spotless:off
    IA32_P5_MC_ADDR(0x0, "Machine check address of the P5 family"),
    IA32_P5_MC_TYPE(0x1, "Machine check type of the P5 family"),
    IA32_MONITOR_FILTER_SIZE(0x6, "Monitor filter line size"),
    IA32_TIME_STAMP_COUNTER(0x10, "Time-stamp counter"),
    IA32_PLATFORM_ID(0x17, "Platform ID"),
    IA32_APIC_BASE(0x1B, "Local APIC base and mode"),
    MSR_TEST_CTRL(0x33, "Test control, split lock detection"),
    MSR_SMI_COUNT(0x34, "SMI counter"),
    MSR_CORE_THREAD_COUNT(0x35, "Configured state of enabled cores and threads"),
    IA32_FEATURE_CONTROL(0x3A, "Control of features in Intel 64 processor"),
    IA32_TSC_ADJUST(0x3B, "Per logical processor TSC adjust"),
    IA32_SPEC_CTRL(0x48, "Speculation control"),
    IA32_PRED_CMD(0x49, "Prediction command"),
    MSR_PPIN_CTL(0x4E, "Control of the protected processor inventory number"),
    MSR_PPIN(0x4F, "Protected processor inventory number"),
    IA32_BIOS_UPDT_TRIG(0x79, "BIOS update trigger"),
    IA32_BIOS_SIGN_ID(0x8B, "BIOS update signature"),
    IA32_SGXLEPUBKEYHASH(0x8C, 4, 1, "Hash of the public key of the SGX launch enclave"),
    IA32_SMM_MONITOR_CTL(0x9B, "SMM monitor configuration"),
    IA32_SMBASE(0x9E, "Base address of the SMRAM image"),
    IA32_PMC(0xC1, 8, 1, "General performance counter"),
    MSR_PLATFORM_INFO(0xCE, "Platform information"),
    IA32_CORE_CAPABILITIES(0xCF, "Core capabilities"),
    IA32_UMWAIT_CONTROL(0xE1, "Control of UMWAIT and TPAUSE"),
    MSR_PKG_CST_CONFIG_CONTROL(0xE2, "C-state configuration control"),
    IA32_MPERF(0xE7, "TSC frequency clock counter"),
    IA32_APERF(0xE8, "Actual performance clock counter"),
    IA32_MTRRCAP(0xFE, "MTRR capability"),
    IA32_ARCH_CAPABILITIES(0x10A, "Enumeration of architectural features"),
    IA32_FLUSH_CMD(0x10B, "Flush command"),
    MSR_TSX_FORCE_ABORT(0x10F, "Forced abort of transactions"),
    IA32_TSX_CTRL(0x122, "Control of Intel TSX"),
    IA32_MCU_OPT_CTRL(0x123, "Microcode update option control"),
    MSR_MISC_FEATURES_ENABLES(0x140, "Miscellaneous feature enables"),
    IA32_SYSENTER_CS(0x174, "Code segment of SYSENTER"),
    IA32_SYSENTER_ESP(0x175, Kind.ADDRESS, "Stack pointer of SYSENTER"),
    IA32_SYSENTER_EIP(0x176, Kind.ADDRESS, "Instruction pointer of SYSENTER"),
    IA32_MCG_CAP(0x179, "Global machine check capability"),
    IA32_MCG_STATUS(0x17A, "Global machine check status"),
    IA32_MCG_CTL(0x17B, "Global machine check control"),
    IA32_PERFEVTSEL(0x186, 8, 1, "Performance event select"),
    IA32_PERF_STATUS(0x198, "Current performance state"),
    IA32_PERF_CTL(0x199, "Performance control"),
    IA32_CLOCK_MODULATION(0x19A, "Clock modulation control"),
    IA32_THERM_INTERRUPT(0x19B, "Thermal interrupt control"),
    IA32_THERM_STATUS(0x19C, "Thermal status information"),
    IA32_MISC_ENABLE(0x1A0, "Enable miscellaneous processor features"),
    MSR_TEMPERATURE_TARGET(0x1A2, "Temperature target"),
    MSR_MISC_FEATURE_CONTROL(0x1A4, "Prefetcher control"),
    MSR_OFFCORE_RSP(0x1A6, 2, 1, "Off-core response event select"),
    MSR_TURBO_RATIO_LIMIT(0x1AD, "Maximum ratio limit of turbo mode"),
    IA32_ENERGY_PERF_BIAS(0x1B0, "Performance energy bias hint"),
    IA32_PACKAGE_THERM_STATUS(0x1B1, "Package thermal status information"),
    IA32_PACKAGE_THERM_INTERRUPT(0x1B2, "Package thermal interrupt control"),
    IA32_XFD(0x1C4, "Extended feature disable control"),
    IA32_XFD_ERR(0x1C5, "Extended feature disable error status"),
    MSR_LBR_SELECT(0x1C8, "Last branch record filtering select"),
    MSR_LASTBRANCH_TOS(0x1C9, "Last branch record stack top"),
    IA32_DEBUGCTL(0x1D9, "Trace, profile and debug control"),
    MSR_LER_FROM_IP(0x1DD, "Last exception record, source"),
    MSR_LER_TO_IP(0x1DE, "Last exception record, destination"),
    IA32_SMRR_PHYSBASE(0x1F2, "SMRR base address"),
    IA32_SMRR_PHYSMASK(0x1F3, "SMRR range mask"),
    MSR_POWER_CTL(0x1FC, "Power control"),
    IA32_MTRR_PHYSBASE(0x200, 10, 2, "MTRR variable range base"),
    IA32_MTRR_PHYSMASK(0x201, 10, 2, "MTRR variable range mask"),
    IA32_MTRR_FIX64K_00000(0x250, "MTRR fixed range 0–7FFFF"),
    IA32_MTRR_FIX16K_80000(0x258, "MTRR fixed range 80000–9FFFF"),
    IA32_MTRR_FIX16K_A0000(0x259, "MTRR fixed range A0000–BFFFF"),
    IA32_MTRR_FIX4K(0x268, 8, 1, "MTRR fixed range C0000–FFFFF"),
    IA32_PAT(0x277, "Page attribute table"),
    IA32_MC_CTL2(0x280, 32, 1, "Corrected machine check interrupt control"),
    IA32_MTRR_DEF_TYPE(0x2FF, "MTRR default memory type"),
    IA32_FIXED_CTR(0x309, 4, 1, "Fixed-function performance counter"),
    IA32_PERF_CAPABILITIES(0x345, "Performance monitoring capabilities"),
    IA32_FIXED_CTR_CTRL(0x38D, "Fixed-function performance counter control"),
    IA32_PERF_GLOBAL_STATUS(0x38E, "Global performance counter status"),
    IA32_PERF_GLOBAL_CTRL(0x38F, "Global performance counter control"),
    IA32_PERF_GLOBAL_OVF_CTRL(0x390, "Global performance counter overflow control"),
    IA32_PERF_GLOBAL_STATUS_SET(0x391, "Global performance counter status set"),
    IA32_PERF_GLOBAL_INUSE(0x392, "Performance counters in use"),
    IA32_PEBS_ENABLE(0x3F1, "PEBS control"),
    MSR_PEBS_LD_LAT_THRESHOLD(0x3F6, "Threshold of load latency sampling"),
    MSR_PEBS_FRONTEND(0x3F7, "Front end event sampling"),
    MSR_PKG_C3_RESIDENCY(0x3F8, "Package C3 residency counter"),
    MSR_PKG_C6_RESIDENCY(0x3F9, "Package C6 residency counter"),
    MSR_PKG_C7_RESIDENCY(0x3FA, "Package C7 residency counter"),
    MSR_CORE_C3_RESIDENCY(0x3FC, "Core C3 residency counter"),
    MSR_CORE_C6_RESIDENCY(0x3FD, "Core C6 residency counter"),
    MSR_CORE_C7_RESIDENCY(0x3FE, "Core C7 residency counter"),
    IA32_MC_CTL(0x400, 32, 4, "Machine check bank control"),
    IA32_MC_STATUS(0x401, 32, 4, "Machine check bank status"),
    IA32_MC_ADDR(0x402, 32, 4, "Machine check bank address"),
    IA32_MC_MISC(0x403, 32, 4, "Machine check bank information"),
    IA32_VMX_BASIC(0x480, "Basic VMX capability"),
    IA32_VMX_PINBASED_CTLS(0x481, "Pin-based VM-execution controls"),
    IA32_VMX_PROCBASED_CTLS(0x482, "Primary processor-based VM-execution controls"),
    IA32_VMX_EXIT_CTLS(0x483, "Primary VM-exit controls"),
    IA32_VMX_ENTRY_CTLS(0x484, "VM-entry controls"),
    IA32_VMX_MISC(0x485, "Miscellaneous VMX capability"),
    IA32_VMX_CR0_FIXED0(0x486, "CR0 bits fixed to 1"),
    IA32_VMX_CR0_FIXED1(0x487, "CR0 bits not fixed to 0"),
    IA32_VMX_CR4_FIXED0(0x488, "CR4 bits fixed to 1"),
    IA32_VMX_CR4_FIXED1(0x489, "CR4 bits not fixed to 0"),
    IA32_VMX_VMCS_ENUM(0x48A, "VMCS field enumeration"),
    IA32_VMX_PROCBASED_CTLS2(0x48B, "Secondary processor-based VM-execution controls"),
    IA32_VMX_EPT_VPID_CAP(0x48C, "EPT and VPID capability"),
    IA32_VMX_TRUE_PINBASED_CTLS(0x48D, "Pin-based VM-execution controls, flexible defaults"),
    IA32_VMX_TRUE_PROCBASED_CTLS(0x48E, "Primary processor-based controls, flexible defaults"),
    IA32_VMX_TRUE_EXIT_CTLS(0x48F, "VM-exit controls, flexible defaults"),
    IA32_VMX_TRUE_ENTRY_CTLS(0x490, "VM-entry controls, flexible defaults"),
    IA32_VMX_VMFUNC(0x491, "VM-function controls"),
    IA32_VMX_PROCBASED_CTLS3(0x492, "Tertiary processor-based VM-execution controls"),
    IA32_VMX_EXIT_CTLS2(0x493, "Secondary VM-exit controls"),
    IA32_A_PMC(0x4C1, 8, 1, "Full width alias of a general performance counter"),
    IA32_SGX_SVN_STATUS(0x500, "Status of the SGX security version"),
    IA32_RTIT_OUTPUT_BASE(0x560, "Trace output base"),
    IA32_RTIT_OUTPUT_MASK_PTRS(0x561, "Trace output mask pointers"),
    IA32_RTIT_CTL(0x570, "Trace control"),
    IA32_RTIT_STATUS(0x571, "Trace status"),
    IA32_RTIT_CR3_MATCH(0x572, "Trace filter by CR3"),
    IA32_RTIT_ADDR(0x580, 8, 1, Kind.ADDRESS, "Trace address range bounds"),
    IA32_DS_AREA(0x600, Kind.ADDRESS, "Debug store save area"),
    MSR_RAPL_POWER_UNIT(0x606, "Units of the RAPL interfaces"),
    MSR_PKG_C2_RESIDENCY(0x60D, "Package C2 residency counter"),
    MSR_PKG_POWER_LIMIT(0x610, "Package power limit control"),
    MSR_PKG_ENERGY_STATUS(0x611, "Package energy status"),
    MSR_PKG_POWER_INFO(0x614, "Package power limit parameters"),
    MSR_DRAM_ENERGY_STATUS(0x619, "DRAM energy status"),
    MSR_PP0_ENERGY_STATUS(0x639, "Energy status of the cores"),
    MSR_PP1_ENERGY_STATUS(0x641, "Energy status of the graphics"),
    MSR_PPERF(0x64E, "Productive performance count"),
    MSR_LASTBRANCH_FROM_IP(0x680, 32, 1, "Last branch record, source"),
    IA32_U_CET(0x6A0, "User mode CET settings"),
    IA32_S_CET(0x6A2, "Supervisor mode CET settings"),
    IA32_PL_SSP(0x6A4, 4, 1, Kind.ADDRESS, "Shadow stack pointer of a privilege level"),
    IA32_INTERRUPT_SSP_TABLE_ADDR(0x6A8, Kind.ADDRESS, "Interrupt shadow stack table"),
    MSR_LASTBRANCH_TO_IP(0x6C0, 32, 1, Kind.ADDRESS, "Last branch record, destination"),
    IA32_TSC_DEADLINE(0x6E0, "TSC target of the local APIC's deadline mode"),
    IA32_PKRS(0x6E1, "Supervisor protection keys"),
    IA32_PM_ENABLE(0x770, "Enable of hardware-controlled performance states"),
    IA32_HWP_CAPABILITIES(0x771, "Performance range of hardware-controlled states"),
    IA32_HWP_REQUEST_PKG(0x772, "Package hints to hardware-controlled states"),
    IA32_HWP_INTERRUPT(0x773, "Interrupts of hardware-controlled states"),
    IA32_HWP_REQUEST(0x774, "Hints to hardware-controlled states"),
    IA32_HWP_STATUS(0x777, "Status of hardware-controlled states"),
    IA32_X2APIC(0x800, 256, 1, "Register of the local APIC in x2APIC mode"),
    IA32_BNDCFGS(0xD90, "Supervisor state of MPX"),
    IA32_XSS(0xDA0, "Extended supervisor state mask"),
    IA32_PKG_HDC_CTL(0xDB0, "Package control of hardware duty cycling"),
    IA32_PM_CTL1(0xDB1, "Processor's permission for hardware duty cycling"),
    IA32_THREAD_STALL(0xDB2, "Stalls by hardware duty cycling"),
    MSR_LBR_INFO(0xDC0, 32, 1, "Last branch record, information"),
    IA32_EFER(0xC000_0080, "Extended feature enables"),
    IA32_STAR(0xC000_0081, "Selectors of SYSCALL and SYSRET"),
    IA32_LSTAR(0xC000_0082, Kind.ADDRESS, "Target address of SYSCALL"),
    IA32_CSTAR(0xC000_0083, Kind.ADDRESS, "Target address of SYSCALL in compatibility mode"),
    IA32_FMASK(0xC000_0084, "RFLAGS mask of SYSCALL"),
    IA32_FS_BASE(0xC000_0100, Kind.ADDRESS, "Base address of FS"),
    IA32_GS_BASE(0xC000_0101, Kind.ADDRESS, "Base address of GS"),
    IA32_KERNEL_GS_BASE(0xC000_0102, Kind.ADDRESS, "Swap target of the base address of GS"),
    IA32_TSC_AUX(0xC000_0103, "Auxiliary TSC");

    // spotless:on

    private enum Kind {
        VALUE,
        ADDRESS
    }

    private record Row(int number, Msr msr) {}

    private static final Row[] ROWS =
            Arrays.stream(values())
                    .flatMap(
                            msr ->
                                    IntStream.range(0, msr.count)
                                            .mapToObj(i -> new Row(msr.number(i), msr)))
                    .sorted(Comparator.comparing(Row::number, Integer::compareUnsigned))
                    .toArray(Row[]::new);

    private final int number;
    private final int count;
    private final int stride;
    private final Kind kind;
    private final String title;
    private final Optional<Msr> self = Optional.of(this);

    Msr(int number, String title) {
        this(number, 1, 1, Kind.VALUE, title);
    }

    Msr(int number, Kind kind, String title) {
        this(number, 1, 1, kind, title);
    }

    Msr(int number, int count, int stride, String title) {
        this(number, count, stride, Kind.VALUE, title);
    }

    Msr(int number, int count, int stride, Kind kind, String title) {
        this.number = number;
        this.count = count;
        this.stride = stride;
        this.kind = kind;
        this.title = title;
    }

    /// What RDMSR and WRMSR take in ECX; of a family, its first.
    public int number() {
        return number;
    }

    /// Number of the nth register of a family.
    public int number(int index) {
        return number + index * stride;
    }

    /// How many registers the family has; 1 for most.
    public int count() {
        return count;
    }

    /// Which of the family has that number, which must be one of its own.
    public int index(int number) {
        return (number - this.number) / stride;
    }

    public String title() {
        return title;
    }

    /// Whether the value is a linear address, so that WRMSR refuses one that isn't canonical. SDM
    /// Vol. 2D, "WRMSR—Write to Model Specific Register".
    public boolean isAddress() {
        return kind == Kind.ADDRESS;
    }

    /// The row that a number belongs to.
    public static Optional<Msr> of(int number) {
        int low = 0;
        int high = ROWS.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int order = Integer.compareUnsigned(ROWS[middle].number, number);
            if (order == 0) {
                return ROWS[middle].msr.self;
            }
            if (order < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return Optional.empty();
    }
}
