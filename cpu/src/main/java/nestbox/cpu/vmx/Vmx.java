package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.entry.ActiveControls;
import nestbox.cpu.entry.EntryFailure;
import nestbox.cpu.entry.ExitBitmaps;
import nestbox.cpu.entry.Explanation;
import nestbox.cpu.entry.MsrAccess;
import nestbox.cpu.entry.ProcessorFacts;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.cpu.model.VmxSilicon;
import nestbox.cpu.vmx.ExitInformation.ResumeFlag;
import nestbox.platform.Clock;
import nestbox.platform.trace.TraceListener;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TaskSwitchQualification;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;
import nestbox.x86.vmx.VmxControl;

import java.util.Optional;

/// VMX operation of one processor. SDM Vol. 3C, "Introduction to Virtual Machine Extensions".
///
/// A VM exit is *thrown*, as the processor's [GuestFault] with the pseudo vector [#TRANSITION]: so
/// it unwinds a half-done instruction or event delivery like an exception, and the step loop then
/// calls [#transition]. VM entry leaves VMLAUNCH and VMRESUME the same way. What an exit reports
/// is put down in [ExitInformation] before.
public final class Vmx {
    /// The pseudo vector of the fault that means "VM exit or VM entry".
    public static final int TRANSITION = -2;

    private static final VmxSilicon NOTHING = VmxSilicon.none();

    final Cpu cpu;
    final VmxCapabilities capabilities;
    final VmcsLayout layout;
    final ProcessorView facts;
    final PassedChecks passed;
    final ActiveControls controls = new ActiveControls();
    final ExitInformation exit = new ExitInformation();
    final GuestTime time;
    final AddressTags tags;
    final PageModificationLog log;
    final PauseLoop pauses;

    /// Guest-physical addresses.
    public final Ept ept;

    /// The local APIC that a guest sees.
    public final VirtualApic apic;

    /// What comes between a guest's instructions.
    public final NonRootEvents events;

    /// For the user: what VM exits cost, and which VM entries failed.
    public final ExitCounts counts;

    public final FailedEntries failures = new FailedEntries();

    VmxWatch watch = VmxWatch.NOBODY;

    private final Clock clock;

    private final VmEntry entry;
    private final VmExit vmExit;

    private boolean operating;

    /// How often VMX operation was entered: a VMCS that was launched and not cleared since must not
    /// be resumed in another.
    private int operation;

    private boolean nonRoot;
    private long vmxonPointer = VmcsRegion.NO_POINTER;
    private Optional<Vmcs> current = Optional.empty();

    /// The next transition is a VM entry.
    private boolean entering;

    /// The event that is on its way through the IDT, in VMX non-root operation.
    private Optional<Delivering> delivering = Optional.empty();

    /// The event was injected by VM entry: it never exits itself.
    private boolean injected;

    /// The IRET that runs has removed blocking by NMI.
    private boolean nmiUnblocked;

    /// The hypervisor in Java, if there is one, and whether a VM exit waits for it.
    private Optional<RootProgram> root = Optional.empty();

    private boolean exited;

    public Vmx(Cpu cpu, Clock clock) {
        this.cpu = cpu;
        this.clock = clock;
        counts = new ExitCounts(cpu, clock);
        capabilities =
                VmxCapabilities.of(
                        cpu.features.vmx().orElse(NOTHING),
                        cpu.features::has,
                        cpu.controls.cr4Defined());
        layout = VmcsLayout.of(capabilities);
        facts = new ProcessorView(this);
        passed = new PassedChecks(layout, facts);
        time = new GuestTime(this, clock);
        tags = new AddressTags(this);
        log = new PageModificationLog(this);
        ept = new Ept(this);
        pauses = new PauseLoop(this);
        apic = new VirtualApic(this);
        events = new NonRootEvents(this);
        entry = new VmEntry(this);
        vmExit = new VmExit(this);
    }

    /// RESET or INIT: the processor leaves VMX operation.
    public void reset() {
        leaveGuest();
        operating = false;
        vmxonPointer = VmcsRegion.NO_POINTER;
        current = Optional.empty();
        delivering = Optional.empty();
        entering = false;
        root = Optional.empty();
        counts.abandoned();
        tags.forget();
        cpu.mmu.updateA20();
    }

    public VmxCapabilities capabilities() {
        return capabilities;
    }

    /// Whether VMXON has been executed, and VMXOFF not yet.
    public boolean isOperating() {
        return operating;
    }

    /// Whether a guest runs.
    public boolean isNonRoot() {
        return nonRoot;
    }

    /// Whether INIT has to wait: it does in VMX root operation.
    public boolean blocksInit() {
        return operating && !nonRoot;
    }

    /// Tells a listener about VM entries and VM exits from now on.
    public void trace(TraceListener listener) {
        watch = new VmxTrace(this, clock, listener);
    }

    // VMX operation

    /// VMXON, after its checks.
    public void enterOperation(long pointer) {
        operating = true;
        operation++;
        vmxonPointer = pointer;
        current = Optional.empty();
        cpu.mmu.updateA20();
    }

    void leaveOperation() {
        counts.abandoned();
        operating = false;
        vmxonPointer = VmcsRegion.NO_POINTER;
        current = Optional.empty();
        cpu.mmu.updateA20();
    }

    int operation() {
        return operation;
    }

    long vmxonPointer() {
        return vmxonPointer;
    }

    Optional<Vmcs> current() {
        return current;
    }

    void current(Optional<Vmcs> vmcs) {
        current = vmcs;
    }

    /// The current VMCS, which there is when a guest runs.
    public Vmcs vmcs() {
        return current.orElseThrow();
    }

    /// The current-VMCS pointer; all ones if there is none.
    public long currentPointer() {
        return current.map(Vmcs::address).orElse(VmcsRegion.NO_POINTER);
    }

    /// What the checks of VM entry ask of the processor.
    public ProcessorFacts facts() {
        return facts;
    }

    public MsrAccess msrAccess() {
        return facts;
    }

    public AddressTags tags() {
        return tags;
    }

    // VMCS pointers

    /// Whether a VMXON or VMCS region can be at a physical address.
    boolean isRegion(long address) {
        return (address & VmcsRegion.SIZE - 1) == 0
                && address >>> cpu.features.physicalAddressBits() == 0;
    }

    private Optional<Vmcs> at(long address) {
        Optional<Vmcs> vmcs = Vmcs.at(cpu.bus.memory(), layout, address);
        // The processor's own writes to the region don't tell those who decoded code there.
        vmcs.ifPresent(region -> cpu.bus.code().written(address, VmcsRegion.SIZE));
        return vmcs;
    }

    /// The VMCS in a region, for someone who only reads it.
    public Optional<Vmcs> look(long address) {
        return isRegion(address)
                ? Vmcs.at(cpu.bus.memory(), layout, address).filter(this::hasRevision)
                : Optional.empty();
    }

    /// VMCLEAR.
    ///
    /// @return how it fails, if it does
    public Optional<VmInstructionError> clear(long address) {
        if (!isRegion(address)) {
            return Optional.of(VmInstructionError.VMCLEAR_INVALID_ADDRESS);
        }
        if (address == vmxonPointer) {
            return Optional.of(VmInstructionError.VMCLEAR_VMXON_POINTER);
        }
        at(address).ifPresent(Vmcs::clear);
        if (address == currentPointer()) {
            current = Optional.empty();
        }
        return Optional.empty();
    }

    /// VMPTRLD.
    ///
    /// @return how it fails, if it does
    public Optional<VmInstructionError> makeCurrent(long address) {
        if (!isRegion(address)) {
            return Optional.of(VmInstructionError.VMPTRLD_INVALID_ADDRESS);
        }
        if (address == vmxonPointer) {
            return Optional.of(VmInstructionError.VMPTRLD_VMXON_POINTER);
        }
        Optional<Vmcs> vmcs = at(address).filter(this::hasRevision);
        if (vmcs.isEmpty()) {
            return Optional.of(VmInstructionError.VMPTRLD_INCORRECT_REVISION);
        }
        current = vmcs;
        return Optional.empty();
    }

    private boolean hasRevision(Vmcs vmcs) {
        int word = vmcs.revisionWord();
        return (word & ~VmcsRegion.SHADOW) == layout.revision()
                && (word >= 0 || capabilities.allows(SecondaryControl.VMCS_SHADOWING));
    }

    /// Whether a control is 1 for the guest that runs.
    public boolean on(VmxControl control) {
        return controls.on(control);
    }

    /// What a value of the TSC is for the software that runs: for a guest with its offset.
    public long guestTsc(long tsc) {
        return time.guestTsc(tsc);
    }

    /// Ticks of the TSC for those that the software that runs counts.
    public long physicalDelay(long ticks) {
        return time.physicalDelay(ticks);
    }

    /// MOV to CR0 while in VMX operation: some bits are fixed. SDM Vol. 3C, "Restrictions on VMX
    /// Operation".
    public boolean allowsCr0(long value) {
        return !operating || (value & requiredCr0()) == requiredCr0();
    }

    private long requiredCr0() {
        boolean unrestricted = nonRoot && controls.on(SecondaryControl.UNRESTRICTED_GUEST);
        return unrestricted ? ControlBits.CR0_NE : VmxCapabilities.CR0_FIXED0;
    }

    /// Like [#allowsCr0] for CR4.
    public boolean allowsCr4(long value) {
        return !operating || (value & VmxCapabilities.CR4_FIXED0) == VmxCapabilities.CR4_FIXED0;
    }

    // Results of VMX instructions. SDM Vol. 3C, "Conventions".

    void succeed() {
        cpu.statusFlags(0);
    }

    void failInvalid() {
        cpu.statusFlags(RFlags.CF);
    }

    void fail(VmInstructionError error) {
        if (current.isEmpty()) {
            failInvalid();
            return;
        }
        cpu.statusFlags(RFlags.ZF);
        vmcs().write(VmcsField.INSTRUCTION_ERROR, error.number());
    }

    // VM exits

    private GuestFault transitionFault() {
        return cpu.fault.of(TRANSITION, 0);
    }

    /// The VM exit of an instruction, to be thrown by its handler.
    GuestFault exit(Insn insn, ExitReason reason, long qualification) {
        exit.begin(reason, qualification, ResumeFlag.CLEAR);
        exit.instructionLength = insn.length();
        return transitionFault();
    }

    /// A VM exit like a fault, in the middle of an instruction or of an event's delivery.
    GuestFault exitLikeFault(ExitReason reason, long qualification) {
        boolean resume = delivering.map(Delivering::resume).orElse(true);
        exit.begin(reason, qualification, resume ? ResumeFlag.SET : ResumeFlag.CLEAR);
        return transitionFault();
    }

    /// A VM exit between instructions, done at once.
    void exitNow(ExitReason reason, long qualification) {
        exit.begin(reason, qualification, ResumeFlag.UNCHANGED);
        transition(0);
    }

    /// A task switch: always a VM exit. RF is saved as the old TSS would have got it.
    public GuestFault taskSwitch(int selector, TaskSwitchQualification.Source source) {
        ResumeFlag resume =
                delivering
                        .map(event -> event.resume() ? ResumeFlag.SET : ResumeFlag.CLEAR)
                        .orElse(ResumeFlag.UNCHANGED);
        exit.begin(
                ExitReason.TASK_SWITCH,
                new TaskSwitchQualification(selector, source).toLong(),
                resume);
        return transitionFault();
    }

    /// The checks of VMLAUNCH and VMRESUME, with a current VMCS that isn't a shadow.
    Optional<VmInstructionError> prepareEntry(boolean launch) {
        failures.attempt();
        if ((cpu.heldBack & Interruptibility.MOV_SS) != 0) {
            return refused(VmInstructionError.ENTRY_BLOCKED_BY_MOV_SS, Optional.empty());
        }
        if (vmcs().isLaunched() == launch) {
            return refused(
                    launch
                            ? VmInstructionError.VMLAUNCH_NON_CLEAR
                            : VmInstructionError.VMRESUME_NON_LAUNCHED,
                    Optional.empty());
        }
        if (!launch && vmcs().launchedIn() != operation) {
            return refused(VmInstructionError.VMRESUME_AFTER_VMXOFF, Optional.empty());
        }
        Optional<EntryFailure> broken = passed.controlsAndHost(vmcs());
        return broken.isEmpty()
                ? Optional.empty()
                : refused(broken.get().rule().stage().error(), Optional.of(broken.get()));
    }

    private Optional<VmInstructionError> refused(
            VmInstructionError error, Optional<Explanation> why) {
        entryFailed(FailedEntry.of(error, why));
        return Optional.of(error);
    }

    /// For the user; what the hypervisor sees of it is not done here.
    void entryFailed(FailedEntry failure) {
        failures.add(failure, clock.nanos());
        watch.entryFailed(failure);
    }

    /// VMLAUNCH and VMRESUME have passed their checks.
    GuestFault enter() {
        entering = true;
        return transitionFault();
    }

    /// Does the VM exit or VM entry that has been thrown. RIP is that of the instruction that was
    /// interrupted.
    ///
    /// @param length of that instruction; 0 if it was none
    public void transition(int length) {
        if (exit.instructionLength == 0) {
            exit.instructionLength = length;
        }
        if (entering) {
            entering = false;
            entry.enter();
        } else {
            vmExit.perform();
        }
        cpu.attention();
    }

    // A hypervisor in Java

    /// From now on VM exits are for a hypervisor in Java: it gets the processor where other
    /// hypervisors' code at HOST_RIP would run.
    public void hostedBy(RootProgram program) {
        root = Optional.of(program);
        exited = false;
    }

    /// Whether the processor is in VMX root operation of a hypervisor in Java, so that there are no
    /// instructions to run.
    public boolean isInHost() {
        return !nonRoot && root.isPresent();
    }

    /// Lets the hypervisor in Java work until it enters a guest.
    ///
    /// @return false when it has nothing to enter, or the processor's turn is over
    public boolean runHost() {
        RootProgram program = root.orElseThrow();
        while (!nonRoot) {
            if (cpu.activity == Activity.SHUTDOWN || cpu.isSliceOver()) {
                return false;
            }
            if (exited) {
                exited = false;
                program.exited();
            } else {
                program.idle();
                if (!nonRoot && !exited) {
                    return false;
                }
            }
        }
        return true;
    }

    /// VM entry for a hypervisor in Java: VMLAUNCH or VMRESUME, as the launch state demands.
    ///
    /// @return the VM-instruction error, if it fails; a failure because of guest state is a VM exit
    public Optional<VmInstructionError> enterFromHost() {
        Optional<VmInstructionError> error = prepareEntry(!vmcs().isLaunched());
        if (error.isEmpty()) {
            cpu.spend(1);
            entry.enter();
            cpu.attention();
        }
        return error;
    }

    /// Host state is loaded.
    void exited() {
        exited = true;
    }

    VmExit vmExit() {
        return vmExit;
    }

    // Guests

    /// The controls are loaded: from here on instructions are the guest's.
    void enterGuest() {
        controls.load(vmcs());
        nonRoot = true;
        delivering = Optional.empty();
        events.begin();
        apic.begin();
        pauses.begin();
        ept.begin();
        tags.enterGuest();
    }

    /// The EPT pointer of the current VMCS has changed while the guest runs.
    void switchEptPointer() {
        ept.begin();
        tags.useEptPointer();
        cpu.mmu.switchTo(cpu.controls.spaceTag());
    }

    /// The tag of a PCID in the address spaces in use.
    public long tag(long pcid) {
        return tags.tag(pcid);
    }

    /// The value of a capability register.
    public Optional<Long> capability(Msr msr) {
        return capabilities.msr(msr);
    }

    void leaveGuest() {
        nonRoot = false;
        controls.clear();
        ept.end();
        time.stop();
        events.end();
        tags.leaveGuest();
        injected = false;
        nmiUnblocked = false;
    }

    // Events

    /// An event is about to go through the IDT in VMX non-root operation.
    ///
    /// @throws GuestFault a VM exit, if the event is an exception that the guest's VMCS wants
    public void beginDelivery(Delivering event) {
        boolean exits =
                !injected
                        && isException(event.type())
                        && intercepts(event.vector(), event.errorCode());
        injected = false;
        if (exits) {
            throw exceptionExit(event);
        }
        delivering = Optional.of(event);
    }

    public void endDelivery() {
        delivering = Optional.empty();
    }

    /// An event leads to others without end.
    public void giveUpDelivery() {
        if (on(SecondaryControl.INSTRUCTION_TIMEOUT)) {
            exit.begin(ExitReason.INSTRUCTION_TIMEOUT_EXPIRED, 0, ResumeFlag.SET);
            transition(0);
        }
        endDelivery();
    }

    /// The next event to be delivered is the one that VM entry injects.
    void beginInjection() {
        injected = true;
    }

    Optional<Delivering> delivering() {
        return delivering;
    }

    private static boolean isException(InterruptionType type) {
        return switch (type) {
            case HARDWARE_EXCEPTION, PRIVILEGED_SOFTWARE_EXCEPTION, SOFTWARE_EXCEPTION -> true;
            case EXTERNAL_INTERRUPT, RESERVED, NMI, SOFTWARE_INTERRUPT, OTHER_EVENT -> false;
        };
    }

    /// Whether a fault while another event was delivered is a VM exit, so that it makes neither a
    /// double nor a triple fault. SDM Vol. 3C, "Other Causes of VM Exits", of triple faults.
    public boolean interceptsFault(int vector, int errorCode) {
        return nonRoot && intercepts(vector, errorCode);
    }

    private boolean intercepts(int vector, int errorCode) {
        return ExitBitmaps.exception(
                vmcs().read(VmcsField.EXCEPTION_BITMAP),
                vmcs().read(VmcsField.PAGE_FAULT_ERROR_CODE_MASK),
                vmcs().read(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH),
                vector,
                errorCode);
    }

    private GuestFault exceptionExit(Delivering event) {
        long qualification =
                switch (event.vector()) {
                    case Vector.PF -> cpu.faultAddress;
                    case Vector.DB -> cpu.debug.takeUnreported();
                    default -> 0;
                };
        exit.begin(
                ExitReason.EXCEPTION_OR_NMI,
                qualification,
                event.resume() ? ResumeFlag.SET : ResumeFlag.CLEAR);
        long unblocking = event.vector() == Vector.DF ? 0 : nmiUnblockingBit();
        exit.interruption = event.information().toLong() | unblocking;
        exit.errorCode = Math.max(event.errorCode(), 0);
        exit.instructionLength = event.instructionLength();
        exit.dropsVectoring = event.vector() == Vector.DF;
        return transitionFault();
    }

    /// Whether debug exceptions are VM exits, which leave DR6 and DR7 alone.
    public boolean interceptsDebug() {
        return nonRoot && (vmcs().read(VmcsField.EXCEPTION_BITMAP) >>> Vector.DB & 1) != 0;
    }

    /// A fault while a double fault was delivered.
    public void tripleFault() {
        exit.begin(ExitReason.TRIPLE_FAULT, 0, ResumeFlag.SET);
        exit.dropsVectoring = true;
        transition(0);
    }

    // Blocking by NMI

    /// For exit qualifications and interruption information: bit 12 says that the IRET which is
    /// interrupted has removed blocking by NMI.
    long nmiUnblockingBit() {
        return nmiUnblocked && delivering.isEmpty() ? InterruptionInformation.NMI_UNBLOCKING : 0;
    }

    void nmiUnblocked(boolean value) {
        nmiUnblocked = value;
    }
}
