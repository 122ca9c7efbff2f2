package nestbox.cpu.control;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.cpu.vmx.Delivering;
import nestbox.cpu.vmx.Vmx;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.InterruptionType;

/// Delivery of exceptions and interrupts through the IVT or IDT, and the choice of what is
/// delivered next. SDM Vol. 3A, chapter "Interrupt and Exception Handling".
public final class EventDelivery {
    private static final int IDT_BIT = 2;

    /// Faults in a row after which a delivery is given up. Two or three lead to a double fault or
    /// to a handler, but #AC, raised by the push of its own delivery, may follow itself endlessly.
    /// A processor hangs in that until an instruction timeout ends it; here the instruction starts
    /// again if there is none, so that time goes on.
    private static final int MOST_ATTEMPTS = 6;

    private final Cpu cpu;
    private final TaskSwitch taskSwitch;

    /// A requested INIT, and the vector of a startup IPI (−1 for none): they may come from the
    /// processor's own instruction, so they wait for its end.
    private boolean initRequested;

    private int startupVector = -1;

    /// Where the processor stood when it shut down, for the user's message.
    private String shutdownReason = "";

    public EventDelivery(Cpu cpu) {
        this.cpu = cpu;
        taskSwitch = new TaskSwitch(cpu);
    }

    public String shutdownReason() {
        return shutdownReason;
    }

    public TaskSwitch taskSwitch() {
        return taskSwitch;
    }

    // Requests from outside

    public void requestNmi() {
        cpu.nmiPending = true;
        cpu.attention();
    }

    /// Whether an INIT is to be taken now.
    public boolean hasInit() {
        return initRequested && !cpu.vmx.blocksInit();
    }

    public boolean takeInit() {
        boolean taken = hasInit();
        initRequested &= !taken;
        return taken;
    }

    public boolean hasStartup() {
        return startupVector >= 0;
    }

    /// @return the vector of the startup IPI
    public int takeStartup() {
        int vector = startupVector;
        startupVector = -1;
        return vector;
    }

    /// A startup IPI that came before it has no effect any more. One that comes after it starts the
    /// processor, even if both come before it looks.
    public void requestInit() {
        initRequested = true;
        startupVector = -1;
        cpu.attention();
    }

    public void requestStartup(int vector) {
        startupVector = vector;
        cpu.attention();
    }

    /// For a processor that isn't active: whether something ends that state, which it then does.
    public boolean wakes() {
        if (cpu.vmx.isNonRoot()) {
            return cpu.vmx.events.wakes();
        }
        if (takeInit()) {
            cpu.init();
            if (cpu.activity == Activity.ACTIVE) {
                return true;
            }
        }
        boolean wakes =
                switch (cpu.activity) {
                    case ACTIVE -> true;
                    case HLT ->
                            cpu.debug.pending() != 0
                                    || cpu.nmiPending && !cpu.nmiBlocked
                                    || canTakeInterrupt()
                                    || cpu.waiting.isEndedByMaskedInterrupts()
                                            && cpu.apic.isPending();
                    case SHUTDOWN -> cpu.nmiPending && !cpu.nmiBlocked;
                    case WAIT_FOR_SIPI -> startupVector >= 0;
                };
        if (wakes) {
            if (cpu.activity == Activity.WAIT_FOR_SIPI) {
                cpu.startup(startupVector);
            }
            startupVector = -1;
            cpu.activity = Activity.ACTIVE;
            cpu.waiting.end();
        }
        return wakes;
    }

    private boolean canTakeInterrupt() {
        return (cpu.get64(Cpu.FLAGS_REST) & RFlags.IF) != 0 && cpu.apic.isPending();
    }

    /// Delivers the pending event of highest priority. SDM Vol. 3A, Table 6-2.
    ///
    /// @return false when there is none
    public boolean deliverPending() {
        if (cpu.vmx.isNonRoot()) {
            return cpu.vmx.events.deliver(false);
        }
        if (takeInit()) {
            cpu.init();
            return true;
        }
        startupVector = -1;
        boolean resume = cpu.betweenIterations;
        cpu.betweenIterations = false;
        long traps = cpu.debug.pending();
        if (traps != 0) {
            cpu.blockedBySti = false;
            cpu.debug.report(traps);
            deliver(Event.trap(resume));
            return true;
        }
        if (cpu.nmiPending && !cpu.nmiBlocked) {
            cpu.nmiPending = false;
            cpu.nmiBlocked = true;
            deliver(Event.of(InterruptionType.NMI, Vector.NMI, resume));
            return true;
        }
        if (canTakeInterrupt()) {
            int vector = cpu.apic.acknowledge();
            deliver(Event.of(InterruptionType.EXTERNAL_INTERRUPT, vector, resume));
            return true;
        }
        return false;
    }

    /// Does what comes between a guest's instructions even while events are held back.
    ///
    /// @return false when there is nothing
    public boolean deliverUnblockable() {
        return cpu.vmx.isNonRoot() && cpu.vmx.events.deliver(true);
    }

    // Delivery

    /// One event to deliver.
    ///
    /// @param errorCode −1 when none is pushed
    /// @param external EXT bit of error codes that arise from the delivery
    /// @param returnTo offset from RIP that is pushed
    /// @param length of the instruction that is the event, 0 for others
    /// @param resume value of RF that is pushed. SDM Vol. 3B, "Instruction-Breakpoint Exception
    ///     Condition"
    record Event(
            InterruptionType type,
            int vector,
            int errorCode,
            int external,
            int returnTo,
            int length,
            boolean resume) {
        /// An interrupt, which comes between instructions.
        static Event of(InterruptionType type, int vector, boolean resume) {
            return new Event(type, vector, -1, 1, 0, 0, resume);
        }

        /// A debug exception that isn't a fault.
        static Event trap(boolean resume) {
            return of(InterruptionType.HARDWARE_EXCEPTION, Vector.DB, resume);
        }

        /// A fault.
        static Event fault(int vector, int errorCode) {
            int code = Vector.hasErrorCode(vector) ? errorCode : -1;
            boolean resume = vector != Vector.DF;
            return new Event(InterruptionType.HARDWARE_EXCEPTION, vector, code, 1, 0, 0, resume);
        }

        /// INT n, INT3 and INTO: the gate's DPL counts.
        boolean software() {
            return type == InterruptionType.SOFTWARE_INTERRUPT
                    || type == InterruptionType.SOFTWARE_EXCEPTION;
        }

        boolean isFault() {
            return type == InterruptionType.HARDWARE_EXCEPTION;
        }

        /// Error code about an IDT entry.
        int idtError() {
            return vector * 8 + IDT_BIT + external;
        }
    }

    /// Delivers a fault: RIP is that of the instruction.
    public void exception(int vector, int errorCode) {
        deliver(Event.fault(vector, errorCode));
    }

    /// Delivers the debug exception of an instruction breakpoint: the one fault that doesn't push
    /// RF set.
    public void breakpoint() {
        deliver(Event.trap(false));
    }

    /// INT n, INT3, INTO and INT1, as part of an instruction. Faults of the delivery are the
    /// instruction's.
    public void softwareInterrupt(InterruptionType type, int vector, Insn insn) {
        // INT1 is no software interrupt: there is no DPL check.
        int external = type == InterruptionType.PRIVILEGED_SOFTWARE_EXCEPTION ? 1 : 0;
        once(new Event(type, vector, -1, external, insn.end, insn.length(), false));
        // TF is clear now, so there is no trap behind the instruction.
        cpu.debug.endStep();
    }

    /// Delivers an event of a guest in VMX non-root operation, or one that VM entry injects.
    public void deliver(Delivering event) {
        int length = event.instructionLength();
        boolean software =
                event.type() == InterruptionType.SOFTWARE_INTERRUPT
                        || event.type() == InterruptionType.SOFTWARE_EXCEPTION;
        deliver(
                new Event(
                        event.type(),
                        event.vector(),
                        event.errorCode(),
                        software ? 0 : 1,
                        length,
                        length,
                        event.resume()));
    }

    private void deliver(Event event) {
        // Takes time as well, or events that lead to events would hold time up forever.
        cpu.spend(1);
        Event current = event;
        for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
            try {
                once(current);
                return;
            } catch (GuestFault fault) {
                int second = fault.vector();
                if (second == Vmx.TRANSITION) {
                    cpu.vmx.transition(0);
                    return;
                }
                boolean exits = cpu.vmx.interceptsFault(second, fault.errorCode());
                if (!exits && current.isFault() && current.vector == Vector.DF) {
                    shutdown(fault);
                    return;
                }
                boolean isDouble =
                        !exits && current.isFault() && makesDouble(current.vector, second);
                if (isDouble && second == Vector.PF) {
                    cpu.cr2 = cpu.faultAddress;
                }
                current =
                        isDouble
                                ? Event.fault(Vector.DF, 0)
                                : Event.fault(second, fault.errorCode());
            }
        }
        cpu.vmx.giveUpDelivery();
    }

    /// SDM Vol. 3A, Table 6-5, "Conditions for Generating a Double Fault".
    private static boolean makesDouble(int first, int second) {
        if (first == Vector.PF) {
            return second == Vector.PF || Vector.isContributory(second);
        }
        return first < 32 && Vector.isContributory(first) && Vector.isContributory(second);
    }

    /// A fault while #DF was delivered. SDM Vol. 3A, "Interrupt 8—Double Fault Exception".
    private void shutdown(GuestFault fault) {
        if (cpu.vmx.isNonRoot()) {
            cpu.vmx.tripleFault();
            return;
        }
        shutDown(fault.getMessage() + " while delivering #DF");
    }

    public void shutDown(String reason) {
        shutdownReason = reason;
        cpu.activity = Activity.SHUTDOWN;
        cpu.attention();
    }

    private void once(Event event) {
        boolean guest = cpu.vmx.isNonRoot();
        if (guest) {
            int code = cpu.isProtected() ? event.errorCode : -1;
            cpu.vmx.beginDelivery(
                    new Delivering(event.type, event.vector, code, event.length, event.resume));
        }
        if (event.vector == Vector.PF && event.isFault()) {
            cpu.cr2 = cpu.faultAddress;
        }
        if (!cpu.isProtected()) {
            deliverReal(event);
        } else if (cpu.isLongMode()) {
            deliverLong(event);
        } else if (event.type == InterruptionType.SOFTWARE_INTERRUPT
                && VirtualMode.isRedirected(cpu, event.vector)) {
            VirtualMode.redirect(cpu, event.vector, event.returnTo);
        } else {
            deliverProtected(event);
        }
        if (guest) {
            cpu.vmx.endDelivery();
        }
        cpu.activity = Activity.ACTIVE;
        cpu.attention();
    }

    /// The flags that are saved for the interrupted code.
    long pushedFlags(Event event) {
        long flags = cpu.rflags() & ~RFlags.RF;
        return event.resume ? flags | RFlags.RF : flags;
    }

    void deliverReal(Event event) {
        int entry = event.vector * 4;
        if (entry + 3 > cpu.idtr.limit) {
            throw cpu.fault(Vector.GP, event.idtError());
        }
        long target = cpu.mmu.readSystem(cpu.idtr.base + entry, 4);
        long stack = cpu.get64(Cpu.RSP);
        try {
            cpu.push(2, cpu.rflags() & 0xFFFF);
            cpu.push(2, cpu.segments[Insn.CS].selector);
            cpu.push(2, cpu.rip() + event.returnTo);
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
        cpu.segmentation.loadReal(Insn.CS, (int) (target >>> 16));
        cpu.rip(target & 0xFFFF);
        cpu.rflags(cpu.rflags() & ~(RFlags.IF | RFlags.TF | RFlags.AC | RFlags.RF));
        cpu.stateChanged();
    }

    private void deliverProtected(Event event) {
        if (event.vector * 8 + 7 > cpu.idtr.limit) {
            throw cpu.fault(Vector.GP, event.idtError());
        }
        Descriptor gate = cpu.segmentation.readAt(cpu.idtr.base + event.vector * 8L);
        boolean isGate =
                gate.isSystem()
                        && switch (gate.type()) {
                            case Descriptor.TASK_GATE,
                                    Descriptor.INTERRUPT_GATE_16,
                                    Descriptor.TRAP_GATE_16,
                                    Descriptor.INTERRUPT_GATE,
                                    Descriptor.TRAP_GATE ->
                                    true;
                            default -> false;
                        };
        if (!isGate || event.software() && gate.dpl() < cpu.cpl) {
            throw cpu.fault(Vector.GP, event.idtError());
        }
        if (!gate.isPresent()) {
            throw cpu.fault(Vector.NP, event.idtError());
        }
        if (gate.type() == Descriptor.TASK_GATE) {
            taskSwitch.byInterrupt(gate.gateSelector(), event);
            return;
        }
        throughGate(event, gate);
    }

    private void throughGate(Event event, Descriptor gate) {
        int selector = gate.gateSelector();
        int external = event.external;
        if (Segmentation.isNull(selector)) {
            throw cpu.fault(Vector.GP, external);
        }
        Descriptor code = cpu.segmentation.read(selector, Vector.GP, external);
        if (!code.isCode() || code.dpl() > cpu.cpl) {
            throw cpu.segmentation.fault(Vector.GP, selector, external);
        }
        if (!code.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, external);
        }
        boolean inner = !code.isConforming() && code.dpl() < cpu.cpl;
        boolean virtual = cpu.isVirtual8086();
        if (virtual && (!inner || code.dpl() != 0)) {
            throw cpu.segmentation.fault(Vector.GP, selector, external);
        }
        boolean wide = (gate.type() & 8) != 0;
        int width = wide ? 4 : 2;
        long offset = wide ? gate.gateOffset() & 0xFFFF_FFFFL : gate.gateOffset16();
        Snapshot old = new Snapshot(cpu);
        long flags = pushedFlags(event);
        int newStack = 0;
        try {
            if (inner) {
                InnerStack stack = taskSwitch.innerStack(code.dpl(), external);
                newStack = stack.selector();
                stack.descriptor().into(cpu.segments[Insn.SS], newStack);
                cpu.cpl = code.dpl();
                if (virtual) {
                    cpu.set64(Cpu.FLAGS_REST, cpu.get64(Cpu.FLAGS_REST) & ~RFlags.VM);
                }
                cpu.stateChanged();
                cpu.set64(Cpu.RSP, stack.pointer());
                if (virtual) {
                    for (int number : new int[] {Insn.GS, Insn.FS, Insn.DS, Insn.ES}) {
                        cpu.push(width, cpu.segments[number].selector);
                    }
                }
                cpu.push(width, old.selector(Insn.SS));
                cpu.push(width, old.rsp());
            }
            cpu.push(width, flags);
            cpu.push(width, cpu.segments[Insn.CS].selector);
            cpu.push(width, cpu.rip() + event.returnTo);
            if (event.errorCode >= 0) {
                cpu.push(width, event.errorCode);
            }
            if (offset > code.limit()) {
                throw cpu.fault(Vector.GP, external);
            }
        } catch (GuestFault fault) {
            old.restore();
            throw stackFault(cpu, fault, newStack, external);
        }
        if (virtual) {
            for (int number : new int[] {Insn.GS, Insn.FS, Insn.DS, Insn.ES}) {
                cpu.segments[number].setNull(0);
            }
        }
        enter(code, selector, offset, (gate.type() & 1) == 0);
    }

    /// A stack fault on the new stack reports its selector; on the old one, only EXT.
    ///
    /// @param newStack null selector when the stack wasn't switched
    static GuestFault stackFault(Cpu cpu, GuestFault fault, int newStack, int external) {
        if (fault.vector() == Vector.SS && fault.errorCode() == 0) {
            return cpu.segmentation.fault(Vector.SS, newStack, external);
        }
        return fault;
    }

    private void enter(Descriptor code, int selector, long offset, boolean masks) {
        cpu.segmentation.accessed(code).into(cpu.segments[Insn.CS], selector & ~3 | cpu.cpl);
        cpu.rip(offset);
        long cleared = RFlags.TF | RFlags.NT | RFlags.RF | RFlags.VM;
        cpu.rflags(cpu.rflags() & ~(masks ? cleared | RFlags.IF : cleared));
        cpu.stateChanged();
    }

    /// SDM Vol. 3A, "Exception and Interrupt Handling in 64-bit Mode".
    private void deliverLong(Event event) {
        if (event.vector * 16 + 15 > cpu.idtr.limit) {
            throw cpu.fault(Vector.GP, event.idtError());
        }
        long address = cpu.idtr.base + event.vector * 16L;
        long low = cpu.mmu.readSystem(address, 8);
        long high = cpu.mmu.readSystem(address + 8, 8);
        Descriptor gate = new Descriptor(low, high & 0xFFFF_FFFFL, address);
        boolean isGate =
                gate.isSystem()
                        && (gate.type() == Descriptor.INTERRUPT_GATE
                                || gate.type() == Descriptor.TRAP_GATE);
        if (!isGate || event.software() && gate.dpl() < cpu.cpl) {
            throw cpu.fault(Vector.GP, event.idtError());
        }
        if (!gate.isPresent()) {
            throw cpu.fault(Vector.NP, event.idtError());
        }
        int selector = gate.gateSelector();
        int external = event.external;
        if (Segmentation.isNull(selector)) {
            throw cpu.fault(Vector.GP, external);
        }
        Descriptor code = cpu.segmentation.read(selector, Vector.GP, external);
        boolean is64 = code.isCode() && code.isLong() && !code.isBig();
        if (!is64 || code.dpl() > cpu.cpl) {
            throw cpu.segmentation.fault(Vector.GP, selector, external);
        }
        if (!code.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, external);
        }
        long offset = gate.gateOffset();
        if (offset << 16 >> 16 != offset) {
            throw cpu.fault(Vector.GP, external);
        }
        boolean inner = !code.isConforming() && code.dpl() < cpu.cpl;
        long stack = cpu.get64(Cpu.RSP);
        if (gate.interruptStackTable() != 0) {
            stack =
                    taskSwitch.longModePointer(
                            0x24 + 8 * (gate.interruptStackTable() - 1), external);
        } else if (inner) {
            stack = taskSwitch.longModePointer(4 + 8 * code.dpl(), external);
        }
        pushLong(event, stack & -16, inner ? code.dpl() : cpu.cpl, inner);
        enter(code, selector, offset, gate.type() == Descriptor.INTERRUPT_GATE);
    }

    private void pushLong(Event event, long top, int newCpl, boolean inner) {
        Snapshot old = new Snapshot(cpu);
        long flags = pushedFlags(event);
        int codeSelector = cpu.segments[Insn.CS].selector;
        int count = event.errorCode >= 0 ? 6 : 5;
        try {
            cpu.cpl = newCpl;
            cpu.stackMask = -1;
            cpu.mmu.selectContext();
            long at = top - 8L * count;
            long canonical = at << 16 >> 16;
            if (canonical != at) {
                throw cpu.fault(Vector.SS, event.external);
            }
            if ((at ^ top - 1) >>> 12 != 0) {
                cpu.mmu.checkWritable(Insn.SS, at, 8 * count);
            }
            cpu.write64(Insn.SS, top - 8, old.selector(Insn.SS));
            cpu.write64(Insn.SS, top - 16, old.rsp());
            cpu.write64(Insn.SS, top - 24, flags);
            cpu.write64(Insn.SS, top - 32, codeSelector);
            cpu.write64(Insn.SS, top - 40, old.rip() + event.returnTo);
            if (event.errorCode >= 0) {
                cpu.write64(Insn.SS, at, event.errorCode);
            }
            cpu.set64(Cpu.RSP, at);
        } catch (GuestFault fault) {
            old.restore();
            throw fault;
        }
        if (inner) {
            cpu.segments[Insn.SS].setNull(newCpl);
            cpu.segments[Insn.SS].rights |= newCpl << 5;
        }
    }

    /// State that a transfer changes before the last moment at which it may fault.
    record Snapshot(Cpu cpu, Segment stack, Segment code, int cpl, long rsp, long rip, long flags) {
        Snapshot(Cpu cpu) {
            this(
                    cpu,
                    copy(cpu.segments[Insn.SS]),
                    copy(cpu.segments[Insn.CS]),
                    cpu.cpl,
                    cpu.get64(Cpu.RSP),
                    cpu.rip(),
                    cpu.get64(Cpu.FLAGS_REST));
        }

        private static Segment copy(Segment segment) {
            Segment copy = new Segment();
            copy.set(segment);
            return copy;
        }

        int selector(int number) {
            return number == Insn.SS ? stack.selector : code.selector;
        }

        void restore() {
            cpu.segments[Insn.SS].set(stack);
            cpu.segments[Insn.CS].set(code);
            cpu.cpl = cpl;
            cpu.set64(Cpu.RSP, rsp);
            cpu.rip(rip);
            cpu.set64(Cpu.FLAGS_REST, flags);
            cpu.stateChanged();
        }
    }

    /// The stack of an inner privilege level, as the TSS names it.
    record InnerStack(int selector, long pointer, Descriptor descriptor) {}
}
