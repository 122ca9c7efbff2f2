package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.x86.Alu;
import nestbox.x86.Branch;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.RFlags;
import nestbox.x86.StateSave;
import nestbox.x86.SystemOp;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

/// What instructions do in VMX non-root operation instead of, or before, what they do otherwise.
/// SDM Vol. 3C, "Instructions That Cause VM Exits" and "Changes to Instruction Behavior in VMX
/// Non-Root Operation".
///
/// The decoder puts the check into the handler when it decodes code of a guest, so that outside
/// VMX operation nothing is asked.
public final class Intercepts {
    /// Comes before an instruction.
    private interface Check {
        /// @return whether the instruction is done; otherwise it goes on as usual
        boolean replaces(Cpu cpu, Insn insn);
    }

    private static final class Intercepted extends Handler {
        private final Check check;
        private final Handler usual;

        Intercepted(Check check, Handler usual) {
            this.check = check;
            this.usual = usual;
        }

        @Override
        public void execute(Cpu cpu, Insn insn) {
            if (!check.replaces(cpu, insn)) {
                usual.execute(cpu, insn);
            }
        }
    }

    private Intercepts() {}

    /// The handler of a guest's instruction.
    ///
    /// @param usual what it does in VMX root operation, with its check of the privilege level
    public static Handler of(Insn insn, Handler usual) {
        Op op = insn.row.op();
        if (op == Branch.IRET) {
            return new Returning(usual);
        }
        if (insn.isMemory && (insn.lock || op == Move.XCHG)) {
            return new Locked(usual);
        }
        Check check = check(op);
        if (check == null) {
            return usual;
        }
        // Faults for lack of privilege come first, except for MOV DR.
        boolean exempt = op == SystemOp.MOV_TO_DR || op == SystemOp.MOV_FROM_DR;
        boolean privileged = insn.row.isPrivileged() && !exempt;
        Check first = privileged ? (cpu, each) -> cpu.cpl == 0 && check.replaces(cpu, each) : check;
        return new Intercepted(first, usual);
    }

    private static Check check(Op op) {
        return switch (op) {
            case SystemOp system -> check(system);
            case Branch branch ->
                    branch == Branch.HLT ? exits(ExitReason.HLT, PrimaryControl.HLT_EXITING) : null;
            case StateSave save ->
                    switch (save) {
                        case XSAVES -> (cpu, insn) -> supervisor(cpu, insn, ExitReason.XSAVES);
                        case XRSTORS -> (cpu, insn) -> supervisor(cpu, insn, ExitReason.XRSTORS);
                        default -> null;
                    };
            default -> null;
        };
    }

    /// XSAVES and XRSTORS of supervisor state.
    private static boolean supervisor(Cpu cpu, Insn insn, ExitReason reason) {
        if (!cpu.vmx.on(SecondaryControl.ENABLE_XSAVES)) {
            throw cpu.undefined();
        }
        boolean works =
                cpu.cpl == 0
                        && (cpu.cr4 & ControlBits.CR4_OSXSAVE) != 0
                        && (cpu.cr0 & ControlBits.CR0_TS) == 0;
        long mask = cpu.get64(Cpu.RDX) << 32 | cpu.get64(Cpu.RAX) & 0xFFFF_FFFFL;
        long exiting = cpu.vmx.vmcs().read(VmcsField.XSS_EXITING_BITMAP);
        if (!works || (mask & cpu.msrs.xss() & exiting) == 0) {
            return false;
        }
        var exit = cpu.vmx.exit(insn, reason, InstructionForms.displacement(cpu, insn));
        cpu.vmx.exit.instructionInformation = InstructionForms.memory(insn, 0).toLong();
        throw exit;
    }

    private static Check check(SystemOp op) {
        return switch (op) {
            case SGDT, SIDT, LGDT, LIDT ->
                    (cpu, insn) -> tables(cpu, insn, op, ExitReason.GDTR_IDTR_ACCESS);
            case SLDT, STR, LLDT, LTR ->
                    (cpu, insn) ->
                            !cpu.isRealOrVirtual()
                                    && tables(cpu, insn, op, ExitReason.LDTR_TR_ACCESS);
            case SMSW -> CrIntercepts::smsw;
            case LMSW -> CrIntercepts::lmsw;
            case CLTS -> CrIntercepts::clts;
            case MOV_FROM_CR -> CrIntercepts::movFrom;
            case MOV_TO_CR -> CrIntercepts::movTo;
            case MOV_FROM_DR, MOV_TO_DR -> CrIntercepts::movDr;
            case RDMSR -> MsrIntercepts::read;
            case WRMSR -> MsrIntercepts::write;
            case RDTSC -> (cpu, insn) -> MsrIntercepts.timeStamp(cpu, insn, ExitReason.RDTSC);
            case RDTSCP -> (cpu, insn) -> MsrIntercepts.timeStamp(cpu, insn, ExitReason.RDTSCP);
            case RDPMC -> Intercepts::rdpmc;
            case CPUID -> always(ExitReason.CPUID);
            case RDRAND -> random(ExitReason.RDRAND, SecondaryControl.RDRAND_EXITING);
            case RDSEED -> random(ExitReason.RDSEED, SecondaryControl.RDSEED_EXITING);
            case INVD -> always(ExitReason.INVD);
            case WBINVD -> exits(ExitReason.WBINVD, SecondaryControl.WBINVD_EXITING);
            case INVLPG -> Intercepts::invlpg;
            case INVPCID -> Intercepts::invpcid;
            case MONITOR -> exits(ExitReason.MONITOR, PrimaryControl.MONITOR_EXITING);
            case MWAIT -> Intercepts::mwait;
            case UMONITOR -> Intercepts::userMonitor;
            case UMWAIT -> (cpu, insn) -> userWait(cpu, insn, ExitReason.UMWAIT);
            case TPAUSE -> (cpu, insn) -> userWait(cpu, insn, ExitReason.TPAUSE);
            case GETSEC -> Intercepts::getsec;
            case PAUSE -> (cpu, insn) -> cpu.vmx.pauses.check(insn);
            case XSETBV -> Intercepts::xsetbv;
            case VERR,
                    VERW,
                    LAR,
                    LSL,
                    CLFLUSH,
                    CLAC,
                    STAC,
                    SWAPGS,
                    RDFSBASE,
                    RDGSBASE,
                    WRFSBASE,
                    WRGSBASE,
                    XGETBV,
                    RSM ->
                    null;
        };
    }

    private static Check exits(ExitReason reason, VmxControl control) {
        return (cpu, insn) -> {
            if (cpu.vmx.on(control)) {
                throw cpu.vmx.exit(insn, reason, 0);
            }
            return false;
        };
    }

    private static Check always(ExitReason reason) {
        return (cpu, insn) -> {
            throw cpu.vmx.exit(insn, reason, 0);
        };
    }

    private static Check random(ExitReason reason, VmxControl control) {
        return (cpu, insn) -> {
            if (cpu.vmx.on(control)) {
                var exit = cpu.vmx.exit(insn, reason, 0);
                cpu.vmx.exit.instructionInformation = InstructionForms.destination(insn).toLong();
                throw exit;
            }
            return false;
        };
    }

    private static boolean tables(Cpu cpu, Insn insn, SystemOp op, ExitReason reason) {
        boolean stores =
                switch (op) {
                    case SGDT, SIDT, SLDT, STR -> true;
                    default -> false;
                };
        boolean refused = cpu.cpl != 0 && (!stores || (cpu.cr4 & ControlBits.CR4_UMIP) != 0);
        if (refused || !cpu.vmx.on(SecondaryControl.DESCRIPTOR_TABLE_EXITING)) {
            return false;
        }
        var exit = cpu.vmx.exit(insn, reason, InstructionForms.displacement(cpu, insn));
        cpu.vmx.exit.instructionInformation = InstructionForms.table(insn, op).toLong();
        throw exit;
    }

    private static boolean rdpmc(Cpu cpu, Insn insn) {
        boolean allowed = cpu.cpl == 0 || (cpu.cr4 & ControlBits.CR4_PCE) != 0;
        if (allowed && cpu.vmx.on(PrimaryControl.RDPMC_EXITING)) {
            throw cpu.vmx.exit(insn, ExitReason.RDPMC, 0);
        }
        return false;
    }

    private static boolean invlpg(Cpu cpu, Insn insn) {
        if (!cpu.vmx.on(PrimaryControl.INVLPG_EXITING)) {
            return false;
        }
        long linear = cpu.effectiveAddress(insn) + cpu.get64(Cpu.SEGMENT_BASES + 8 * insn.segment);
        throw cpu.vmx.exit(
                insn, ExitReason.INVLPG, cpu.isLongMode64() ? linear : linear & 0xFFFF_FFFFL);
    }

    private static boolean invpcid(Cpu cpu, Insn insn) {
        if (!cpu.vmx.on(SecondaryControl.ENABLE_INVPCID)) {
            throw cpu.undefined();
        }
        if (!cpu.features.has(Cpuid.INVPCID) || !cpu.vmx.on(PrimaryControl.INVLPG_EXITING)) {
            return false;
        }
        var exit = cpu.vmx.exit(insn, ExitReason.INVPCID, InstructionForms.displacement(cpu, insn));
        cpu.vmx.exit.instructionInformation = InstructionForms.memory(insn, insn.reg).toLong();
        throw exit;
    }

    private static boolean mwait(Cpu cpu, Insn insn) {
        if (cpu.vmx.on(PrimaryControl.MWAIT_EXITING)) {
            throw cpu.vmx.exit(insn, ExitReason.MWAIT, cpu.monitored.isArmed() ? 1 : 0);
        }
        boolean masked =
                (cpu.get64(Cpu.RCX) & 1) != 0 && (cpu.get64(Cpu.FLAGS_REST) & RFlags.IF) == 0;
        boolean due =
                cpu.vmx.on(PrimaryControl.INTERRUPT_WINDOW_EXITING)
                        || cpu.vmx.apic.isInterruptRecognized();
        if (masked && due) {
            // It goes on at once.
            cpu.monitored.disarm();
        }
        return false;
    }

    private static void requireUserWaits(Cpu cpu) {
        if (!cpu.vmx.on(SecondaryControl.ENABLE_USER_WAIT_AND_PAUSE)) {
            throw cpu.undefined();
        }
    }

    private static boolean userMonitor(Cpu cpu, Insn insn) {
        requireUserWaits(cpu);
        return false;
    }

    private static boolean userWait(Cpu cpu, Insn insn, ExitReason reason) {
        requireUserWaits(cpu);
        boolean refused = cpu.cpl != 0 && (cpu.cr4 & ControlBits.CR4_TSD) != 0;
        if (refused || !cpu.vmx.on(PrimaryControl.RDTSC_EXITING)) {
            return false;
        }
        var exit = cpu.vmx.exit(insn, reason, 0);
        cpu.vmx.exit.instructionInformation = InstructionForms.destination(insn).toLong();
        throw exit;
    }

    /// It exits at every privilege level, if it isn't undefined.
    private static boolean getsec(Cpu cpu, Insn insn) {
        if ((cpu.cr4 & ControlBits.CR4_SMXE) == 0) {
            return false;
        }
        throw cpu.vmx.exit(insn, ExitReason.GETSEC, 0);
    }

    private static boolean xsetbv(Cpu cpu, Insn insn) {
        if ((cpu.cr4 & ControlBits.CR4_OSXSAVE) == 0 || cpu.cpl != 0) {
            return false;
        }
        throw cpu.vmx.exit(insn, ExitReason.XSETBV, 0);
    }

    /// An instruction with a locked access. One that crosses cache lines takes the bus lock. SDM
    /// Vol. 3A, "Bus Locking". All memory counts as write-back memory, so that others don't.
    private static final class Locked extends Handler {
        private static final int LINE = 64;

        private final Handler usual;

        Locked(Handler usual) {
            this.usual = usual;
        }

        @Override
        public void execute(Cpu cpu, Insn insn) {
            if (!cpu.vmx.on(SecondaryControl.VMM_BUS_LOCK_DETECTION)) {
                usual.execute(cpu, insn);
                return;
            }
            long linear = linear(cpu, insn);
            boolean split = (linear & LINE - 1) + width(insn) > LINE;
            if (split) {
                // The VM exit comes before the next instruction.
                cpu.requireAlone();
            }
            usual.execute(cpu, insn);
            if (split) {
                cpu.vmx.events.busLocked();
            }
        }

        private static long linear(Cpu cpu, Insn insn) {
            long base = cpu.get64(Cpu.SEGMENT_BASES + 8 * insn.segment);
            long linear = cpu.effectiveAddress(insn) + base;
            return cpu.isLongMode64() ? linear : linear & 0xFFFF_FFFFL;
        }

        private static int width(Insn insn) {
            return insn.row.op() == Alu.CMPXCHG8B ? 2 * Math.max(insn.operandSize, 4) : insn.width;
        }
    }

    /// IRET, which ends blocking by NMI, or virtual-NMI blocking, or neither. SDM Vol. 3C, "IRET"
    /// in "Changes to Instruction Behavior in VMX Non-Root Operation".
    private static final class Returning extends Handler {
        private final Handler usual;

        Returning(Handler usual) {
            this.usual = usual;
        }

        @Override
        public void execute(Cpu cpu, Insn insn) {
            boolean blocked = cpu.nmiBlocked;
            boolean keeps =
                    cpu.vmx.on(PinControl.NMI_EXITING) && !cpu.vmx.on(PinControl.VIRTUAL_NMIS);
            cpu.vmx.nmiUnblocked(blocked && !keeps);
            usual.execute(cpu, insn);
            cpu.vmx.nmiUnblocked(false);
            if (keeps) {
                cpu.nmiBlocked = blocked;
            }
        }
    }
}
