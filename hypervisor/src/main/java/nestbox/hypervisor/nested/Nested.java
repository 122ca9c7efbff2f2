package nestbox.hypervisor.nested;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.vmx.ExitReason;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.IntSupplier;

/// VMX operation of an L1 vCPU: its VMX instructions, and the guests (L2) that it runs with them.
///
/// Whoever runs the vCPU hands over L1's VMX instructions and every exit of L2; which VMCS is
/// current afterwards says who goes on.
public final class Nested {
    /// The pages that a vCPU can't do without.
    public static final int LEAST_PAGES = 64;

    private final Parent parent;

    private Nested(Parent parent) {
        this.parent = parent;
    }

    public static Nested of(Parent parent) {
        return new Nested(parent);
    }

    /// What L1 reads of VMX.
    public VmxCapabilities capabilities() {
        return parent.root().capabilities();
    }

    /// Whether L1 has executed VMXON, and not yet VMXOFF.
    public boolean isOperating() {
        return false;
    }

    /// Whether L2 runs: VMCS02 is current.
    public boolean isInL2() {
        return false;
    }

    /// Whether an INIT has to wait, as it does in VMX root operation.
    public boolean blocksInit() {
        return isOperating() && !isInL2();
    }

    /// A VMX instruction of L1 has exited.
    ///
    /// @throws GuestException what it raises in L1
    public Resume instruction(ExitReason reason) {
        throw GuestException.undefined();
    }

    /// L2 has exited, or the VM entry has failed.
    ///
    /// @return nothing if the exit is L0's to handle, with VMCS02 current
    public Optional<Resume> exit(ExitReason reason) {
        return Optional.empty();
    }

    /// While L2 runs, an exception is to be raised in it by an instruction that L0 emulated.
    ///
    /// @return whether it has become a VM exit to L1; otherwise it's to be injected
    public boolean exception(GuestException exception) {
        return false;
    }

    /// While L2 runs, L1 has an interrupt: for vCPUs with a virtual local APIC.
    ///
    /// @param acknowledge gives the vector, which is in service from then on; called only if L1
    ///     wants that of VM exits
    /// @return whether it has become a VM exit to L1; otherwise it's to be injected into L2 when L2
    ///     can take it
    public boolean interrupt(IntSupplier acknowledge) {
        return false;
    }

    /// Like [#interrupt] for an NMI.
    public boolean nonMaskableInterrupt() {
        return false;
    }

    /// While L2 runs, another processor of the virtual machine sends INIT: always a VM exit to L1,
    /// unless L2's activity state blocks it.
    ///
    /// @return whether it has become one
    public boolean init() {
        return false;
    }

    /// While L2 runs, another processor of the virtual machine sends a startup IPI.
    ///
    /// @return whether it has become a VM exit to L1: L2 was waiting for it
    public boolean startup(int vector) {
        return false;
    }

    /// Of an EPT violation of L2 that is L0's to handle: L1's guest-physical address.
    public long guestPhysicalAddress() {
        return 0;
    }

    /// L1's guest-physical address behind L2's.
    ///
    /// @return nothing if L1 doesn't allow the access
    public OptionalLong toL1(long l2Physical, boolean write) {
        return OptionalLong.empty();
    }

    /// EPT01 maps something else than before, or nothing, where it mapped something.
    public void memoryChanged() {}

    /// RESET or INIT of the vCPU: it leaves VMX operation, VMCS01 is current.
    public void reset() {}
}
