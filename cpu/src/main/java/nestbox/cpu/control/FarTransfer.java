package nestbox.cpu.control;

import nestbox.cpu.control.EventDelivery.InnerStack;
import nestbox.cpu.control.EventDelivery.Snapshot;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

/// Far JMP, CALL and RET, direct and through gates. SDM Vol. 3A, "Privilege Level Checking When
/// Transferring Program Control Between Code Segments".
public final class FarTransfer {
    private FarTransfer() {}

    /// @param width operand size of the instruction in bytes
    /// @param insn the instruction
    public static void jump(Cpu cpu, int selector, long offset, int width, Insn insn) {
        if (cpu.isRealOrVirtual()) {
            real(cpu, selector, offset, width);
            return;
        }
        Descriptor target = target(cpu, selector);
        if (target.isSystem()) {
            system(cpu, selector, target, false, insn);
            return;
        }
        checkDirect(cpu, selector, target);
        go(cpu, selector & ~3 | cpu.cpl, target, truncate(offset, width));
    }

    public static void call(Cpu cpu, int selector, long offset, int width, Insn insn) {
        long back = cpu.rip() + insn.end;
        if (cpu.isRealOrVirtual()) {
            Snapshot old = new Snapshot(cpu);
            try {
                cpu.push(width, cpu.segments[Insn.CS].selector);
                cpu.push(width, back);
                real(cpu, selector, offset, width);
            } catch (GuestFault fault) {
                old.restore();
                throw fault;
            }
            return;
        }
        Descriptor target = target(cpu, selector);
        if (target.isSystem()) {
            system(cpu, selector, target, true, insn);
            return;
        }
        checkDirect(cpu, selector, target);
        Snapshot old = new Snapshot(cpu);
        try {
            cpu.push(width, cpu.segments[Insn.CS].selector);
            cpu.push(width, back);
            go(cpu, selector & ~3 | cpu.cpl, target, truncate(offset, width));
        } catch (GuestFault fault) {
            old.restore();
            throw fault;
        }
    }

    private static long truncate(long offset, int width) {
        return width == 2 ? offset & 0xFFFF : width == 4 ? offset & 0xFFFF_FFFFL : offset;
    }

    private static void real(Cpu cpu, int selector, long offset, int width) {
        long target = truncate(offset, width);
        if (target > cpu.segments[Insn.CS].limit) {
            throw cpu.generalProtection();
        }
        cpu.segmentation.loadReal(Insn.CS, selector);
        cpu.rip(target);
        cpu.stateChanged();
    }

    private static Descriptor target(Cpu cpu, int selector) {
        if (Segmentation.isNull(selector)) {
            throw cpu.generalProtection();
        }
        return cpu.segmentation.read(selector, Vector.GP, 0);
    }

    /// Without gate the privilege level stays.
    private static void checkDirect(Cpu cpu, int selector, Descriptor code) {
        boolean level =
                code.isConforming()
                        ? code.dpl() <= cpu.cpl
                        : (selector & 3) <= cpu.cpl && code.dpl() == cpu.cpl;
        if (!code.isCode() || !level) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        checkCode(cpu, selector, code);
    }

    private static void checkCode(Cpu cpu, int selector, Descriptor code) {
        if (cpu.isLongMode() && code.isLong() && code.isBig()) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        if (!code.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, 0);
        }
    }

    /// Loads CS:RIP; the limit or canonical check comes first.
    static void go(Cpu cpu, int selector, Descriptor code, long offset) {
        boolean to64 = cpu.isLongMode() && code.isLong();
        boolean valid = to64 ? offset << 16 >> 16 == offset : offset <= code.limit();
        if (!valid) {
            throw cpu.generalProtection();
        }
        cpu.segmentation.accessed(code).into(cpu.segments[Insn.CS], selector);
        cpu.rip(offset);
        cpu.stateChanged();
    }

    private static void system(Cpu cpu, int selector, Descriptor target, boolean call, Insn insn) {
        int type = target.type();
        if (cpu.isLongMode()) {
            if (type != Descriptor.CALL_GATE) {
                throw cpu.segmentation.fault(Vector.GP, selector, 0);
            }
            checkGate(cpu, selector, target);
            gate64(cpu, cpu.segmentation.readUpperHalf(target, selector, Vector.GP, 0), call, insn);
            return;
        }
        switch (type) {
            case Descriptor.CALL_GATE, Descriptor.CALL_GATE_16 -> {
                checkGate(cpu, selector, target);
                gate(cpu, target, call, insn);
            }
            case Descriptor.TASK_GATE -> {
                checkGate(cpu, selector, target);
                cpu.delivery.taskSwitch().byTransfer(target.gateSelector(), call, insn);
            }
            case Descriptor.TSS_AVAILABLE, Descriptor.TSS_16_AVAILABLE -> {
                if (target.dpl() < cpu.cpl || target.dpl() < (selector & 3)) {
                    throw cpu.segmentation.fault(Vector.GP, selector, 0);
                }
                cpu.delivery.taskSwitch().byTransfer(selector, call, insn);
            }
            default -> throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
    }

    private static void checkGate(Cpu cpu, int selector, Descriptor gate) {
        if (gate.dpl() < cpu.cpl || gate.dpl() < (selector & 3)) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        if (!gate.isPresent()) {
            throw cpu.segmentation.fault(Vector.NP, selector, 0);
        }
    }

    private static Descriptor gateTarget(Cpu cpu, int selector, boolean call) {
        if (Segmentation.isNull(selector)) {
            throw cpu.generalProtection();
        }
        Descriptor code = cpu.segmentation.read(selector, Vector.GP, 0);
        boolean level = call || code.isConforming() ? code.dpl() <= cpu.cpl : code.dpl() == cpu.cpl;
        if (!code.isCode() || !level) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        return code;
    }

    private static void gate(Cpu cpu, Descriptor gate, boolean call, Insn insn) {
        int selector = gate.gateSelector();
        boolean wide = gate.type() == Descriptor.CALL_GATE;
        int width = wide ? 4 : 2;
        long offset = wide ? gate.gateOffset() & 0xFFFF_FFFFL : gate.gateOffset16();
        Descriptor code = gateTarget(cpu, selector, call);
        checkCode(cpu, selector, code);
        long back = cpu.rip() + insn.end;
        int oldCode = cpu.segments[Insn.CS].selector;
        if (!call) {
            go(cpu, selector & ~3 | cpu.cpl, code, offset);
            return;
        }
        Snapshot old = new Snapshot(cpu);
        boolean inner = !code.isConforming() && code.dpl() < cpu.cpl;
        int newStack = 0;
        try {
            if (inner) {
                InnerStack stack = cpu.delivery.taskSwitch().innerStack(code.dpl(), 0);
                int count = gate.parameterCount();
                long[] parameters = new long[count];
                for (int i = 0; i < count; i++) {
                    long at = cpu.stackLinear(old.rsp() + (long) i * width, width, false);
                    parameters[i] = cpu.read(Insn.SS, at, width);
                }
                newStack = stack.selector();
                stack.descriptor().into(cpu.segments[Insn.SS], newStack);
                cpu.cpl = code.dpl();
                cpu.stateChanged();
                cpu.set64(Cpu.RSP, stack.pointer());
                cpu.push(width, old.selector(Insn.SS));
                cpu.push(width, old.rsp());
                for (int i = count - 1; i >= 0; i--) {
                    cpu.push(width, parameters[i]);
                }
            }
            cpu.push(width, oldCode);
            cpu.push(width, back);
            go(cpu, selector & ~3 | cpu.cpl, code, offset);
        } catch (GuestFault fault) {
            old.restore();
            throw EventDelivery.stackFault(cpu, fault, newStack, 0);
        }
    }

    private static void gate64(Cpu cpu, Descriptor gate, boolean call, Insn insn) {
        int selector = gate.gateSelector();
        Descriptor code = gateTarget(cpu, selector, call);
        if (!code.isLong() || code.isBig()) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        checkCode(cpu, selector, code);
        long back = cpu.rip() + insn.end;
        int oldCode = cpu.segments[Insn.CS].selector;
        if (!call) {
            go(cpu, selector & ~3 | cpu.cpl, code, gate.gateOffset());
            return;
        }
        Snapshot old = new Snapshot(cpu);
        boolean inner = !code.isConforming() && code.dpl() < cpu.cpl;
        try {
            if (inner) {
                long top = cpu.delivery.taskSwitch().longModePointer(4 + 8 * code.dpl(), 0);
                cpu.cpl = code.dpl();
                cpu.segments[Insn.SS].setNull(cpu.cpl);
                cpu.segments[Insn.SS].rights |= cpu.cpl << 5;
                cpu.segments[Insn.CS].rights = code.rights();
                cpu.stateChanged();
                cpu.set64(Cpu.RSP, top);
                cpu.push(8, old.selector(Insn.SS));
                cpu.push(8, old.rsp());
            }
            cpu.push(8, oldCode);
            cpu.push(8, back);
            go(cpu, selector & ~3 | cpu.cpl, code, gate.gateOffset());
        } catch (GuestFault fault) {
            old.restore();
            throw fault;
        }
    }

    // Returns

    /// @param release bytes of parameters to release
    public static void ret(Cpu cpu, int width, int release) {
        Snapshot old = new Snapshot(cpu);
        try {
            long offset = cpu.pop(width);
            int selector = (int) cpu.pop(width) & 0xFFFF;
            if (cpu.isRealOrVirtual()) {
                real(cpu, selector, offset, 4);
                cpu.rsp(cpu.get64(Cpu.RSP) + release);
                return;
            }
            Descriptor code = returnTarget(cpu, selector);
            cpu.rsp(cpu.get64(Cpu.RSP) + release);
            if ((selector & 3) == cpu.cpl) {
                go(cpu, selector, code, offset);
                return;
            }
            long stack = cpu.pop(width);
            int stackSelector = (int) cpu.pop(width) & 0xFFFF;
            toOuter(cpu, code, selector, offset, stackSelector, stack, width);
            cpu.rsp(cpu.get64(Cpu.RSP) + release);
        } catch (GuestFault fault) {
            old.restore();
            throw fault;
        }
    }

    static Descriptor returnTarget(Cpu cpu, int selector) {
        if (Segmentation.isNull(selector)) {
            throw cpu.generalProtection();
        }
        Descriptor code = cpu.segmentation.read(selector, Vector.GP, 0);
        int level = selector & 3;
        boolean allowed =
                code.isCode()
                        && level >= cpu.cpl
                        && (code.isConforming() ? code.dpl() <= level : code.dpl() == level);
        if (!allowed) {
            throw cpu.segmentation.fault(Vector.GP, selector, 0);
        }
        checkCode(cpu, selector, code);
        return code;
    }

    static void toOuter(
            Cpu cpu,
            Descriptor code,
            int selector,
            long offset,
            int stackSelector,
            long stack,
            int width) {
        int level = selector & 3;
        boolean to64 = cpu.isLongMode() && code.isLong();
        Descriptor stackDescriptor = null;
        if (Segmentation.isNull(stackSelector)) {
            if (!to64 || level == 3 || (stackSelector & 3) != level) {
                throw cpu.generalProtection();
            }
        } else {
            stackDescriptor = cpu.segmentation.read(stackSelector, Vector.GP, 0);
            cpu.segmentation.checkStack(stackDescriptor, stackSelector, level, Vector.GP, 0);
        }
        cpu.cpl = level;
        go(cpu, selector, code, offset);
        if (stackDescriptor == null) {
            cpu.segments[Insn.SS].setNull(stackSelector);
            cpu.segments[Insn.SS].rights |= level << 5;
        } else {
            cpu.segmentation.accessed(stackDescriptor).into(cpu.segments[Insn.SS], stackSelector);
        }
        cpu.segmentation.dropInaccessible();
        cpu.stateChanged();
        if (width == 2) {
            cpu.set16(Cpu.RSP, (int) stack);
        } else {
            cpu.rsp(stack);
        }
    }

    /// Whether RIP may become this in 64-bit mode.
    static void checkCanonical(Cpu cpu, long rip) {
        if (rip << 16 >> 16 != rip) {
            throw cpu.generalProtection();
        }
    }

    /// The flags that a return may change. SDM Vol. 2A, "IRET" and "POPF".
    static long changeableFlags(Cpu cpu, int width) {
        long mask = RFlags.STATUS | RFlags.TF | RFlags.DF | RFlags.NT;
        if (width > 2) {
            mask |= RFlags.RF | RFlags.AC | RFlags.ID;
        }
        if (cpu.cpl <= cpu.iopl()) {
            mask |= RFlags.IF;
        }
        if (cpu.cpl == 0) {
            mask |= RFlags.IOPL;
            if (width > 2) {
                mask |= RFlags.VIF | RFlags.VIP;
            }
        }
        return mask;
    }
}
