package nestbox.cpu.system;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

/// UMONITOR, UMWAIT and TPAUSE, which wait at any privilege level. SDM Vol. 2D,
/// "UMONITOR—User Level Set Up Monitor Address", "UMWAIT—User Level Monitor Wait" and
/// "TPAUSE—Timed PAUSE".
final class UserWaits {
    /// The bits of IA32_UMWAIT_CONTROL that are the longest wait, in ticks of the TSC.
    private static final long LONGEST = 0xFFFF_FFFCL;

    private UserWaits() {}

    static void umonitor(Cpu cpu, Insn insn) {
        SystemInstructions.require(cpu, Cpuid.WAITPKG);
        long offset = cpu.get64(8 * insn.rm) & insn.addressMask;
        long linear = cpu.linear(insn.segment, insn.flat, offset, 1, false);
        cpu.read8(insn.segment, linear);
        cpu.monitored.arm(cpu.readable(insn.segment, linear, 1));
    }

    static void umwait(Cpu cpu, Insn insn) {
        Time time = time(cpu, insn);
        if (time.ticks == 0) {
            cpu.monitored.disarm();
        } else {
            cpu.waiting.forLineUntil(time.end, time.limited);
        }
    }

    static void tpause(Cpu cpu, Insn insn) {
        Time time = time(cpu, insn);
        if (time.ticks != 0) {
            cpu.waiting.until(time.end, time.limited);
        }
    }

    /// How long to wait.
    ///
    /// @param ticks as the program counts them
    /// @param end value of the TSC
    /// @param limited whether the operating system's limit comes first
    private record Time(long ticks, long end, boolean limited) {}

    private static Time time(Cpu cpu, Insn insn) {
        SystemInstructions.require(cpu, Cpuid.WAITPKG);
        SystemInstructions.checkTimeStampDisable(cpu);
        if ((cpu.get32(8 * insn.rm) & ~1) != 0) {
            throw cpu.generalProtection();
        }
        long now = cpu.tsc.read();
        long end = SystemInstructions.edxEax(cpu);
        long seen = cpu.vmx.guestTsc(now);
        long ticks = Long.compareUnsigned(end, seen) > 0 ? end - seen : 0;
        long most = cpu.msrs.read(Msr.IA32_UMWAIT_CONTROL.number()) & LONGEST;
        boolean limited = most != 0 && Long.compareUnsigned(ticks, most) > 0;
        long wait = limited ? most : ticks;
        cpu.statusFlags(0);
        return new Time(wait, now + cpu.vmx.physicalDelay(wait), limited);
    }
}
