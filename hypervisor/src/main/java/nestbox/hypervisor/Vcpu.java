package nestbox.hypervisor;

import nestbox.cpu.StartState;
import nestbox.cpu.VmxHost;
import nestbox.cpu.VmxRoot;
import nestbox.cpu.apic.ApicMode;
import nestbox.hypervisor.devicemodel.VcpuRegisters;
import nestbox.hypervisor.emulate.Attempts;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.hypervisor.emulate.GuestLinear;
import nestbox.hypervisor.emulate.GuestPhysical;
import nestbox.hypervisor.emulate.GuestState;
import nestbox.hypervisor.emulate.InstructionEmulator;
import nestbox.hypervisor.emulate.TaskSwitch;
import nestbox.hypervisor.memory.MsrBitmap;
import nestbox.hypervisor.memory.PagePool;
import nestbox.hypervisor.nested.Nested;
import nestbox.platform.GuestMemory;
import nestbox.platform.PortIo;
import nestbox.scenario.GuestFlag;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/// A virtual processor, pinned to a processor of the board: enters its guest, and has each exit
/// handled.
public final class Vcpu implements VmxHost {
    private static final int MOST_PROCESSORS = 256;

    private final Vm vm;
    private final int id;
    private final int pcpu;
    private final VmxRoot root;
    private final long vmcs01;
    private final Vmcs01 setup;
    private final Events events;
    private final VcpuApic apic;
    private final Optional<EmulatedApic> virtualApic;
    private final Interrupts interrupts;
    private final MsrPolicy msrs;
    private final ControlRegisters controlRegisters;
    private final Optional<Nested> nested;
    private final ExitHandlers handlers;
    private final ExitCounters counters = new ExitCounters();
    private VcpuState state = VcpuState.INIT;
    private Consumer<Vmcs01> start = Vmcs01::writeReset;
    private final Optional<Forwarding> forwarding;
    private Optional<Later> later = Optional.empty();

    /// Translations of its guest-physical addresses have changed.
    private boolean forgetsTranslations;

    /// Waits after HLT.
    private boolean blocked;

    /// An INIT came that its next exit has to perform.
    private boolean initSignalled;

    /// An exit whose handling has to wait.
    private record Later(ExitReason reason, BooleanSupplier due) {}

    /// @param pages for what its guests need, if it may have any
    Vcpu(Vm vm, int id, int pcpu, VmxRoot root, PagePool pages) {
        this.vm = vm;
        this.id = id;
        this.pcpu = pcpu;
        this.root = root;
        vmcs01 = vm.pages().takeOwn();
        setup = new Vmcs01(root);
        events = new Events(root);
        virtualApic =
                vm.has(GuestFlag.LAPIC_PASSTHROUGH)
                        ? Optional.empty()
                        : Optional.of(new EmulatedApic(this, vm.apicBus()));
        apic =
                virtualApic.isPresent()
                        ? virtualApic.get()
                        : new PassedApic(
                                this, root.apic(), vm.machine().messages(), this::apicModeChanged);
        interrupts = new Interrupts(this, events);
        forwarding = vm.deviceModel().map(model -> new Forwarding(this, model));
        GuestMemory board = vm.machine().memory();
        GuestPhysical physical = new L1Memory(this);
        GuestState registers = new GuestState(root);
        GuestLinear linear = new GuestLinear(registers, board, physical);
        nested =
                vm.has(GuestFlag.NVMX_ENABLED)
                        ? Optional.of(Nested.of(new L1(this, linear, pages)))
                        : Optional.empty();
        msrs =
                new MsrPolicy(
                        root.msrs(),
                        apic,
                        nested.map(vmx -> msr -> vmx.capabilities().msr(msr)),
                        new MsrBitmap(vm.pages()));
        if (virtualApic.isPresent()) {
            msrs.keepTimer();
        }
        controlRegisters = new ControlRegisters(root, board, vm.memory(), cr4Allowed(), vpid(0));
        handlers =
                new ExitHandlers(
                        this,
                        new InstructionEmulator(linear),
                        new TaskSwitch(linear, controlRegisters::loadPageRoot),
                        nested.map(vmx -> new L2Memory(vmx, physical))
                                .map(memory -> new GuestLinear(registers, board, memory))
                                .map(InstructionEmulator::new));
    }

    /// CR4 as the processor has it, without SMX, and without VMX for those that may not use it.
    private long cr4Allowed() {
        long allowed = root.capabilities().cr4Fixed1() & ~ControlBits.CR4_SMXE;
        return vm.has(GuestFlag.NVMX_ENABLED) ? allowed : allowed & ~ControlBits.CR4_VMXE;
    }

    /// A VPID.
    ///
    /// @param context 0 for the vCPU itself, others for its guests
    int vpid(int context) {
        return 1 + pcpu + context * MOST_PROCESSORS;
    }

    public Vm vm() {
        return vm;
    }

    /// Its number within the virtual machine.
    public int id() {
        return id;
    }

    /// The processor that it runs on.
    public int pcpu() {
        return pcpu;
    }

    public VcpuState state() {
        return state;
    }

    /// Whether it executes instructions, or would if it were its processor's turn.
    public boolean isRunning() {
        return mayRun() && !blocked && later.isEmpty();
    }

    /// Whether it has halted, and waits for an interrupt that L0 will give it.
    boolean isBlocked() {
        return mayRun() && blocked;
    }

    private boolean mayRun() {
        return state == VcpuState.RUNNING && vm.state() == VmState.RUNNING;
    }

    public ExitCounters exits() {
        return counters;
    }

    /// Its VMX operation, if it may use VMX.
    Optional<Nested> nested() {
        return nested;
    }

    /// What there is to see of its VMX operation, if it may use VMX. Like the others that look,
    /// it's for when its processor isn't running.
    public Optional<NestedState> nestedState() {
        return nested.map(Nested::state);
    }

    /// The fields of one of the VMCSs with which it runs; nothing if there isn't one.
    public Map<VmcsField, Long> fields(NestedState.Which which) {
        return nested.map(vmx -> vmx.fields(which))
                .orElseGet(
                        () ->
                                which == NestedState.Which.VMCS01
                                        ? root.capabilities().fields().stream()
                                                .collect(
                                                        Collectors.toMap(
                                                                field -> field, root::vmread))
                                        : Map.of());
    }

    /// Its EPT entries for an address of its guest, from the first table on.
    public List<NestedState.EptStep> walkNested(long l2Physical) {
        return nested.map(vmx -> vmx.walk(l2Physical)).orElse(List.of());
    }

    /// Whether its nested guest runs.
    public boolean isInL2() {
        return nested.filter(Nested::isInL2).isPresent();
    }

    /// A look at it, for the user.
    public VcpuInspection inspection() {
        return new VcpuInspection(this);
    }

    boolean isBootstrap() {
        return id == 0;
    }

    VmxRoot root() {
        return root;
    }

    long vmcs01() {
        return vmcs01;
    }

    VcpuApic apic() {
        return apic;
    }

    /// Its local APIC, if it doesn't have its processor's.
    Optional<EmulatedApic> virtualApic() {
        return virtualApic;
    }

    /// Its accesses that a device model answers, if its virtual machine has one.
    Optional<Forwarding> forwarding() {
        return forwarding;
    }

    /// Its ports, whoever emulates them.
    PortIo ports() {
        return forwarding.<PortIo>map(each -> each).orElse(vm.ports());
    }

    /// What CPUID tells as the id of its local APIC.
    int apicId() {
        return virtualApic.map(EmulatedApic::id).orElse(root.apic().id());
    }

    MsrPolicy msrs() {
        return msrs;
    }

    ControlRegisters controlRegisters() {
        return controlRegisters;
    }

    Events events() {
        return events;
    }

    // Start and stop

    /// Takes the processor and sets up VMCS01.
    ///
    /// @param vmxonRegion a page for the processor
    /// @param hostTables a page that stands for L0's page tables
    void prepare(long vmxonRegion, long hostTables) {
        root.begin(this, hostTables);
        root.vmxon(vmxonRegion);
        Vmcs01.prepareRegion(vm.machine().memory(), vmcs01, root);
        root.vmptrld(vmcs01);
        setup.writeControls(virtualApic.isEmpty(), controlRegisters.cr4Mask());
        root.vmwrite(VmcsField.VIRTUAL_PROCESSOR_IDENTIFIER, vpid(0));
        root.vmwrite(VmcsField.EPT_POINTER, vm.memory().pointer());
        root.vmwrite(VmcsField.IO_BITMAP_A, vm.portExits().addressA());
        root.vmwrite(VmcsField.IO_BITMAP_B, vm.portExits().addressB());
        root.vmwrite(VmcsField.MSR_BITMAPS, msrs.bitmap().address());
    }

    /// Where it is to start, if it is the bootstrap processor.
    void startAt(StartState state) {
        start = vmcs -> vmcs.writeStart(state);
    }

    /// Where it is to start, if a device model says so.
    ///
    /// @return false if that is nothing that a guest can be in
    boolean startAt(VcpuRegisters state) {
        long cr0 = state.cr0();
        boolean unprotected =
                (cr0 & (ControlBits.CR0_PG | ControlBits.CR0_PE)) == ControlBits.CR0_PG;
        if (cr0 >>> 32 != 0 || unprotected || (state.cr4() & ~cr4Allowed()) != 0) {
            return false;
        }
        start = vmcs -> vmcs.writeStart(state);
        return true;
    }

    void startAsBootstrap() {
        start.accept(setup);
        state = VcpuState.RUNNING;
    }

    /// Makes it as it was before it started; its processor has to be made ready, too.
    void reset() {
        state = VcpuState.INIT;
        start = Vmcs01::writeReset;
        blocked = false;
        initSignalled = false;
        later = Optional.empty();
        forwarding.ifPresent(Forwarding::cancel);
        interrupts.reset();
        virtualApic.ifPresent(each -> each.device().reset());
        if (virtualApic.isEmpty()) {
            msrs.x2apic(false);
        }
    }

    /// It's gone for good, and the processor no longer its own.
    void offline() {
        reset();
        state = VcpuState.OFFLINE;
    }

    /// An INIT from a processor of its virtual machine.
    void signalInit() {
        initSignalled = true;
        kick();
        if (!root.isInGuest()) {
            performInit();
        }
    }

    /// INIT stays pending in VMX root operation and while a nested guest waits for a startup IPI;
    /// otherwise it's a VM exit of a nested guest.
    private void performInit() {
        if (later.isPresent() || state == VcpuState.OFFLINE) {
            return;
        }
        if (nested.filter(Nested::blocksInit).isPresent()) {
            return;
        }
        if (isInL2()) {
            initSignalled = !nested.orElseThrow().init();
            return;
        }
        initSignalled = false;
        nested.ifPresent(Nested::reset);
        apic.init();
        state = VcpuState.INIT;
        blocked = false;
    }

    /// A startup IPI: counts only for one that waits for it.
    void signalStartup(int vector) {
        if (isInL2()) {
            if (nested.orElseThrow().startup(vector)) {
                blocked = false;
            }
            return;
        }
        if (state == VcpuState.INIT && !isBootstrapBeforeStart()) {
            setup.writeRealMode(vector << 8, 0);
            for (int register = 0; register < 16; register++) {
                root.register(register, 0);
            }
            root.register(2, root.cpuid(1, 0)[0]);
            root.invvpidSingle((int) root.vmread(VmcsField.VIRTUAL_PROCESSOR_IDENTIFIER));
            state = VcpuState.RUNNING;
        }
    }

    private boolean isBootstrapBeforeStart() {
        return isBootstrap() && vm.state() != VmState.RUNNING;
    }

    /// Makes it come to L0 soon if it is in its guest.
    void kick() {
        if (root.isInGuest() && state != VcpuState.OFFLINE) {
            root.signalInit();
        }
    }

    /// An NMI for a vCPU with a virtual local APIC.
    void signalNmi() {
        interrupts.signalNmi();
        kick();
    }

    /// Lets it forget how its virtual machine's addresses were translated, before it executes
    /// another instruction.
    void forgetTranslations() {
        forgetsTranslations = true;
        kick();
    }

    /// Has the exit that it's in handled again once something is due, and its guest wait.
    Resume await(ExitReason reason, BooleanSupplier due) {
        later = Optional.of(new Later(reason, due));
        return Resume.LATER;
    }

    /// Stops it for good.
    void retire() {
        state = VcpuState.ZOMBIE;
        kick();
    }

    private void apicModeChanged(ApicMode mode) {
        msrs.x2apic(mode == ApicMode.X2APIC);
    }

    // Running

    @Override
    public void idle() {
        interrupts.takePhysical();
        if (blocked && interrupts.wakes()) {
            blocked = false;
        }
        later.filter(waiting -> mayRun() && waiting.due.getAsBoolean())
                .ifPresent(
                        waiting -> {
                            later = Optional.empty();
                            goOn(handle(waiting.reason, false));
                        });
        if (isRunning()) {
            enter();
        }
    }

    @Override
    public void exited() {
        long field = root.vmread(VmcsField.EXIT_REASON);
        ExitReason reason = ExitReason.of(field).orElseThrow();
        counters.count(reason, isInL2());
        goOn(handle(reason, ((int) field & ExitReason.ENTRY_FAILURE) != 0));
        if (isRunning()) {
            enter();
        }
    }

    private Resume handle(ExitReason reason, boolean entryFailed) {
        forwarding.ifPresent(Forwarding::begin);
        try {
            Resume resume = tryHandling(reason, entryFailed);
            forwarding.ifPresent(Forwarding::done);
            return resume;
        } catch (Attempts.Unanswered _) {
            Forwarding access = forwarding.orElseThrow();
            access.send();
            return await(reason, access::answered);
        }
    }

    private Resume tryHandling(ExitReason reason, boolean entryFailed) {
        long before = root.vmptrst();
        try {
            Resume resume = handlers.handle(reason, entryFailed);
            if (resume != Resume.NEW_TASK && root.vmptrst() == before) {
                events.resumeDelivery();
            }
            return resume;
        } catch (GuestException exception) {
            if (isInL2() && nested.orElseThrow().exception(exception)) {
                return Resume.SAME_INSTRUCTION;
            }
            if (events.raise(exception)) {
                return Resume.SAME_INSTRUCTION;
            }
            return handlers.handle(ExitReason.TRIPLE_FAULT, false);
        }
    }

    /// The one place where RIP moves on.
    private void goOn(Resume resume) {
        switch (resume) {
            case NEXT_INSTRUCTION -> skipInstruction();
            case SAME_INSTRUCTION, NEW_TASK, LATER -> {}
            case BLOCK -> {
                skipInstruction();
                blocked = true;
            }
            case STOP -> state = VcpuState.ZOMBIE;
        }
        if (initSignalled) {
            performInit();
        }
    }

    private void skipInstruction() {
        long rip = root.vmread(VmcsField.GUEST_RIP);
        long next = rip + root.vmread(VmcsField.EXIT_INSTRUCTION_LENGTH);
        boolean wide = (root.vmread(VmcsField.GUEST_CS_ACCESS_RIGHTS) & AccessRights.LONG) != 0;
        root.vmwrite(VmcsField.GUEST_RIP, wide ? next : next & 0xFFFF_FFFFL);
        long blocking = root.vmread(VmcsField.GUEST_INTERRUPTIBILITY_STATE);
        long ended = Interruptibility.FOR_AN_INSTRUCTION;
        if ((blocking & ended) != 0) {
            root.vmwrite(VmcsField.GUEST_INTERRUPTIBILITY_STATE, blocking & ~ended);
        }
        long flags = root.vmread(VmcsField.GUEST_RFLAGS);
        if ((flags & RFlags.RF) != 0) {
            root.vmwrite(VmcsField.GUEST_RFLAGS, flags & ~RFlags.RF);
        }
        if ((flags & RFlags.TF) != 0) {
            // The instruction is complete, so its single-step trap is due.
            long pending = root.vmread(VmcsField.GUEST_PENDING_DEBUG_EXCEPTIONS);
            root.vmwrite(VmcsField.GUEST_PENDING_DEBUG_EXCEPTIONS, pending | PendingDebug.BS);
        }
    }

    private void enter() {
        if (forgetsTranslations) {
            forgetsTranslations = false;
            root.inveptSingle(vm.eptPointer());
        }
        interrupts.inject();
        if (!isRunning()) {
            // An exit of the nested guest has ended it all.
            return;
        }
        Optional<VmInstructionError> error = root.enter();
        if (error.isPresent()) {
            vm.fail(
                    "VM entry of vCPU %d failed, %s: %s"
                            .formatted(id, error.get(), root.entryFailure().orElse("")));
        }
    }
}
