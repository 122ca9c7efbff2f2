package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.TaskSwitchQualification;
import nestbox.x86.vmx.TaskSwitchQualification.Source;

/// Switches tasks for a guest, which can't do that by itself: each task switch is a VM exit. SDM
/// Vol. 3A, "Task Switching"; Vol. 3C, "Treatment of Task Switches".
///
/// The processor has checked the gate, the selector and the descriptor of the new TSS before it
/// exits. They are read again, since another processor may have changed them. What is thrown before
/// the first write belongs to the old task, everything later to the new one.
public final class TaskSwitch {
    /// Loads CR3 with what comes along.
    @FunctionalInterface
    public interface PageRoot {
        /// @throws GuestException #GP
        void load(long cr3);
    }

    private static final int TI = 4;
    private static final int BUSY = 2;
    private static final int TYPE_AVAILABLE_TSS = AccessRights.TYPE_BUSY_TSS & ~BUSY;
    private static final int TYPE_AVAILABLE_TSS_16 = AccessRights.TYPE_BUSY_TSS_16 & ~BUSY;
    private static final int REGISTERS = 8;
    private static final int SEGMENTS = 6;

    /// L0 to L3 of DR7.
    private static final long LOCAL_BREAKPOINTS = 0x55;

    private static final long BY_STEP = 1 << 14;
    private static final long BY_TASK = 1 << 15;

    private final GuestLinear memory;
    private final GuestState guest;
    private final PageRoot pageRoot;
    private final SegmentLoader segments;

    public TaskSwitch(GuestLinear memory, PageRoot pageRoot) {
        this.memory = memory;
        this.pageRoot = pageRoot;
        guest = memory.guest();
        segments = new SegmentLoader(memory);
    }

    /// Does the task switch that exited, with the delivery of the event that started it.
    ///
    /// @return bits of DR6 for the debug exception that follows it; 0 if none does
    /// @throws GuestException what it raises
    public long run() {
        TaskSwitchQualification exit = TaskSwitchQualification.of(guest.read(EXIT_QUALIFICATION));
        InterruptionInformation event =
                InterruptionInformation.of(guest.read(IDT_VECTORING_INFORMATION));
        boolean delivers = exit.source() == Source.TASK_GATE_IN_IDT;
        segments.external(delivers && !isByInstruction(event.type()));
        Descriptor tss = newTask(exit.selector(), exit.source() == Source.IRET);
        boolean small = Descriptor.isSmall(tss.rights());
        checkMemory(tss, small);
        long flags = guest.flags();
        boolean nested = delivers || exit.source() == Source.CALL;
        TaskState task = exchange(exit, tss, nested, resumesBehind(exit.source(), event));
        updateBlocking(exit.source(), event);
        load(task, nested ? task.flags() | RFlags.NT : task.flags(), flags);
        if (delivers && event.errorCodeValid()) {
            push(small ? 2 : 4, guest.read(IDT_VECTORING_ERROR_CODE));
        }
        boolean steps = !delivers && (flags & RFlags.TF) != 0;
        return (task.trap() ? BY_TASK : 0) | (steps ? BY_STEP : 0);
    }

    private static boolean isByInstruction(InterruptionType type) {
        return type == InterruptionType.SOFTWARE_INTERRUPT
                || type == InterruptionType.SOFTWARE_EXCEPTION;
    }

    /// Whether the old task goes on behind an instruction, rather than where it was.
    private static boolean resumesBehind(Source source, InterruptionInformation event) {
        return source != Source.TASK_GATE_IN_IDT || event.type().isSoftware();
    }

    private Descriptor newTask(int selector, boolean returns) {
        int vector = returns ? Vector.TS : Vector.GP;
        if (SegmentLoader.isNull(selector) || (selector & TI) != 0) {
            throw segments.fault(vector, selector);
        }
        Descriptor tss = segments.descriptor(selector, vector);
        int available = tss.type() & ~BUSY;
        boolean isTask = available == TYPE_AVAILABLE_TSS || available == TYPE_AVAILABLE_TSS_16;
        if (!tss.isSystem() || !isTask || tss.has(BUSY) != returns) {
            throw segments.fault(vector, selector);
        }
        if (!tss.isPresent()) {
            throw segments.fault(Vector.NP, selector);
        }
        if (tss.limit() < TaskState.size(Descriptor.isSmall(tss.rights())) - 1) {
            throw segments.fault(Vector.TS, selector);
        }
        return tss;
    }

    private boolean isSmall() {
        return Descriptor.isSmall(guest.read(GUEST_TR_ACCESS_RIGHTS));
    }

    /// Page faults come before anything has changed.
    private void checkMemory(Descriptor tss, boolean small) {
        memory.checkSystemReadable(tss.base(), TaskState.size(small));
        memory.checkSystemWritable(tss.base(), 2);
        memory.checkSystemWritable(guest.read(GUEST_TR_BASE), TaskState.size(isSmall()));
        memory.checkSystemWritable(segments.taskDescriptor(), Long.BYTES);
        memory.checkSystemWritable(tss.address(), Long.BYTES);
    }

    /// Saves the old task and makes the new one the current one.
    ///
    /// @param nested whether the new task can return to the old one
    private TaskState exchange(
            TaskSwitchQualification exit, Descriptor tss, boolean nested, boolean behind) {
        save(exit.source() == Source.IRET, behind);
        long old = guest.read(GUEST_TR_SELECTOR);
        if (!nested) {
            segments.busy(segments.taskDescriptor(), false);
        }
        TaskState task = TaskState.read(memory, tss.base(), Descriptor.isSmall(tss.rights()));
        if (nested) {
            memory.writeSystem(tss.base(), 2, old);
        }
        if (exit.source() != Source.IRET) {
            segments.busy(tss.address(), true);
        }
        long busy = (long) BUSY << 40;
        segments.put(
                SegmentLoader.TR,
                exit.selector(),
                new Descriptor(tss.bits() | busy, tss.address()));
        return task;
    }

    private void save(boolean returns, boolean behind) {
        long length = behind ? guest.read(EXIT_INSTRUCTION_LENGTH) : 0;
        long[] registers = new long[REGISTERS];
        for (int i = 0; i < REGISTERS; i++) {
            registers[i] = guest.register(i);
        }
        int[] selectors = new int[SEGMENTS];
        for (int i = 0; i < SEGMENTS; i++) {
            selectors[i] = (int) guest.read(GUEST_ES_SELECTOR.plus(i));
        }
        long flags = guest.flags();
        new TaskState(
                        isSmall(),
                        0,
                        guest.read(GUEST_RIP) + length,
                        returns ? flags & ~RFlags.NT : flags,
                        registers,
                        selectors,
                        0,
                        false)
                .write(memory, guest.read(GUEST_TR_BASE));
    }

    /// The new task starts as if nothing had been before it: it runs, and what STI and MOV SS hold
    /// back isn't.
    private void updateBlocking(Source source, InterruptionInformation event) {
        long blocking = guest.read(GUEST_INTERRUPTIBILITY_STATE);
        blocking &= ~(long) Interruptibility.FOR_AN_INSTRUCTION;
        if (source == Source.IRET) {
            blocking &= ~(long) Interruptibility.NMI;
        } else if (event.valid() && event.type() == InterruptionType.NMI) {
            blocking |= Interruptibility.NMI;
        }
        guest.write(GUEST_INTERRUPTIBILITY_STATE, blocking);
        guest.write(GUEST_ACTIVITY_STATE, 0);
    }

    private void load(TaskState task, long flags, long oldFlags) {
        if (!task.small() && (guest.read(GUEST_CR0) & ControlBits.CR0_PG) != 0) {
            pageRoot.load(task.pageRoot());
        }
        guest.write(GUEST_CR0, guest.read(GUEST_CR0) | ControlBits.CR0_TS);
        guest.write(GUEST_DR7, guest.read(GUEST_DR7) & ~LOCAL_BREAKPOINTS);
        guest.write(GUEST_RIP, task.instruction());
        for (int i = 0; i < REGISTERS; i++) {
            guest.register(i, task.small() ? 2 : 4, task.registers()[i]);
        }
        long defined = task.small() ? RFlags.ALL & ~RFlags.VM : RFlags.ALL;
        guest.write(GUEST_RFLAGS, flags & defined | RFlags.FIXED);
        if ((flags & defined & RFlags.VM) != 0) {
            segments.virtual8086(task);
            return;
        }
        segments.protectedMode(task, (oldFlags & RFlags.VM) != 0);
        if (task.instruction() > guest.read(GUEST_CS_LIMIT)) {
            throw segments.fault(Vector.GP, 0);
        }
    }

    private void push(int width, long value) {
        long rights = guest.read(GUEST_SS_ACCESS_RIGHTS);
        int stackSize = (rights & AccessRights.DEFAULT_BIG) != 0 ? 4 : 2;
        long top = guest.register(GuestState.RSP) - width & Widths.mask(stackSize);
        long linear = memory.linear(GuestState.SS, top, width, Access.WRITE);
        memory.write(linear, width, value & Widths.mask(width));
        guest.register(GuestState.RSP, stackSize, top);
    }
}
