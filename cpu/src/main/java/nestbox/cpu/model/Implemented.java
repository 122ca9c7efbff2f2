package nestbox.cpu.model;

import static nestbox.x86.Cpuid.*;

import nestbox.x86.Cpuid;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/// The features that the processor really implements: the one place to touch when it learns more.
///
/// A model lists what its silicon has; CPUID reports what is in both sets. The lines that are
/// commented out are features of the models that are still to come.
public final class Implemented {
    // spotless:off
    private static final EnumSet<Cpuid> ALL = EnumSet.of(
            FPU, VME, DE, PSE, TSC, MSR, PAE, MCE, CX8, APIC, SEP, MTRR, PGE, MCA, CMOV, PAT,
            PSE_36, CLFSH, MMX, FXSR, SSE, SSE2, SS, HTT,
            SSE3, PCLMULQDQ, MONITOR, SSSE3, CMPXCHG16B, PCID, SSE4_1, SSE4_2, X2APIC, MOVBE,
            POPCNT, TSC_DEADLINE, AESNI, XSAVE, OSXSAVE, RDRAND,
            FSGSBASE, TSC_ADJUST, SMEP, ERMS, INVPCID, RDSEED, SMAP, CLFLUSHOPT, UMIP,
            MD_CLEAR, IBRS_IBPB, STIBP, L1D_FLUSH, ARCH_CAPABILITIES, SSBD,
            LAHF_SAHF_64, PREFETCHW, SYSCALL_SYSRET, EXECUTE_DISABLE, GBYTE_PAGES, RDTSCP, INTEL_64,
            INVARIANT_TSC, ARAT, HDC, XSAVEOPT, XSAVEC, XGETBV_ECX1, XSAVES,
            VMX, SMX, WAITPKG
            // AVX, F16C, FMA, AVX2, BMI1, BMI2, LZCNT, ADX,
            // CLWB, WBNOINVD, RDPID, PKU, OSPKE, SHA, GFNI, VAES, VPCLMULQDQ,
            );
    // spotless:on

    /// For models of processors that have more.
    public static final Set<Cpuid> FEATURES = Collections.unmodifiableSet(ALL);

    private Implemented() {}
}
