package nestbox.hypervisor;

import nestbox.cpu.Processor;
import nestbox.cpu.Registers;
import nestbox.cpu.VmxRoot;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.VmcsField;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// A vCPU as someone sees it who only looks: nothing is stopped, and nothing changes.
public final class VcpuInspection {
    private static final int RSP = 4;

    private final Vcpu vcpu;
    private final VmxRoot root;
    private final Processor processor;

    VcpuInspection(Vcpu vcpu) {
        this.vcpu = vcpu;
        root = vcpu.root();
        processor = vcpu.vm().machine().processors().get(vcpu.pcpu());
    }

    /// The registers of L1, CR0 and CR4 as it sees them. While L2 runs, RIP and what else VMCS01
    /// holds are those of L1 at its VM entry; the general registers are L2's.
    public Registers registers() {
        Map<VmcsField, Long> vmcs01 = root.contents(vcpu.vmcs01());
        Registers now = processor.registers();
        return seen(root.isInGuest() && !vcpu.isInL2() ? now : saved(now, vmcs01), vmcs01);
    }

    private static Registers saved(Registers now, Map<VmcsField, Long> vmcs) {
        List<Long> general = new ArrayList<>(now.general());
        general.set(RSP, vmcs.get(VmcsField.GUEST_RSP));
        return new Registers(
                general,
                vmcs.get(VmcsField.GUEST_RIP),
                vmcs.get(VmcsField.GUEST_RFLAGS),
                vmcs.get(VmcsField.GUEST_CR0),
                now.cr2(),
                vmcs.get(VmcsField.GUEST_CR3),
                vmcs.get(VmcsField.GUEST_CR4),
                vmcs.get(VmcsField.GUEST_EFER));
    }

    /// SDM Vol. 3C, "Guest/Host Masks and Read Shadows for CR0 and CR4".
    private static Registers seen(Registers real, Map<VmcsField, Long> vmcs) {
        long mask0 = vmcs.get(VmcsField.CR0_GUEST_HOST_MASK);
        long mask4 = vmcs.get(VmcsField.CR4_GUEST_HOST_MASK);
        return new Registers(
                real.general(),
                real.rip(),
                real.rflags(),
                real.cr0() & ~mask0 | vmcs.get(VmcsField.CR0_READ_SHADOW) & mask0,
                real.cr2(),
                real.cr3(),
                real.cr4() & ~mask4 | vmcs.get(VmcsField.CR4_READ_SHADOW) & mask4,
                real.efer());
    }

    /// Whether it has halted for good, as far as interrupts go: it has disabled them. So has one
    /// that isn't there yet, or no more.
    public boolean isDeaf() {
        if (vcpu.isRunning()) {
            return !processor.canBeInterrupted();
        }
        return !vcpu.isBlocked() || (registers().rflags() & RFlags.IF) == 0;
    }

    /// Reads L1's memory at a linear address as a supervisor could, without setting accessed flags.
    public LinearRead read(long linear, int length) {
        return LinearRead.of(registers(), vcpu.vm(), linear, length);
    }

    /// Address of VMCS01.
    public long vmcs01() {
        return vcpu.vmcs01();
    }

    /// The fields of a VMCS of this vCPU.
    public Map<VmcsField, Long> contents(long region) {
        return root.contents(region);
    }
}
