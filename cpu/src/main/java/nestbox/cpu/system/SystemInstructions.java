package nestbox.cpu.system;

import static nestbox.x86.ControlBits.*;

import nestbox.cpu.control.Segmentation;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.DebugRegisters;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.xsave.StateSaves;
import nestbox.x86.Cpuid;
import nestbox.x86.RFlags;
import nestbox.x86.SystemOp;
import nestbox.x86.Vector;

/// Instructions on the system state.
public final class SystemInstructions {
    private SystemInstructions() {}

    public static Semantic of(SystemOp op) {
        return switch (op) {
            case SGDT, SIDT, LGDT, LIDT, SLDT, STR, LLDT, LTR, VERR, VERW, LAR, LSL, SMSW ->
                    TableInstructions.of(op);
            case LMSW -> (cpu, insn) -> cpu.controls.lmsw(cpu.loadRm(insn, insn.destination, 2));
            case CLTS ->
                    (cpu, insn) -> {
                        cpu.cr0 &= ~CR0_TS;
                        cpu.stateChanged();
                    };
            case MOV_FROM_CR -> SystemInstructions::movFromCr;
            case MOV_TO_CR -> SystemInstructions::movToCr;
            case MOV_FROM_DR -> SystemInstructions::movFromDr;
            case MOV_TO_DR -> SystemInstructions::movToDr;
            case RDMSR -> SystemInstructions::rdmsr;
            case WRMSR -> SystemInstructions::wrmsr;
            case RDTSC -> SystemInstructions::rdtsc;
            case RDTSCP -> SystemInstructions::rdtscp;
            case RDPMC -> SystemInstructions::rdpmc;
            case CPUID -> SystemInstructions::cpuid;
            case RDRAND -> (cpu, insn) -> random(cpu, insn, Cpuid.RDRAND);
            case RDSEED -> (cpu, insn) -> random(cpu, insn, Cpuid.RDSEED);
            // Caches are coherent with everything here: there is nothing to write back.
            case INVD, WBINVD -> (cpu, insn) -> {};
            case INVLPG -> Invalidations::invlpg;
            case INVPCID -> Invalidations::invpcid;
            case CLFLUSH -> SystemInstructions::clflush;
            case MONITOR -> SystemInstructions::monitor;
            case MWAIT -> SystemInstructions::mwait;
            case UMONITOR -> UserWaits::umonitor;
            case UMWAIT -> UserWaits::umwait;
            case TPAUSE -> UserWaits::tpause;
            case CLAC -> (cpu, insn) -> alignmentCheck(cpu, false);
            case STAC -> (cpu, insn) -> alignmentCheck(cpu, true);
            case SWAPGS -> (cpu, insn) -> cpu.msrs.swapGs();
            case RDFSBASE -> (cpu, insn) -> readBase(cpu, insn, Insn.FS);
            case RDGSBASE -> (cpu, insn) -> readBase(cpu, insn, Insn.GS);
            case WRFSBASE -> (cpu, insn) -> writeBase(cpu, insn, Insn.FS);
            case WRGSBASE -> (cpu, insn) -> writeBase(cpu, insn, Insn.GS);
            case XGETBV -> SystemInstructions::xgetbv;
            case XSETBV -> SystemInstructions::xsetbv;
            case PAUSE -> (cpu, insn) -> cpu.pause();
            case GETSEC -> SystemInstructions::getsec;
            // There is no system-management mode to return from.
            case RSM ->
                    (cpu, insn) -> {
                        throw cpu.undefined();
                    };
        };
    }

    private static void requirePrivilege(Cpu cpu) {
        if (cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
    }

    static void require(Cpu cpu, Cpuid feature) {
        if (!cpu.features.has(feature)) {
            throw cpu.undefined();
        }
    }

    /// Whether an instruction's control or debug register exists; an opcode with another is
    /// undefined at every privilege level.
    public static boolean isDefined(SystemOp op, Insn insn) {
        boolean control = op == SystemOp.MOV_FROM_CR || op == SystemOp.MOV_TO_CR;
        boolean debug = op == SystemOp.MOV_FROM_DR || op == SystemOp.MOV_TO_DR;
        return control ? insn.reg <= 4 && insn.reg != 1 || insn.reg == 8 : !debug || insn.reg < 8;
    }

    private static int registerWidth(Cpu cpu) {
        return cpu.isLongMode64() ? 8 : 4;
    }

    private static void movFromCr(Cpu cpu, Insn insn) {
        long value =
                switch (insn.reg) {
                    case 0 -> cpu.cr0;
                    case 2 -> cpu.cr2;
                    case 3 -> cpu.cr3;
                    case 4 -> cpu.cr4;
                    case 8 -> cpu.apic.taskPriorityClass();
                    default -> throw cpu.undefined();
                };
        cpu.set(8 * insn.rm, registerWidth(cpu), value);
    }

    private static void movToCr(Cpu cpu, Insn insn) {
        long value = cpu.get(8 * insn.rm, registerWidth(cpu));
        switch (insn.reg) {
            case 0 -> cpu.controls.cr0(value);
            case 2 -> cpu.cr2 = value;
            case 3 -> cpu.controls.cr3(value);
            case 4 -> cpu.controls.cr4(value);
            case 8 -> {
                if ((value & ~0xFL) != 0) {
                    throw cpu.generalProtection();
                }
                cpu.apic.taskPriorityClass((int) value);
                cpu.attention();
            }
            default -> throw cpu.undefined();
        }
    }

    /// DR4 and DR5 are DR6 and DR7 unless CR4.DE is set. SDM Vol. 3B, "Debug Registers DR4 and
    /// DR5".
    private static int debugRegister(Cpu cpu, Insn insn) {
        if (insn.reg == 4 || insn.reg == 5) {
            if ((cpu.cr4 & CR4_DE) != 0) {
                throw cpu.undefined();
            }
            return insn.reg + 2;
        }
        return insn.reg;
    }

    private static void checkGeneralDetect(Cpu cpu) {
        if ((cpu.debug.dr7() & DebugRegisters.DR7_GD) != 0) {
            cpu.debug.report(DebugRegisters.DR6_BD);
            throw cpu.fault(Vector.DB, 0);
        }
    }

    private static void movFromDr(Cpu cpu, Insn insn) {
        int number = debugRegister(cpu, insn);
        checkGeneralDetect(cpu);
        long value =
                switch (number) {
                    case 6 -> cpu.debug.dr6;
                    case 7 -> cpu.debug.dr7();
                    default -> cpu.debug.address(number);
                };
        cpu.set(8 * insn.rm, registerWidth(cpu), value);
    }

    private static void movToDr(Cpu cpu, Insn insn) {
        int number = debugRegister(cpu, insn);
        checkGeneralDetect(cpu);
        long value = cpu.get(8 * insn.rm, registerWidth(cpu));
        if (number >= 6 && value >>> 32 != 0) {
            throw cpu.generalProtection();
        }
        switch (number) {
            case 6 ->
                    cpu.debug.dr6 =
                            value & 0xE00F | DebugRegisters.DR6_FIXED | DebugRegisters.DR6_RTM;
            case 7 -> cpu.debug.dr7(value);
            default -> cpu.debug.address(number, value);
        }
    }

    static long edxEax(Cpu cpu) {
        return cpu.get64(Cpu.RDX) << 32 | cpu.get64(Cpu.RAX) & 0xFFFF_FFFFL;
    }

    private static void edxEax(Cpu cpu, long value) {
        cpu.set32(Cpu.RAX, (int) value);
        cpu.set32(Cpu.RDX, (int) (value >>> 32));
    }

    private static void rdmsr(Cpu cpu, Insn insn) {
        edxEax(cpu, cpu.msrs.read(cpu.get32(Cpu.RCX)));
    }

    private static void wrmsr(Cpu cpu, Insn insn) {
        cpu.msrs.write(cpu.get32(Cpu.RCX), edxEax(cpu));
        cpu.attention();
    }

    static void checkTimeStampDisable(Cpu cpu) {
        if ((cpu.cr4 & CR4_TSD) != 0 && cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
    }

    private static void rdtsc(Cpu cpu, Insn insn) {
        checkTimeStampDisable(cpu);
        edxEax(cpu, cpu.tsc.read());
    }

    private static void rdtscp(Cpu cpu, Insn insn) {
        require(cpu, Cpuid.RDTSCP);
        checkTimeStampDisable(cpu);
        edxEax(cpu, cpu.tsc.read());
        cpu.set32(Cpu.RCX, (int) cpu.msrs.tscAux());
    }

    /// There are no performance counters: every index is #GP.
    private static void rdpmc(Cpu cpu, Insn insn) {
        throw cpu.generalProtection();
    }

    private static void cpuid(Cpu cpu, Insn insn) {
        int[] registers = cpu.features.cpuid(cpu.get32(Cpu.RAX), cpu.get32(Cpu.RCX), cpu);
        cpu.set32(Cpu.RAX, registers[0]);
        cpu.set32(Cpu.RBX, registers[1]);
        cpu.set32(Cpu.RCX, registers[2]);
        cpu.set32(Cpu.RDX, registers[3]);
    }

    /// The generator is seeded, so that runs repeat. CF = 1: a number was there.
    private static void random(Cpu cpu, Insn insn, Cpuid feature) {
        require(cpu, feature);
        cpu.set(insn.destination, insn.width, cpu.nextRandom());
        cpu.statusFlags(RFlags.CF);
    }

    private static void clflush(Cpu cpu, Insn insn) {
        if (insn.row.mandatory() == nestbox.x86.OpcodeRow.Mandatory.P66) {
            require(cpu, Cpuid.CLFLUSHOPT);
        }
        // Faults are those of a load of one byte.
        cpu.load(insn, 1);
    }

    private static void monitor(Cpu cpu, Insn insn) {
        require(cpu, Cpuid.MONITOR);
        requireUserMonitor(cpu);
        if (cpu.get32(Cpu.RCX) != 0) {
            throw cpu.generalProtection();
        }
        long offset = cpu.get64(Cpu.RAX) & insn.addressMask;
        long linear = cpu.linear(insn.segment, insn.flat, offset, 1, false);
        cpu.read8(insn.segment, linear);
        cpu.monitored.arm(cpu.readable(insn.segment, linear, 1));
    }

    /// MWAIT may return for any reason; here it returns when the line has changed, an interrupt
    /// comes or any other processor has run.
    private static void mwait(Cpu cpu, Insn insn) {
        require(cpu, Cpuid.MONITOR);
        requireUserMonitor(cpu);
        if ((cpu.get64(Cpu.RCX) & ~1L) != 0) {
            throw cpu.generalProtection();
        }
        cpu.waiting.forLine((cpu.get64(Cpu.RCX) & 1) != 0);
    }

    /// #UD at CPL > 0, and when IA32_MISC_ENABLE turns the instructions off.
    private static void requireUserMonitor(Cpu cpu) {
        boolean enabled = (cpu.msrs.read(nestbox.x86.Msr.IA32_MISC_ENABLE.number()) & 1 << 18) != 0;
        if (cpu.cpl != 0 || !enabled) {
            throw cpu.undefined();
        }
    }

    private static void alignmentCheck(Cpu cpu, boolean set) {
        require(cpu, Cpuid.SMAP);
        if (cpu.cpl != 0) {
            throw cpu.undefined();
        }
        long flags = cpu.get64(Cpu.FLAGS_REST);
        cpu.set64(Cpu.FLAGS_REST, set ? flags | RFlags.AC : flags & ~RFlags.AC);
        cpu.mmu.selectContext();
    }

    private static void requireBaseInstructions(Cpu cpu) {
        if ((cpu.cr4 & CR4_FSGSBASE) == 0) {
            throw cpu.undefined();
        }
    }

    private static void readBase(Cpu cpu, Insn insn, int segment) {
        requireBaseInstructions(cpu);
        cpu.set(insn.destination, insn.width, cpu.segments[segment].base);
    }

    private static void writeBase(Cpu cpu, Insn insn, int segment) {
        requireBaseInstructions(cpu);
        long value = cpu.get(insn.destination, insn.width);
        if (value << 16 >> 16 != value) {
            throw cpu.generalProtection();
        }
        cpu.segments[segment].base = value;
        cpu.set64(Cpu.SEGMENT_BASES + 8 * segment, value);
    }

    /// The board's chip set has no part in measured launch, so there is the leaf that says so.
    /// SDM Vol. 2D, "GETSEC\[CAPABILITIES\]—Report the SMX Capabilities".
    private static void getsec(Cpu cpu, Insn insn) {
        if ((cpu.cr4 & CR4_SMXE) == 0 || cpu.get32(Cpu.RAX) != 0) {
            throw cpu.undefined();
        }
        cpu.set32(Cpu.RAX, 0);
    }

    private static void requireXsave(Cpu cpu) {
        if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
            throw cpu.undefined();
        }
    }

    private static void xgetbv(Cpu cpu, Insn insn) {
        requireXsave(cpu);
        switch (cpu.get32(Cpu.RCX)) {
            case 0 -> edxEax(cpu, cpu.xcr0);
            case 1 -> edxEax(cpu, cpu.xcr0 & StateSaves.inUse(cpu));
            default -> throw cpu.generalProtection();
        }
    }

    private static void xsetbv(Cpu cpu, Insn insn) {
        requireXsave(cpu);
        requirePrivilege(cpu);
        if (cpu.get32(Cpu.RCX) != 0) {
            throw cpu.generalProtection();
        }
        cpu.controls.xcr0(edxEax(cpu));
    }

    /// UMIP: SGDT, SIDT, SLDT, STR and SMSW outside CPL 0 are #GP.
    static void checkUserMode(Cpu cpu) {
        if ((cpu.cr4 & CR4_UMIP) != 0 && cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
    }

    static Segmentation segmentation(Cpu cpu) {
        if (cpu.isRealOrVirtual()) {
            throw cpu.undefined();
        }
        return cpu.segmentation;
    }
}
