package nestbox.cpu.control;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;

/// Virtual-8086 mode extensions and protected-mode virtual interrupts: VIF, VIP and the software
/// interrupt redirection bitmap. SDM Vol. 3B, chapter "8086 Emulation".
public final class VirtualMode {
    private VirtualMode() {}

    /// Whether CLI, STI, PUSHF and POPF act on VIF instead of IF: VME in virtual-8086 mode with
    /// IOPL < 3, or PVI at CPL 3.
    public static boolean usesVirtualInterruptFlag(Cpu cpu) {
        if (cpu.isVirtual8086()) {
            return (cpu.cr4 & ControlBits.CR4_VME) != 0 && cpu.iopl() < 3;
        }
        return (cpu.cr4 & ControlBits.CR4_PVI) != 0
                && cpu.isProtected()
                && cpu.cpl == 3
                && cpu.iopl() < 3;
    }

    /// POPF and IRET with 16-bit operands under VME: the popped IF goes to VIF.
    public static void setFlags16(Cpu cpu, long popped) {
        boolean enables = (popped & RFlags.IF) != 0;
        boolean pending = (cpu.get64(Cpu.FLAGS_REST) & RFlags.VIP) != 0;
        if ((popped & RFlags.TF) != 0 || enables && pending) {
            throw cpu.generalProtection();
        }
        long mask = 0xFFFF & ~(RFlags.IOPL | RFlags.IF);
        long flags = cpu.rflags() & ~mask | popped & mask;
        cpu.rflags(enables ? flags | RFlags.VIF : flags & ~RFlags.VIF);
    }

    /// The flags that PUSHF stores in virtual-8086 mode with VME and IOPL < 3: IOPL 3, IF from VIF.
    public static long pushedFlags16(Cpu cpu) {
        long flags = cpu.rflags() | RFlags.IOPL;
        return (flags & RFlags.VIF) != 0 ? flags | RFlags.IF : flags & ~RFlags.IF;
    }

    /// Whether a software interrupt in virtual-8086 mode goes to the 8086 program's handler: with
    /// VME, if the bitmap in the TSS says so.
    public static boolean isRedirected(Cpu cpu, int vector) {
        if (!cpu.isVirtual8086() || (cpu.cr4 & ControlBits.CR4_VME) == 0) {
            return false;
        }
        int ioMap = (int) cpu.mmu.readSystem(cpu.tr.base + 0x66, 2);
        int at = ioMap - 32 + vector / 8;
        if (at < 0 || at > cpu.tr.limit) {
            return false;
        }
        return (cpu.mmu.readSystem(cpu.tr.base + at, 1) >>> (vector & 7) & 1) == 0;
    }

    /// Delivers a software interrupt to the 8086 program's handler.
    static void redirect(Cpu cpu, int vector, int returnTo) {
        long flags = cpu.iopl() < 3 ? pushedFlags16(cpu) : cpu.rflags();
        long target = cpu.mmu.readSystem(vector * 4L, 4);
        long stack = cpu.get64(Cpu.RSP);
        try {
            cpu.push(2, flags & 0xFFFF);
            cpu.push(2, cpu.segments[Insn.CS].selector);
            cpu.push(2, cpu.rip() + returnTo);
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
        cpu.segmentation.loadReal(Insn.CS, (int) (target >>> 16));
        cpu.rip(target & 0xFFFF);
        long masked = cpu.iopl() < 3 ? RFlags.VIF : RFlags.IF;
        cpu.rflags(cpu.rflags() & ~(masked | RFlags.TF | RFlags.NT));
        cpu.stateChanged();
    }
}
