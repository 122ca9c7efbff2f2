package nestbox.cpu;

import nestbox.cpu.apic.LocalApic;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.entry.MsrAccess;
import nestbox.cpu.entry.ProcessorFacts;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.cpu.vmx.RootProgram;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// VMX root operation of a processor, for a hypervisor in Java: what such a hypervisor does with
/// instructions, as calls. Nothing else is there, so what works here works on hardware.
///
/// VMX instructions that fail throw [IllegalStateException]: a hypervisor knows what it does. The
/// exception is VM entry, whose checks depend on guests.
///
/// VM exits leave the general registers but RSP, CR2, DR0 to DR3, DR6, XCR0, the vector registers
/// and most model-specific registers as the guest had them; the hypervisor uses none of them.
public final class VmxRoot {
    private static final int CODE_SELECTOR = 0x10;
    private static final int DATA_SELECTOR = 0x18;
    private static final int TASK_SELECTOR = 0x20;

    private final Cpu cpu;
    private final LocalApic apic;

    VmxRoot(Cpu cpu, LocalApic apic) {
        this.cpu = cpu;
        this.apic = apic;
    }

    // Set-up

    /// Hands the processor, which waits after RESET, to a hypervisor, in 64-bit mode with paging
    /// and VMX enabled.
    ///
    /// @param cr3 the hypervisor's page tables, which no instruction uses
    public void begin(VmxHost host, long cr3) {
        cpu.cr0 =
                ControlBits.CR0_PE
                        | ControlBits.CR0_ET
                        | ControlBits.CR0_NE
                        | ControlBits.CR0_WP
                        | ControlBits.CR0_PG;
        cpu.cr3 = cr3;
        cpu.cr4 = cr4();
        cpu.efer = ControlBits.EFER_LME | ControlBits.EFER_LMA | ControlBits.EFER_NXE;
        cpu.segments[Insn.CS].set(CODE_SELECTOR, 0, 0xFFFF_FFFFL, 0xA09B);
        for (int number : new int[] {Insn.ES, Insn.SS, Insn.DS, Insn.FS, Insn.GS}) {
            cpu.segments[number].set(DATA_SELECTOR, 0, 0xFFFF_FFFFL, 0xC093);
        }
        cpu.tr.set(TASK_SELECTOR, 0, 0x67, 0x8B);
        cpu.activity = Activity.ACTIVE;
        cpu.mmu.flushAll();
        cpu.stateChanged();
        cpu.vmx.hostedBy(
                new RootProgram() {
                    @Override
                    public void exited() {
                        host.exited();
                    }

                    @Override
                    public void idle() {
                        host.idle();
                    }
                });
        cpu.attention();
    }

    /// CR4 of the hypervisor, which HOST_CR4 has to repeat.
    private static long cr4() {
        return ControlBits.CR4_PAE | ControlBits.CR4_VMXE;
    }

    /// Puts values into the current VMCS with which VM exits bring the processor back as [#begin]
    /// has it.
    public void writeHostState() {
        vmwrite(VmcsField.HOST_CR0, cpu.cr0);
        vmwrite(VmcsField.HOST_CR3, cpu.cr3);
        vmwrite(VmcsField.HOST_CR4, cr4());
        vmwrite(VmcsField.HOST_EFER, cpu.efer);
        vmwrite(VmcsField.HOST_CS_SELECTOR, CODE_SELECTOR);
        vmwrite(VmcsField.HOST_SS_SELECTOR, DATA_SELECTOR);
        vmwrite(VmcsField.HOST_TR_SELECTOR, TASK_SELECTOR);
    }

    // VMX instructions

    /// What the processor's VMX can do.
    public VmxCapabilities capabilities() {
        return cpu.vmx.capabilities();
    }

    /// What the checks of VM entry ask of this processor.
    public ProcessorFacts facts() {
        return cpu.vmx.facts();
    }

    public void vmxon(long region) {
        cpu.vmx.enterOperation(region);
    }

    public void vmclear(long region) {
        check(cpu.vmx.clear(region));
    }

    public void vmptrld(long region) {
        check(cpu.vmx.makeCurrent(region));
    }

    /// Current-VMCS pointer; all ones if there is none.
    public long vmptrst() {
        return cpu.vmx.currentPointer();
    }

    /// A field of the current VMCS; 0 if the processor doesn't have it.
    public long vmread(VmcsField field) {
        return cpu.vmx.vmcs().read(field);
    }

    /// Sets a field of the current VMCS to as much of a value as it holds; nothing happens if the
    /// processor doesn't have it.
    public void vmwrite(VmcsField field, long value) {
        cpu.vmx.vmcs().write(field, value);
    }

    /// What a VMCS holds, current or not, for the user: nothing is changed by looking.
    ///
    /// @param region its address
    /// @return the fields that the processor has; none if there is no VMCS of it
    public Map<VmcsField, Long> contents(long region) {
        Map<VmcsField, Long> fields = new EnumMap<>(VmcsField.class);
        cpu.vmx
                .look(region)
                .ifPresent(
                        vmcs -> {
                            for (VmcsField field : VmcsField.values()) {
                                if (vmcs.layout().has(field)) {
                                    fields.put(field, vmcs.read(field));
                                }
                            }
                        });
        return fields;
    }

    /// Forgets translations that were derived from these EPT tables.
    public void inveptSingle(long eptPointer) {
        cpu.vmx.tags().invalidateEpt(eptPointer);
    }

    /// Forgets translations of a VPID.
    public void invvpidSingle(int vpid) {
        cpu.vmx.tags().invalidateVpid(vpid);
    }

    /// Forgets a VPID's translation of one linear address.
    public void invvpidAddress(int vpid, long linear) {
        cpu.vmx.tags().invalidateAddress(vpid, linear);
    }

    /// VM entry with the current VMCS: VMLAUNCH or VMRESUME, as its launch state demands. On
    /// success the guest runs once the hypervisor returns from [VmxHost]; if guest state is
    /// invalid, [VmxHost#exited] follows.
    ///
    /// @return the VM-instruction error, if it fails; [#entryFailure] says why
    public Optional<VmInstructionError> enter() {
        return cpu.vmx.enterFromHost();
    }

    /// Why the last VM entry failed, if it did, for the user.
    public Optional<String> entryFailure() {
        return cpu.vmx.failures.standing().map(Object::toString);
    }

    /// Whether a guest runs, or will when the hypervisor returns.
    public boolean isInGuest() {
        return cpu.vmx.isNonRoot();
    }

    private static void check(Optional<VmInstructionError> error) {
        error.ifPresent(
                number -> {
                    throw new IllegalStateException(number.toString());
                });
    }

    // Registers

    /// A general register.
    ///
    /// @param number 0 to 15: RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15. RSP is the hypervisor's;
    ///     the guest's is in the VMCS
    public long register(int number) {
        return cpu.get64(8 * number);
    }

    public void register(int number, long value) {
        cpu.set64(8 * number, value);
    }

    public long cr2() {
        return cpu.cr2;
    }

    public void cr2(long value) {
        cpu.cr2 = value;
    }

    public long dr6() {
        return cpu.debug.dr6;
    }

    public void dr6(long value) {
        cpu.debug.dr6 = value;
    }

    public long xcr0() {
        return cpu.xcr0;
    }

    /// XSETBV.
    ///
    /// @return false where it would be #GP
    public boolean xcr0(long value) {
        try {
            cpu.controls.xcr0(value);
            return true;
        } catch (GuestFault fault) {
            return false;
        }
    }

    /// RDMSR.
    ///
    /// @return nothing where it would be #GP
    public OptionalLong readMsr(int number) {
        return msrs().read(number);
    }

    /// WRMSR.
    ///
    /// @return false where it would be #GP
    public boolean writeMsr(int number, long value) {
        return msrs().write(number, value);
    }

    /// RDMSR and WRMSR as the MSR areas of a VMCS ask for them.
    public MsrAccess msrs() {
        return cpu.vmx.msrAccess();
    }

    /// CPUID, with OSXSAVE and other copies of registers as the hypervisor has them.
    ///
    /// @return EAX, EBX, ECX and EDX
    public int[] cpuid(int leaf, int subleaf) {
        return cpu.features.cpuid(leaf, subleaf, cpu);
    }

    /// RDTSC.
    public long tsc() {
        return cpu.tsc.now();
    }

    // Events

    /// The processor's local APIC.
    public LocalApic apic() {
        return apic;
    }

    /// Whether the local APIC has an interrupt for the processor.
    public boolean isInterruptPending() {
        return cpu.apic.isPending();
    }

    /// Acknowledges the interrupt of highest priority, which is in service from now on.
    ///
    /// @return its vector
    public OptionalInt acknowledgeInterrupt() {
        return cpu.apic.isPending() ? OptionalInt.of(cpu.apic.acknowledge()) : OptionalInt.empty();
    }

    /// Takes an NMI that has come in VMX root operation.
    ///
    /// @return whether there was one
    public boolean takeNmi() {
        boolean pending = cpu.nmiPending;
        cpu.nmiPending = false;
        return pending;
    }

    /// Signals INIT to this processor. In VMX root operation it is held back; a guest exits with
    /// [nestbox.x86.vmx.ExitReason#INIT_SIGNAL]. So one processor makes another look at its work.
    public void signalInit() {
        cpu.delivery.requestInit();
    }
}
