package nestbox.cpu.model;

import static nestbox.x86.Cpuid.*;

import nestbox.cpu.model.Cache.Kind;
import nestbox.cpu.model.Cache.Sharing;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The processor models: tables only.
final class Models {
    private static final int KIB = 1 << 10;
    private static final int MIB = 1 << 20;

    /// SDM Vol. 3A, "Page Attribute Table (PAT)", the memory types after power-up or reset.
    private static final long PAT_AFTER_RESET = 0x0007_0406_0007_0406L;

    /// Ten variable ranges, the fixed ranges, and write combining.
    private static final long MTRRCAP = 10 | 1 << 8 | 1 << 10;

    /// Fast strings and MONITOR are on; there is neither branch trace storage nor event sampling.
    private static final long MISC_ENABLE = 1 | 1 << 11 | 1 << 12 | 1 << 18;

    /// Eight banks, no corrected machine check interrupt.
    private static final long MCG_CAP = 8;

    /// Bits 2:0 of IA32_FEATURE_CONTROL: locked by firmware, with VMX outside SMX if there is VMX.
    private static final long FEATURE_CONTROL = Implemented.FEATURES.contains(VMX) ? 0b101 : 0b001;

    /// Firmware lets the cores drop to C1E; operating systems that choose themselves clear this.
    private static final long POWER_CTL = 1 << 1;

    /// C0 and two sub-states of C1: deeper ones would save no power here.
    private static final int MWAIT_SUBSTATES = 0x20;

    // spotless:off
    private static final Set<Cpuid> KABYLAKE_FEATURES = EnumSet.of(
            SSE3, PCLMULQDQ, DTES64, MONITOR, DS_CPL, VMX, SMX, EIST, TM2, SSSE3, SDBG, FMA,
            CMPXCHG16B, XTPR, PDCM, PCID, SSE4_1, SSE4_2, X2APIC, MOVBE, POPCNT, TSC_DEADLINE,
            AESNI, XSAVE, OSXSAVE, AVX, F16C, RDRAND,
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE_36, CLFSH, DS, ACPI, MMX, FXSR, SSE, SSE2, SS, HTT, TM, PBE,
            DIGITAL_TEMPERATURE_SENSOR, TURBO_BOOST, ARAT, PLN, ECMD, PTM, HWP, HWP_NOTIFICATION,
            HWP_ACTIVITY_WINDOW, HWP_ENERGY_PERFORMANCE, HDC,
            HARDWARE_COORDINATION_FEEDBACK, ENERGY_PERF_BIAS,
            FSGSBASE, TSC_ADJUST, SGX, BMI1, HLE, AVX2, SMEP, BMI2, ERMS, INVPCID, RTM,
            FPU_CS_DS_DEPRECATED, MPX, RDSEED, ADX, SMAP, CLFLUSHOPT, INTEL_PT,
            MD_CLEAR, IBRS_IBPB, STIBP, L1D_FLUSH, ARCH_CAPABILITIES, SSBD,
            XSAVEOPT, XSAVEC, XGETBV_ECX1, XSAVES,
            LAHF_SAHF_64, LZCNT, PREFETCHW, SYSCALL_SYSRET, EXECUTE_DISABLE, GBYTE_PAGES, RDTSCP,
            INTEL_64, INVARIANT_TSC);

    private static final Set<Cpuid> SERVER_FEATURES = EnumSet.of(
            SSE3, PCLMULQDQ, DTES64, MONITOR, DS_CPL, VMX, SMX, EIST, TM2, SSSE3, SDBG, FMA,
            CMPXCHG16B, XTPR, PDCM, PCID, DCA, SSE4_1, SSE4_2, X2APIC, MOVBE, POPCNT, TSC_DEADLINE,
            AESNI, XSAVE, OSXSAVE, AVX, F16C, RDRAND,
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE_36, CLFSH, DS, ACPI, MMX, FXSR, SSE, SSE2, SS, HTT, TM, PBE,
            DIGITAL_TEMPERATURE_SENSOR, TURBO_BOOST, ARAT, PLN, ECMD, PTM, HWP, HWP_NOTIFICATION,
            HWP_ACTIVITY_WINDOW, HWP_ENERGY_PERFORMANCE, HWP_PACKAGE, HDC,
            HARDWARE_COORDINATION_FEEDBACK, ENERGY_PERF_BIAS,
            FSGSBASE, TSC_ADJUST, SGX, BMI1, AVX2, SMEP, BMI2, ERMS, INVPCID, RDT_M,
            FPU_CS_DS_DEPRECATED, RDT_A, AVX512F, AVX512DQ, RDSEED, ADX, SMAP, AVX512_IFMA,
            CLFLUSHOPT, CLWB, INTEL_PT, AVX512CD, SHA, AVX512BW, AVX512VL,
            AVX512_VBMI, UMIP, PKU, OSPKE, WAITPKG, AVX512_VBMI2, GFNI, VAES, VPCLMULQDQ, AVX512_VNNI,
            AVX512_BITALG, TME_EN, AVX512_VPOPCNTDQ, LA57, RDPID, SGX_LC,
            FAST_SHORT_REP_MOV, MD_CLEAR, PCONFIG, IBRS_IBPB, STIBP, L1D_FLUSH, ARCH_CAPABILITIES,
            SSBD,
            XSAVEOPT, XSAVEC, XGETBV_ECX1, XSAVES,
            LAHF_SAHF_64, LZCNT, PREFETCHW, SYSCALL_SYSRET, EXECUTE_DISABLE, GBYTE_PAGES, RDTSCP,
            INTEL_64, INVARIANT_TSC, WBNOINVD);

    /// Kaby Lake U: the processor of a NUC7i5DNHE.
    static final CpuModel KABYLAKE = new CpuModel(
            "kabylake",
            new CpuModel.Identity(
                    "GenuineIntel", "Intel(R) Core(TM) i5-7300U CPU @ 2.60GHz", 6, 0x8E, 9, 0xF6),
            KABYLAKE_FEATURES,
            new CpuModel.Clocks(24_000_000, 325, 3, 2600, 3500, 100),
            new CpuModel.AddressWidths(39, 48),
            List.of(
                    new Cache(Kind.DATA, 1, 32 * KIB, 8, Sharing.CORE, false, false),
                    new Cache(Kind.INSTRUCTION, 1, 32 * KIB, 8, Sharing.CORE, false, false),
                    new Cache(Kind.UNIFIED, 2, 256 * KIB, 4, Sharing.CORE, false, false),
                    new Cache(Kind.UNIFIED, 3, 3 * MIB, 12, Sharing.PACKAGE, true, true)),
            List.of(0x7603_6301, 0x00F0_B5FF, 0, 0x00C3_0000),
            MWAIT_SUBSTATES,
            0x16,
            msrs(0xF6, 7, 26, 4),
            VmxModels.KABYLAKE);

    /// Ice Lake-SP: a server processor with wide physical addresses. It has what later servers have
    /// of VMX, and of instructions that VMX knows; and it reports 48 bits of linear address because
    /// LA57 isn't implemented.
    static final CpuModel SERVER = new CpuModel(
            "server",
            new CpuModel.Identity(
                    "GenuineIntel", "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz", 6, 0x6A, 6,
                    0x0D00_0404),
            SERVER_FEATURES,
            new CpuModel.Clocks(25_000_000, 160, 2, 2000, 3200, 100),
            new CpuModel.AddressWidths(46, 48),
            List.of(
                    new Cache(Kind.DATA, 1, 48 * KIB, 12, Sharing.CORE, false, false),
                    new Cache(Kind.INSTRUCTION, 1, 32 * KIB, 8, Sharing.CORE, false, false),
                    new Cache(Kind.UNIFIED, 2, 1280 * KIB, 20, Sharing.CORE, false, false),
                    new Cache(Kind.UNIFIED, 3, 48 * MIB, 12, Sharing.PACKAGE, false, true)),
            List.of(0x7603_6301, 0x00F0_B5FF, 0, 0x00C3_0000),
            MWAIT_SUBSTATES,
            0x16,
            msrs(0x0D00_0404, 0, 20, 8),
            VmxModels.SERVER);

    // spotless:on

    private Models() {}

    private static Map<Msr, Long> msrs(
            int microcode, long platformId, long baseRatio, long lowestRatio) {
        return Map.ofEntries(
                Map.entry(Msr.IA32_PLATFORM_ID, platformId << 50),
                Map.entry(Msr.IA32_FEATURE_CONTROL, FEATURE_CONTROL),
                Map.entry(Msr.IA32_BIOS_SIGN_ID, Integer.toUnsignedLong(microcode) << 32),
                Map.entry(Msr.MSR_PLATFORM_INFO, lowestRatio << 40 | baseRatio << 8),
                Map.entry(Msr.IA32_MTRRCAP, MTRRCAP),
                Map.entry(Msr.IA32_ARCH_CAPABILITIES, ArchCapability.all()),
                Map.entry(Msr.IA32_MCG_CAP, MCG_CAP),
                Map.entry(Msr.IA32_MISC_ENABLE, MISC_ENABLE),
                Map.entry(Msr.IA32_PM_CTL1, 1L),
                Map.entry(Msr.IA32_PAT, PAT_AFTER_RESET),
                Map.entry(Msr.MSR_POWER_CTL, POWER_CTL));
    }
}
