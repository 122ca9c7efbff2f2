package nestbox.hypervisor.nested;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.NestedState;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.IntSupplier;

/// VMX operation of an L1 vCPU: its VMX instructions, and the guests (L2) that it runs with them.
///
/// Whoever runs the vCPU hands over L1's VMX instructions and every exit of L2; which VMCS is
/// current afterwards says who goes on. Between exits VMCS01 is current while L1 runs, and VMCS02
/// while L2 runs.
///
/// The VMCS that L1 has made current is cached in two places: VMCS02 holds the fields that both
/// have in common, and is L1's shadow VMCS while L1 runs, so that L1 reads and writes them without
/// exits; [Vmcs12] holds the rest. [MergeRule] is the table of it.
public final class Nested {
    /// The pages that a vCPU can't do without.
    public static final int LEAST_PAGES = 64;

    /// What becomes of an interrupt that L1 has while L2 runs.
    public enum Event {
        /// It has become a VM exit: L1 goes on.
        EXITED,

        /// It waits for L2: to be injected, or to be asked about again, once L2 can take it.
        FOR_L2,

        /// Another event goes first: ask again at the next exit, which comes at once.
        LATER
    }

    private final Operation operation;
    private final VmxInstructions instructions;
    private final L2Exits exits;
    private final Inspection inspection;

    private Nested(Parent parent) {
        operation = new Operation(parent);
        Operands operands = new Operands(parent);
        Transitions transitions = new Transitions(operation);
        instructions = new VmxInstructions(operation, operands, transitions);
        exits = new L2Exits(operation, operands, transitions);
        inspection = new Inspection(operation);
    }

    public static Nested of(Parent parent) {
        return new Nested(parent);
    }

    /// What L1 reads of VMX.
    public VmxCapabilities capabilities() {
        return operation.capabilities();
    }

    /// Whether L1 has executed VMXON, and not yet VMXOFF. It may not clear bits then that
    /// [VmxCapabilities] has as fixed.
    public boolean isOperating() {
        return operation.isOperating();
    }

    /// Whether L2 runs: VMCS02 is current.
    public boolean isInL2() {
        return operation.isInL2();
    }

    /// Whether an INIT has to wait, as it does in VMX root operation.
    public boolean blocksInit() {
        return isOperating() && !isInL2();
    }

    /// A VMX instruction of L1 has exited.
    ///
    /// @throws GuestException what it raises in L1
    public Resume instruction(ExitReason reason) {
        return instructions.execute(reason);
    }

    /// L2 has exited, or the VM entry has failed.
    ///
    /// @return nothing if the exit is L0's to handle, with VMCS02 current
    /// @throws GuestException what L2's instruction raises in L2
    public Optional<Resume> exit(ExitReason reason) {
        return exits.exit(reason);
    }

    /// While L2 runs, an exception is to be raised in it by an instruction that L0 emulated.
    ///
    /// @return whether it has become a VM exit to L1; otherwise it's to be injected
    public boolean exception(GuestException exception) {
        return exits.exception(exception);
    }

    /// While L2 runs, L1 has an interrupt: for vCPUs with a virtual local APIC.
    ///
    /// @param acknowledge gives the vector, which is in service from then on; called only if L1
    ///     wants that of VM exits
    public Event interrupt(IntSupplier acknowledge) {
        return exits.interrupt(acknowledge);
    }

    /// Like [#interrupt] for an NMI.
    public Event nonMaskableInterrupt() {
        return exits.nonMaskableInterrupt();
    }

    /// While L2 runs: whether L1 has this control of its VMCS set, whatever L0 has.
    public boolean asks(PrimaryControl control) {
        return exits.asks(control);
    }

    /// While L2 runs, another processor of the virtual machine sends INIT: always a VM exit to L1,
    /// unless L2's activity state blocks it.
    ///
    /// @return whether it has become one
    public boolean init() {
        return exits.init();
    }

    /// While L2 runs, another processor of the virtual machine sends a startup IPI.
    ///
    /// @return whether it has become a VM exit to L1: L2 was waiting for it
    public boolean startup(int vector) {
        return exits.startup(vector);
    }

    /// Of an EPT violation of L2 that is L0's to handle: L1's guest-physical address.
    public long guestPhysicalAddress() {
        return exits.l1Address();
    }

    /// L1's guest-physical address behind L2's, for accesses of L0 on behalf of L2.
    ///
    /// @return nothing if L1 doesn't allow the access; [#refused] tells L1
    public OptionalLong toL1(long l2Physical, boolean write) {
        return exits.toL1(l2Physical, write);
    }

    /// The access that [#toL1] didn't allow becomes an exit to L1.
    public Resume refused(long l2Physical, boolean write) {
        return exits.refused(l2Physical, write);
    }

    /// EPT01 maps something else than before, or nothing, where it mapped something.
    public void memoryChanged() {
        operation.shadowEpt().clear();
    }

    /// What there is to see. Like the others that look, it's for when the processor isn't running.
    public NestedState state() {
        return inspection.state();
    }

    /// The fields of one of the VMCSs, nothing if there isn't one: VMCS12 and VMCS02 are those of
    /// L1's current VMCS.
    public Map<VmcsField, Long> fields(NestedState.Which which) {
        return inspection.fields(which);
    }

    /// L1's EPT entries for an address of L2, from the first table on.
    public List<NestedState.EptStep> walk(long l2Physical) {
        return inspection.walk(l2Physical);
    }

    /// RESET or INIT of the vCPU: it leaves VMX operation, VMCS01 is current.
    public void reset() {
        operation.reset();
    }
}
