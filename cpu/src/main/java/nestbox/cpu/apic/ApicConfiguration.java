package nestbox.cpu.apic;

import nestbox.cpu.model.CpuidLeaves;
import nestbox.platform.Frequency;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

/// What differs between local APICs.
///
/// @param id initial APIC id, as CPUID reports it
/// @param bootstrap whether its processor is the bootstrap processor
/// @param timer rate of the timer before division
/// @param eoiSuppression whether software can keep EOIs from the I/O APICs
/// @param cmci whether there is an LVT entry for corrected machine check interrupts
public record ApicConfiguration(
        int id,
        boolean bootstrap,
        int physicalAddressBits,
        Frequency timer,
        boolean x2apic,
        boolean tscDeadline,
        boolean eoiSuppression,
        boolean cmci) {
    private static final long MCG_CMCI_P = 1 << 10;

    /// An integrated local APIC with the version number of current processors.
    private static final int VERSION = 0x15;

    private static final int VERSION_EOI_SUPPRESSION = 1 << 24;
    private static final int SVR_SUPPRESS_EOI = 1 << 12;
    private static final int LVT_TIMER_DEADLINE = 1 << 18;

    /// What belongs to a processor with these answers to CPUID.
    public static ApicConfiguration of(CpuidLeaves cpuid, boolean bootstrap) {
        return new ApicConfiguration(
                cpuid.apicId(),
                bootstrap,
                cpuid.model().addressWidths().physical(),
                cpuid.model().clocks().crystal(),
                cpuid.has(Cpuid.X2APIC),
                cpuid.has(Cpuid.TSC_DEADLINE),
                true,
                (cpuid.model().msr(Msr.IA32_MCG_CAP) & MCG_CMCI_P) != 0);
    }

    /// The register VERSION.
    int version() {
        int maxLvtEntry = cmci ? 6 : 5;
        return (eoiSuppression ? VERSION_EOI_SUPPRESSION : 0) | maxLvtEntry << 16 | VERSION;
    }

    boolean has(ApicRegister register) {
        return register != ApicRegister.LVT_CMCI || cmci;
    }

    /// The bits of a register that software can write in this APIC.
    int writableBits(ApicRegister register) {
        int bits = register.writableBits();
        return switch (register) {
            case SPURIOUS_VECTOR -> eoiSuppression ? bits : bits & ~SVR_SUPPRESS_EOI;
            case LVT_TIMER -> tscDeadline ? bits : bits & ~LVT_TIMER_DEADLINE;
            default -> bits;
        };
    }
}
