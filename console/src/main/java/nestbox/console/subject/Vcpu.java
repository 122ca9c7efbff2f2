package nestbox.console.subject;

import java.util.List;
import java.util.Optional;

/// A virtual processor, as commands see it. What it is asked for never stops or disturbs the guest,
/// so all of it works with a passed-through local APIC as well.
public interface Vcpu {
    int id();

    /// The pCPU that it runs on.
    int pcpu();

    VcpuState state();

    ThreadState thread();

    /// A register of L1, even while the vCPU executes L2.
    long register(Register register);

    /// Reads guest-virtual memory of L1 through the page tables that CR3 names, without setting
    /// accessed flags. Any address may come.
    GuestRead read(long guestVirtualAddress, int length);

    /// Nothing if the VM may not nest.
    Optional<NestedState> nested();

    /// The contents of a VMCS of this vCPU, or nothing if there is none of this kind now.
    Optional<VmcsDump> vmcs(VmcsKind kind);

    /// VM exits so far; reasons that never occurred may be left out.
    List<ExitCount> exits();
}
