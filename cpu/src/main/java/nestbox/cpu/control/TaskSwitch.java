package nestbox.cpu.control;

import nestbox.cpu.control.EventDelivery.Event;
import nestbox.cpu.control.EventDelivery.InnerStack;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.DebugRegisters;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.TaskSwitchQualification.Source;

/// The TSS: stacks of inner privilege levels, and hardware task switches with 16-bit and 32-bit
/// task-state segments. SDM Vol. 3A, chapter "Task Management".
public final class TaskSwitch {
    /// What caused a switch: it decides on busy bits, the back link and NT.
    enum Cause {
        JUMP,
        CALL,
        INTERRUPT,
        RETURN
    }

    private static final int[] ORDER = {Insn.ES, Insn.CS, Insn.SS, Insn.DS, Insn.FS, Insn.GS};

    private final Cpu cpu;

    TaskSwitch(Cpu cpu) {
        this.cpu = cpu;
    }

    private boolean isTss16() {
        return (cpu.tr.rights & 8) == 0;
    }

    /// Reads SS:ESP for a level from the current TSS, with all checks on SS.
    InnerStack innerStack(int level, int external) {
        boolean small = isTss16();
        int at = small ? 2 + 4 * level : 4 + 8 * level;
        int last = small ? at + 3 : at + 7;
        if (last > cpu.tr.limit) {
            throw cpu.segmentation.fault(Vector.TS, cpu.tr.selector, external);
        }
        long pointer = cpu.mmu.readSystem(cpu.tr.base + at, small ? 2 : 4);
        int selector = (int) cpu.mmu.readSystem(cpu.tr.base + at + (small ? 2 : 4), 2);
        if (Segmentation.isNull(selector)) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        Descriptor descriptor = cpu.segmentation.read(selector, Vector.TS, external);
        cpu.segmentation.checkStack(descriptor, selector, level, Vector.TS, external);
        return new InnerStack(selector, pointer, cpu.segmentation.accessed(descriptor));
    }

    /// Reads a stack pointer from the 64-bit TSS.
    long longModePointer(int at, int external) {
        if (at + 7 > cpu.tr.limit) {
            throw cpu.segmentation.fault(Vector.TS, cpu.tr.selector, external);
        }
        long pointer = cpu.mmu.readSystem(cpu.tr.base + at, 8);
        if (pointer << 16 >> 16 != pointer) {
            throw cpu.fault(Vector.SS, external);
        }
        return pointer;
    }

    // Switches

    void byInterrupt(int selector, Event event) {
        Descriptor tss = available(selector, Vector.GP, event.external());
        long flags = cpu.delivery.pushedFlags(event);
        int start = event.returnTo() - event.length();
        switchTo(
                selector,
                tss,
                new Switch(Cause.INTERRUPT, flags, start, event.returnTo(), event.external()));
        if (event.errorCode() >= 0) {
            cpu.push(isTss16() ? 2 : 4, event.errorCode());
        }
    }

    /// JMP or CALL to a TSS descriptor or through a task gate.
    void byTransfer(int selector, boolean call, Insn insn) {
        Descriptor tss = available(selector, Vector.GP, 0);
        Cause cause = call ? Cause.CALL : Cause.JUMP;
        switchTo(selector, tss, new Switch(cause, cpu.rflags(), insn.offset, insn.end, 0));
    }

    /// IRET with EFLAGS.NT.
    void byReturn(Insn insn) {
        int selector = (int) cpu.mmu.readSystem(cpu.tr.base, 2);
        if (Segmentation.isNull(selector) || (selector & 4) != 0) {
            throw cpu.segmentation.fault(Vector.TS, selector, 0);
        }
        Descriptor tss = cpu.segmentation.read(selector, Vector.TS, 0);
        boolean busy =
                tss.isSystem()
                        && (tss.type() == Descriptor.TSS_BUSY
                                || tss.type() == Descriptor.TSS_16_BUSY);
        if (!busy) {
            throw cpu.segmentation.fault(Vector.TS, selector, 0);
        }
        checkPresent(tss, selector, 0);
        long flags = cpu.rflags() & ~RFlags.NT;
        switchTo(selector, tss, new Switch(Cause.RETURN, flags, insn.offset, insn.end, 0));
    }

    private Descriptor available(int selector, int vector, int external) {
        if (Segmentation.isNull(selector) || (selector & 4) != 0) {
            throw cpu.segmentation.fault(vector, selector, external);
        }
        Descriptor tss = cpu.segmentation.read(selector, vector, external);
        boolean available =
                tss.isSystem()
                        && (tss.type() == Descriptor.TSS_AVAILABLE
                                || tss.type() == Descriptor.TSS_16_AVAILABLE);
        if (!available) {
            throw cpu.segmentation.fault(vector, selector, external);
        }
        checkPresent(tss, selector, external);
        return tss;
    }

    private void checkPresent(Descriptor tss, int selector, int external) {
        if (!tss.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, external);
        }
    }

    /// What a switch is about.
    ///
    /// @param flags to be saved for the old task
    /// @param start from RIP to the instruction, if it is one
    /// @param end from RIP to where the old task goes on
    /// @param external EXT bit of error codes
    private record Switch(Cause cause, long flags, int start, int end, int external) {}

    private void switchTo(int selector, Descriptor tss, Switch what) {
        Cause cause = what.cause;
        boolean small = (tss.type() & 8) == 0;
        if (tss.limit() < (small ? 0x2B : 0x67)) {
            throw cpu.segmentation.fault(Vector.TS, selector, what.external);
        }
        if (cpu.vmx.isNonRoot()) {
            throw cpu.vmx.taskSwitch(selector, source(cause));
        }
        checkMemory(tss, small);
        save(what.flags, what.end);
        Descriptor old = cpu.segmentation.readAt(cpu.gdtr.base + (cpu.tr.selector & ~7));
        if (cause == Cause.JUMP || cause == Cause.RETURN) {
            cpu.segmentation.setBusy(old, false);
        }
        TaskState state =
                small ? TaskState.read16(cpu, tss.base()) : TaskState.read32(cpu, tss.base());
        long newFlags = state.flags();
        if (cause == Cause.CALL || cause == Cause.INTERRUPT) {
            cpu.mmu.writeSystem(tss.base(), 2, cpu.tr.selector);
            newFlags |= RFlags.NT;
        }
        if (cause != Cause.RETURN) {
            cpu.segmentation.setBusy(tss, true);
        }
        tss.into(cpu.tr, selector);
        cpu.tr.rights |= 2;
        try {
            load(state, newFlags, what.external);
        } catch (GuestFault fault) {
            // A fault's RIP is taken for that of the block with the instruction.
            cpu.rip(cpu.rip() - what.start);
            throw fault;
        }
        if (state.trap()) {
            cpu.debug.addPending(DebugRegisters.DR6_BT);
            cpu.attention();
        }
    }

    private static Source source(Cause cause) {
        return switch (cause) {
            case JUMP -> Source.JMP;
            case CALL -> Source.CALL;
            case RETURN -> Source.IRET;
            case INTERRUPT -> Source.TASK_GATE_IN_IDT;
        };
    }

    /// Page faults come before anything has changed.
    private void checkMemory(Descriptor tss, boolean small) {
        cpu.mmu.readSystem(tss.base(), 1);
        cpu.mmu.readSystem(tss.base() + (small ? 0x2B : 0x67), 1);
        cpu.mmu.checkSystemWrite(cpu.tr.base, isTss16() ? 0x2C : 0x68);
    }

    private void save(long flags, int length) {
        boolean small = isTss16();
        int width = small ? 2 : 4;
        long at = cpu.tr.base + (small ? 0x0E : 0x20);
        at = put(at, width, cpu.rip() + length);
        at = put(at, width, flags);
        for (int register = 0; register < 8; register++) {
            at = put(at, width, cpu.get64(8 * register));
        }
        int count = small ? 4 : 6;
        for (int i = 0; i < count; i++) {
            cpu.mmu.writeSystem(at, 2, cpu.segments[ORDER[i]].selector);
            at += width;
        }
    }

    private long put(long at, int width, long value) {
        cpu.mmu.writeSystem(at, width, width == 2 ? value & 0xFFFF : value & 0xFFFF_FFFFL);
        return at + width;
    }

    /// The new task's context. From here on faults belong to the new task.
    private void load(TaskState state, long flags, int external) {
        if (state.hasPageRoot() && (cpu.cr0 & ControlBits.CR0_PG) != 0) {
            cpu.controls.loadCr3FromTask(state.pageRoot());
        }
        cpu.cr0 |= ControlBits.CR0_TS;
        cpu.debug.dr7(cpu.debug.dr7() & ~0x55L);
        cpu.rip(state.instruction());
        for (int register = 0; register < 8; register++) {
            long value = state.registers()[register];
            if (state.hasPageRoot()) {
                cpu.set32(8 * register, (int) value);
            } else {
                cpu.set16(8 * register, (int) value);
            }
        }
        cpu.rflags(flags & ~RFlags.VM | (state.hasPageRoot() ? flags & RFlags.VM : 0));
        for (int number : ORDER) {
            cpu.segments[number].setNull(state.selectors()[number]);
        }
        cpu.ldtr.setNull(state.localTable());
        loadLdtr(state.localTable(), external);
        if (cpu.isVirtual8086()) {
            cpu.cpl = 3;
            for (int number : ORDER) {
                cpu.segmentation.loadReal(number, state.selectors()[number]);
            }
            cpu.stateChanged();
            return;
        }
        loadCode(state.selectors()[Insn.CS], external);
        loadStack(state.selectors()[Insn.SS], external);
        for (int number : new int[] {Insn.ES, Insn.DS, Insn.FS, Insn.GS}) {
            loadData(number, state.selectors()[number], external);
        }
        cpu.stateChanged();
        if (cpu.rip() > cpu.segments[Insn.CS].limit) {
            throw cpu.fault(Vector.GP, external);
        }
    }

    private void loadLdtr(int selector, int external) {
        if (Segmentation.isNull(selector)) {
            return;
        }
        if ((selector & 4) != 0) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        Descriptor table = cpu.segmentation.read(selector, Vector.TS, external);
        if (!table.isSystem() || table.type() != Descriptor.LDT || !table.isPresent()) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        table.into(cpu.ldtr, selector);
    }

    private void loadCode(int selector, int external) {
        if (Segmentation.isNull(selector)) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        Descriptor code = cpu.segmentation.read(selector, Vector.TS, external);
        int level = selector & 3;
        boolean allowed =
                code.isCode() && (code.isConforming() ? code.dpl() <= level : code.dpl() == level);
        if (!allowed) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        if (!code.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, external);
        }
        cpu.cpl = level;
        cpu.segmentation.accessed(code).into(cpu.segments[Insn.CS], selector);
        cpu.stateChanged();
    }

    private void loadStack(int selector, int external) {
        if (Segmentation.isNull(selector)) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        Descriptor stack = cpu.segmentation.read(selector, Vector.TS, external);
        cpu.segmentation.checkStack(stack, selector, cpu.cpl, Vector.TS, external);
        cpu.segmentation.accessed(stack).into(cpu.segments[Insn.SS], selector);
    }

    private void loadData(int number, int selector, int external) {
        if (Segmentation.isNull(selector)) {
            return;
        }
        Descriptor data = cpu.segmentation.read(selector, Vector.TS, external);
        boolean conforming = data.isCode() && data.isConforming();
        boolean readable =
                !data.isSystem()
                        && (!data.isCode() || (data.type() & Segment.WRITABLE_OR_READABLE) != 0);
        boolean privileged = conforming || data.dpl() >= cpu.cpl && data.dpl() >= (selector & 3);
        if (!readable || !privileged) {
            throw cpu.segmentation.fault(Vector.TS, selector, external);
        }
        if (!data.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, external);
        }
        cpu.segmentation.accessed(data).into(cpu.segments[number], selector);
    }
}
