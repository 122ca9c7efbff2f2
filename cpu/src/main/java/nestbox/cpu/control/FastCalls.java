package nestbox.cpu.control;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;

/// SYSCALL, SYSRET, SYSENTER and SYSEXIT. SDM Vol. 3A, "Performing Fast Calls to System
/// Procedures".
public final class FastCalls {
    private static final int CODE_64 = 0xA09B;
    private static final int CODE_32 = 0xC09B;
    private static final int DATA = 0xC093;
    private static final int DPL_3 = 3 << 5;

    private FastCalls() {}

    public static void syscall(Cpu cpu, Insn insn) {
        if (!cpu.isLongMode64() || (cpu.efer & ControlBits.EFER_SCE) == 0) {
            throw cpu.undefined();
        }
        cpu.set64(Cpu.RCX, cpu.rip() + insn.end);
        cpu.set64(Cpu.R11, cpu.rflags() & ~RFlags.RF);
        long star = cpu.msrs.star();
        int selector = (int) (star >>> 32) & 0xFFFC;
        cpu.cpl = 0;
        setSegments(cpu, selector, CODE_64, selector + 8, DATA);
        cpu.rip(cpu.msrs.lstar());
        long mask = cpu.msrs.fmask() | RFlags.RF;
        cpu.rflags(cpu.rflags() & ~mask);
        cpu.stateChanged();
    }

    public static void sysret(Cpu cpu, Insn insn) {
        if (!cpu.isLongMode64() || (cpu.efer & ControlBits.EFER_SCE) == 0) {
            throw cpu.undefined();
        }
        if (cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
        boolean to64 = insn.operandSize == 8;
        long target = cpu.get64(Cpu.RCX);
        if (to64) {
            FarTransfer.checkCanonical(cpu, target);
        }
        int base = (int) (cpu.msrs.star() >>> 48) & 0xFFFF;
        int code = base + (to64 ? 16 : 0) | 3;
        cpu.cpl = 3;
        setSegments(cpu, code, (to64 ? CODE_64 : CODE_32) | DPL_3, base + 8 | 3, DATA | DPL_3);
        cpu.rip(to64 ? target : target & 0xFFFF_FFFFL);
        cpu.rflags(cpu.get64(Cpu.R11) & RFlags.ALL & ~(RFlags.RF | RFlags.VM) | RFlags.FIXED);
        cpu.stateChanged();
    }

    public static void sysenter(Cpu cpu, Insn insn) {
        long cs = cpu.msrs.sysenterCs();
        if (!cpu.isProtected() || (cs & 0xFFFC) == 0) {
            throw cpu.generalProtection();
        }
        boolean wide = cpu.isLongMode();
        int selector = (int) cs & 0xFFFC;
        cpu.cpl = 0;
        cpu.rflags(cpu.rflags() & ~(RFlags.VM | RFlags.IF | RFlags.RF));
        setSegments(cpu, selector, wide ? CODE_64 : CODE_32, selector + 8, DATA);
        cpu.stateChanged();
        long stack = cpu.msrs.sysenterEsp();
        long target = cpu.msrs.sysenterEip();
        cpu.set64(Cpu.RSP, wide ? stack : stack & 0xFFFF_FFFFL);
        cpu.rip(wide ? target : target & 0xFFFF_FFFFL);
    }

    public static void sysexit(Cpu cpu, Insn insn) {
        long cs = cpu.msrs.sysenterCs();
        if (!cpu.isProtected() || (cs & 0xFFFC) == 0 || cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
        boolean to64 = insn.operandSize == 8;
        long target = cpu.get64(Cpu.RDX);
        long stack = cpu.get64(Cpu.RCX);
        if (to64) {
            FarTransfer.checkCanonical(cpu, target);
            FarTransfer.checkCanonical(cpu, stack);
        }
        int selector = ((int) cs & 0xFFFC) + (to64 ? 32 : 16) | 3;
        cpu.cpl = 3;
        int code = (to64 ? CODE_64 : CODE_32) | DPL_3;
        setSegments(cpu, selector, code, selector + 8, DATA | DPL_3);
        cpu.stateChanged();
        cpu.set64(Cpu.RSP, to64 ? stack : stack & 0xFFFF_FFFFL);
        cpu.rip(to64 ? target : target & 0xFFFF_FFFFL);
    }

    private static void setSegments(
            Cpu cpu, int codeSelector, int codeRights, int stackSelector, int stackRights) {
        cpu.segments[Insn.CS].set(codeSelector & 0xFFFF, 0, 0xFFFF_FFFFL, codeRights);
        cpu.segments[Insn.SS].set(stackSelector & 0xFFFF, 0, 0xFFFF_FFFFL, stackRights);
    }
}
