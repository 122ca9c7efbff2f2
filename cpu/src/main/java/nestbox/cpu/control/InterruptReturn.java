package nestbox.cpu.control;

import nestbox.cpu.control.EventDelivery.Snapshot;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

/// IRET in all modes. SDM Vol. 2A, "IRET/IRETD/IRETQ—Interrupt Return".
public final class InterruptReturn {
    private InterruptReturn() {}

    public static void iret(Cpu cpu, Insn insn) {
        boolean blocked = cpu.nmiBlocked;
        cpu.nmiBlocked = false;
        Snapshot old = new Snapshot(cpu);
        int width = insn.operandSize;
        try {
            if (cpu.isLongMode()) {
                longMode(cpu, width);
            } else if (!cpu.isProtected()) {
                real(cpu, width);
            } else if (cpu.isVirtual8086()) {
                virtual(cpu, width);
            } else if ((cpu.get64(Cpu.FLAGS_REST) & RFlags.NT) != 0) {
                cpu.delivery.taskSwitch().byReturn(insn);
            } else {
                protectedMode(cpu, width);
            }
        } catch (GuestFault fault) {
            // A fault of the IRET itself leaves NMIs unblocked on the processor; so does this.
            assert blocked || !cpu.nmiBlocked;
            if ((old.flags() & RFlags.NT) == 0 || cpu.isLongMode()) {
                old.restore();
            }
            throw fault;
        }
        cpu.attention();
    }

    private static void setFlags(Cpu cpu, long popped, long mask) {
        cpu.rflags(cpu.rflags() & ~mask | popped & mask);
    }

    private static void real(Cpu cpu, int width) {
        long offset = cpu.pop(width);
        int selector = (int) cpu.pop(width) & 0xFFFF;
        long flags = cpu.pop(width);
        if (offset > 0xFFFF) {
            throw cpu.generalProtection();
        }
        cpu.segmentation.loadReal(Insn.CS, selector);
        cpu.rip(offset);
        long mask = width == 2 ? 0xFFFF : RFlags.ALL & ~(RFlags.VM | RFlags.VIF | RFlags.VIP);
        setFlags(cpu, flags, mask);
        cpu.stateChanged();
    }

    private static void virtual(Cpu cpu, int width) {
        boolean vme = (cpu.cr4 & ControlBits.CR4_VME) != 0;
        if (cpu.iopl() < 3 && (!vme || width != 2)) {
            throw cpu.generalProtection();
        }
        long offset = cpu.pop(width);
        int selector = (int) cpu.pop(width) & 0xFFFF;
        long flags = cpu.pop(width);
        if (offset > 0xFFFF) {
            throw cpu.generalProtection();
        }
        if (cpu.iopl() < 3) {
            VirtualMode.setFlags16(cpu, flags);
        } else {
            long mask =
                    width == 2
                            ? 0xFFFF & ~RFlags.IOPL
                            : RFlags.ALL & ~(RFlags.VM | RFlags.IOPL | RFlags.VIF | RFlags.VIP);
            setFlags(cpu, flags, mask);
        }
        cpu.segmentation.loadReal(Insn.CS, selector);
        cpu.rip(offset);
        cpu.stateChanged();
    }

    private static void protectedMode(Cpu cpu, int width) {
        long offset = cpu.pop(width);
        int selector = (int) cpu.pop(width) & 0xFFFF;
        long flags = cpu.pop(width);
        if (width == 4 && (flags & RFlags.VM) != 0 && cpu.cpl == 0) {
            toVirtual(cpu, selector, offset, flags);
            return;
        }
        long mask = FarTransfer.changeableFlags(cpu, width);
        Descriptor code = FarTransfer.returnTarget(cpu, selector);
        if ((selector & 3) == cpu.cpl) {
            FarTransfer.go(cpu, selector, code, offset);
        } else {
            long stack = cpu.pop(width);
            int stackSelector = (int) cpu.pop(width) & 0xFFFF;
            FarTransfer.toOuter(cpu, code, selector, offset, stackSelector, stack, width);
        }
        setFlags(cpu, flags, mask);
    }

    private static void toVirtual(Cpu cpu, int selector, long offset, long flags) {
        long stack = cpu.pop(4);
        int[] selectors = new int[6];
        for (int number : new int[] {Insn.SS, Insn.ES, Insn.DS, Insn.FS, Insn.GS}) {
            selectors[number] = (int) cpu.pop(4) & 0xFFFF;
        }
        selectors[Insn.CS] = selector;
        cpu.rflags(flags);
        cpu.cpl = 3;
        for (int number = 0; number < 6; number++) {
            cpu.segmentation.loadReal(number, selectors[number]);
        }
        cpu.rip(offset & 0xFFFF);
        cpu.set64(Cpu.RSP, stack);
        cpu.stateChanged();
    }

    private static void longMode(Cpu cpu, int width) {
        if ((cpu.get64(Cpu.FLAGS_REST) & RFlags.NT) != 0) {
            throw cpu.generalProtection();
        }
        boolean from64 = cpu.isLongMode64();
        long offset = cpu.pop(width);
        int selector = (int) cpu.pop(width) & 0xFFFF;
        long flags = cpu.pop(width);
        long mask = FarTransfer.changeableFlags(cpu, width);
        Descriptor code = FarTransfer.returnTarget(cpu, selector);
        if (!from64 && (selector & 3) == cpu.cpl) {
            FarTransfer.go(cpu, selector, code, offset);
        } else {
            long stack = cpu.pop(width);
            int stackSelector = (int) cpu.pop(width) & 0xFFFF;
            if ((selector & 3) == cpu.cpl) {
                sameLevel(cpu, code, selector, offset, stackSelector);
                returnStack(cpu, stack, width);
            } else {
                FarTransfer.toOuter(cpu, code, selector, offset, stackSelector, stack, width);
            }
        }
        setFlags(cpu, flags, mask);
    }

    private static void returnStack(Cpu cpu, long stack, int width) {
        if (width == 2) {
            cpu.set16(Cpu.RSP, (int) stack);
        } else {
            cpu.rsp(stack);
        }
    }

    /// IRET in 64-bit mode pops SS:RSP always.
    private static void sameLevel(
            Cpu cpu, Descriptor code, int selector, long offset, int stackSelector) {
        Segment stack = cpu.segments[Insn.SS];
        if (Segmentation.isNull(stackSelector)) {
            if (!code.isLong() || cpu.cpl == 3 || (stackSelector & 3) != cpu.cpl) {
                throw cpu.generalProtection();
            }
            FarTransfer.go(cpu, selector, code, offset);
            stack.setNull(stackSelector);
            stack.rights |= cpu.cpl << 5;
        } else {
            Descriptor descriptor = cpu.segmentation.read(stackSelector, Vector.GP, 0);
            cpu.segmentation.checkStack(descriptor, stackSelector, cpu.cpl, Vector.GP, 0);
            FarTransfer.go(cpu, selector, code, offset);
            cpu.segmentation.accessed(descriptor).into(stack, stackSelector);
        }
        cpu.stateChanged();
    }
}
