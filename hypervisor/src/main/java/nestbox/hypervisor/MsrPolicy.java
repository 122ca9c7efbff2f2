package nestbox.hypervisor;

import nestbox.cpu.entry.MsrAccess;
import nestbox.hypervisor.memory.MsrBitmap;
import nestbox.x86.Msr;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// Model-specific registers as a vCPU reaches them: most are the processor's own, which nobody else
/// uses; a few are L0's.
final class MsrPolicy implements MsrAccess {
    private static final int FIRST_X2APIC = 0x800;
    private static final int LAST_X2APIC = 0x8FF;
    private static final int X2APIC_ID = 0x802;
    private static final int X2APIC_LDR = 0x80D;
    private static final int X2APIC_ICR = 0x830;
    private static final int FIRST_VMX = Msr.IA32_VMX_BASIC.number();
    private static final int LAST_VMX = 0x493;
    private static final long LOCK = 1;
    private static final long VMX_OUTSIDE_SMX = 1 << 2;

    /// Registers that exit although nothing special happens to them here but a refusal.
    private static final List<Msr> REFUSED = List.of(Msr.IA32_SMBASE, Msr.IA32_SMM_MONITOR_CTL);

    /// What L1 reads of VMX.
    interface Capabilities {
        Optional<Long> msr(Msr msr);
    }

    private final MsrAccess processor;
    private final VcpuApic apic;
    private final Optional<Capabilities> nested;
    private final MsrBitmap bitmap;

    /// @param nested there only for a vCPU that may use VMX
    MsrPolicy(MsrAccess processor, VcpuApic apic, Optional<Capabilities> nested, MsrBitmap bitmap) {
        this.processor = processor;
        this.apic = apic;
        this.nested = nested;
        this.bitmap = bitmap;
        both(Msr.IA32_APIC_BASE.number());
        both(Msr.IA32_FEATURE_CONTROL.number());
        bitmap.exits(Msr.IA32_BIOS_UPDT_TRIG.number(), false, true);
        REFUSED.forEach(msr -> both(msr.number()));
        for (int msr = FIRST_VMX; msr <= LAST_VMX; msr++) {
            both(msr);
        }
        x2apic(false);
    }

    private void both(int msr) {
        bitmap.exits(msr, true, true);
    }

    /// Without a local APIC of its own a vCPU's timer is L0's.
    void keepTimer() {
        both(Msr.IA32_TSC_DEADLINE.number());
    }

    /// Opens the registers of a local APIC in x2APIC mode that is the guest's, or closes them.
    void x2apic(boolean passed) {
        for (int msr = FIRST_X2APIC; msr <= LAST_X2APIC; msr++) {
            boolean read = !passed || msr == X2APIC_ID || msr == X2APIC_LDR;
            bitmap.exits(msr, read, !passed || msr == X2APIC_ICR);
        }
    }

    /// The registers that make RDMSR and WRMSR exit.
    MsrBitmap bitmap() {
        return bitmap;
    }

    private static boolean isApic(int number) {
        return number >= FIRST_X2APIC && number <= LAST_X2APIC;
    }

    private static boolean isVmx(int number) {
        return number >= FIRST_VMX && number <= LAST_VMX;
    }

    private static boolean isRefused(int number) {
        return REFUSED.stream().anyMatch(msr -> msr.number() == number);
    }

    @Override
    public OptionalLong read(int number) {
        if (isApic(number)) {
            return apic.readMsr(number);
        }
        if (isVmx(number)) {
            return nested.flatMap(vmx -> Msr.of(number).flatMap(vmx::msr))
                    .map(OptionalLong::of)
                    .orElse(OptionalLong.empty());
        }
        if (number == Msr.IA32_APIC_BASE.number()) {
            return OptionalLong.of(apic.base());
        }
        if (number == Msr.IA32_TSC_DEADLINE.number()) {
            return OptionalLong.of(apic.deadline());
        }
        if (number == Msr.IA32_FEATURE_CONTROL.number()) {
            return OptionalLong.of(nested.isPresent() ? LOCK | VMX_OUTSIDE_SMX : LOCK);
        }
        return isRefused(number) ? OptionalLong.empty() : processor.read(number);
    }

    @Override
    public boolean write(int number, long value) {
        if (isApic(number)) {
            return apic.writeMsr(number, value);
        }
        if (number == Msr.IA32_APIC_BASE.number()) {
            return apic.base(value);
        }
        if (number == Msr.IA32_TSC_DEADLINE.number()) {
            apic.deadline(value);
            return true;
        }
        if (number == Msr.IA32_BIOS_UPDT_TRIG.number()) {
            // A guest may not change the processor's microcode; to ignore it is what others do.
            return true;
        }
        boolean refused =
                isVmx(number) || number == Msr.IA32_FEATURE_CONTROL.number() || isRefused(number);
        return !refused && processor.write(number, value);
    }
}
