package nestbox.cpu.integer;

import nestbox.cpu.control.FarTransfer;
import nestbox.cpu.control.FastCalls;
import nestbox.cpu.control.InterruptReturn;
import nestbox.cpu.control.VirtualMode;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.x86.Branch;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.InterruptionType;

/// Near branches, software interrupts and the flag instructions.
public final class Branches {
    private Branches() {}

    public static Semantic of(Branch op) {
        return switch (op) {
            case JMP -> (cpu, insn) -> relative(cpu, insn, insn.immediate);
            case JCC ->
                    (cpu, insn) ->
                            conditional(cpu, insn, cpu.condition(insn.opcode), insn.immediate);
            case CALL -> Branches::call;
            case RET -> Branches::ret;
            case LOOP, LOOPE, LOOPNE -> (cpu, insn) -> loop(cpu, insn, op);
            case JCXZ -> Branches::jumpIfCounterZero;
            case JMP_INDIRECT ->
                    (cpu, insn) -> {
                        long target = cpu.loadRm(insn, insn.destination, insn.operandSize);
                        near(cpu, insn, target);
                    };
            case CALL_INDIRECT -> Branches::callIndirect;
            case JMP_FAR ->
                    (cpu, insn) ->
                            FarTransfer.jump(
                                    cpu, insn.immediate2, insn.immediate, insn.operandSize, insn);
            case CALL_FAR ->
                    (cpu, insn) ->
                            FarTransfer.call(
                                    cpu, insn.immediate2, insn.immediate, insn.operandSize, insn);
            case JMP_FAR_INDIRECT -> (cpu, insn) -> farIndirect(cpu, insn, false);
            case CALL_FAR_INDIRECT -> (cpu, insn) -> farIndirect(cpu, insn, true);
            case RET_FAR ->
                    (cpu, insn) -> FarTransfer.ret(cpu, insn.operandSize, (int) insn.immediate);
            case IRET -> InterruptReturn::iret;
            case INT -> Branches::softwareInterrupt;
            case INT1 ->
                    (cpu, insn) ->
                            interrupt(
                                    cpu,
                                    insn,
                                    InterruptionType.PRIVILEGED_SOFTWARE_EXCEPTION,
                                    Vector.DB);
            case INT3 ->
                    (cpu, insn) ->
                            interrupt(cpu, insn, InterruptionType.SOFTWARE_EXCEPTION, Vector.BP);
            case INTO -> Branches::into;
            case UD ->
                    (cpu, insn) -> {
                        throw cpu.undefined();
                    };
            case CLC -> (cpu, insn) -> cpu.cf(false);
            case STC -> (cpu, insn) -> cpu.cf(true);
            case CMC -> (cpu, insn) -> cpu.cf(!cpu.cf());
            case CLD -> (cpu, insn) -> rest(cpu, RFlags.DF, false);
            case STD -> (cpu, insn) -> rest(cpu, RFlags.DF, true);
            case CLI -> Branches::cli;
            case STI -> Branches::sti;
            case HLT -> Branches::hlt;
            case SYSCALL -> FastCalls::syscall;
            case SYSRET -> FastCalls::sysret;
            case SYSENTER -> FastCalls::sysenter;
            case SYSEXIT -> FastCalls::sysexit;
        };
    }

    static void checkCanonical(Cpu cpu, long target) {
        if (target << 16 >> 16 != target) {
            throw cpu.generalProtection();
        }
    }

    /// Goes to a displacement from the next instruction.
    static void relative(Cpu cpu, Insn insn, long displacement) {
        long target = cpu.rip() + insn.end + displacement;
        if (insn.codeSize == 8) {
            checkCanonical(cpu, target);
            cpu.rip(target);
        } else {
            near(cpu, insn, target);
        }
    }

    /// Goes to a displacement from the next instruction, or else to that instruction, whatever the
    /// operand size makes of a target.
    static void conditional(Cpu cpu, Insn insn, boolean taken, long displacement) {
        if (insn.codeSize == 8) {
            relative(cpu, insn, taken ? displacement : 0);
        } else if (taken) {
            near(cpu, insn, next(cpu, insn) + displacement);
        } else {
            cpu.rip(next(cpu, insn) & 0xFFFF_FFFFL);
        }
    }

    private static long next(Cpu cpu, Insn insn) {
        return cpu.rip() + insn.end;
    }

    private static long truncate(Insn insn, long target) {
        return switch (insn.operandSize) {
            case 2 -> target & 0xFFFF;
            case 4 -> target & 0xFFFF_FFFFL;
            default -> target;
        };
    }

    private static long checked(Cpu cpu, Insn insn, long target) {
        long offset = truncate(insn, target);
        if (insn.codeSize == 8) {
            checkCanonical(cpu, offset);
        } else if (offset > cpu.segments[Insn.CS].limit) {
            throw cpu.generalProtection();
        }
        return offset;
    }

    private static void near(Cpu cpu, Insn insn, long target) {
        cpu.rip(checked(cpu, insn, target));
    }

    private static void call(Cpu cpu, Insn insn) {
        long next = next(cpu, insn);
        long target = checked(cpu, insn, next + insn.immediate);
        cpu.push(insn.operandSize, next);
        cpu.rip(target);
    }

    private static void callIndirect(Cpu cpu, Insn insn) {
        long target = checked(cpu, insn, cpu.loadRm(insn, insn.destination, insn.operandSize));
        cpu.push(insn.operandSize, next(cpu, insn));
        cpu.rip(target);
    }

    private static void ret(Cpu cpu, Insn insn) {
        long top = cpu.get64(Cpu.RSP);
        long linear = cpu.stackLinear(top, insn.operandSize, false);
        long target = checked(cpu, insn, cpu.read(Insn.SS, linear, insn.operandSize));
        cpu.rsp(top + insn.operandSize + insn.immediate);
        cpu.rip(target);
    }

    /// The counter has the width of the address-size attribute.
    private static long count(Cpu cpu, Insn insn) {
        return cpu.get64(Cpu.RCX) & insn.addressMask;
    }

    private static void loop(Cpu cpu, Insn insn, Branch op) {
        long count = count(cpu, insn) - 1 & insn.addressMask;
        boolean taken =
                count != 0
                        && switch (op) {
                            case LOOPE -> cpu.zf();
                            case LOOPNE -> !cpu.zf();
                            default -> true;
                        };
        conditional(cpu, insn, taken, insn.immediate);
        cpu.set(Cpu.RCX, insn.addressSize, count);
    }

    private static void jumpIfCounterZero(Cpu cpu, Insn insn) {
        conditional(cpu, insn, count(cpu, insn) == 0, insn.immediate);
    }

    private static void farIndirect(Cpu cpu, Insn insn, boolean call) {
        int width = insn.operandSize;
        long linear = cpu.linear(insn, width + 2, false);
        long offset = cpu.read(insn.segment, linear, width);
        int selector = cpu.read16(insn.segment, linear + width);
        if (call) {
            FarTransfer.call(cpu, selector, offset, width, insn);
        } else {
            FarTransfer.jump(cpu, selector, offset, width, insn);
        }
    }

    private static void interrupt(Cpu cpu, Insn insn, InterruptionType type, int vector) {
        cpu.delivery.softwareInterrupt(type, vector, insn);
    }

    private static void softwareInterrupt(Cpu cpu, Insn insn) {
        int vector = (int) insn.immediate & 0xFF;
        if (cpu.isVirtual8086() && cpu.iopl() < 3 && !VirtualMode.isRedirected(cpu, vector)) {
            throw cpu.generalProtection();
        }
        interrupt(cpu, insn, InterruptionType.SOFTWARE_INTERRUPT, vector);
    }

    private static void into(Cpu cpu, Insn insn) {
        if (cpu.of()) {
            interrupt(cpu, insn, InterruptionType.SOFTWARE_EXCEPTION, Vector.OF);
        } else {
            conditional(cpu, insn, false, 0);
        }
    }

    // Flags

    private static void rest(Cpu cpu, long flag, boolean set) {
        long flags = cpu.get64(Cpu.FLAGS_REST);
        cpu.set64(Cpu.FLAGS_REST, set ? flags | flag : flags & ~flag);
    }

    private static void cli(Cpu cpu, Insn insn) {
        if (cpu.isProtected() && cpu.cpl > cpu.iopl()) {
            if (!VirtualMode.usesVirtualInterruptFlag(cpu)) {
                throw cpu.generalProtection();
            }
            rest(cpu, RFlags.VIF, false);
            return;
        }
        rest(cpu, RFlags.IF, false);
    }

    private static void sti(Cpu cpu, Insn insn) {
        if (cpu.isProtected() && cpu.cpl > cpu.iopl()) {
            boolean pending = (cpu.get64(Cpu.FLAGS_REST) & RFlags.VIP) != 0;
            if (!VirtualMode.usesVirtualInterruptFlag(cpu) || pending) {
                throw cpu.generalProtection();
            }
            rest(cpu, RFlags.VIF, true);
            return;
        }
        if ((cpu.get64(Cpu.FLAGS_REST) & RFlags.IF) == 0) {
            rest(cpu, RFlags.IF, true);
            cpu.blockedBySti = true;
            cpu.attention();
        }
    }

    private static void hlt(Cpu cpu, Insn insn) {
        cpu.activity = Activity.HLT;
        cpu.attention();
    }
}
