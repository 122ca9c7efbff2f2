package nestbox.cpu.integer;

import nestbox.cpu.control.VirtualMode;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.core.Specializer;
import nestbox.x86.Cpuid;
import nestbox.x86.Move;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

import java.lang.invoke.MethodHandles;
import java.util.EnumMap;
import java.util.Map;

/// Handlers of the data movement family.
public final class Moves {
    private static final Map<Move, Handler> RARE = new EnumMap<>(Move.class);

    private Moves() {}

    public static Handler of(Move op, Insn insn) {
        return switch (op) {
            case MOV -> move(insn, insn.width, false);
            case MOVZX -> move(insn, insn.sourceWidth, false);
            case MOVSX, MOVSXD -> move(insn, insn.sourceWidth, true);
            case CMOV -> condition(ConditionTemplate.MOVE, insn);
            case SETCC -> condition(ConditionTemplate.SET, insn);
            case PUSH -> push(insn);
            case POP -> pop(insn);
            case LEA -> copy(LeaTemplate.class, new LeaTemplate.Parameters(insn.width));
            case XCHG -> insn.opcode == 0x90 && insn.destination == Cpu.RAX ? NOP : XCHG;
            case NOP, PREFETCH, FENCE -> NOP;
            default -> RARE.computeIfAbsent(op, rare -> Handler.of(semantic(rare)));
        };
    }

    private static final Handler NOP = Handler.of((cpu, insn) -> {});
    private static final Handler XCHG = Handler.of(Moves::xchg);

    private static Semantic semantic(Move op) {
        return switch (op) {
            case MOVBE -> Moves::movbe;
            case CBW -> Moves::cbw;
            case CWD -> Moves::cwd;
            case XLAT -> Moves::xlat;
            case PUSHA -> Moves::pusha;
            case POPA -> Moves::popa;
            case ENTER -> Moves::enter;
            case LEAVE -> Moves::leave;
            case PUSHF -> Moves::pushf;
            case POPF -> Moves::popf;
            case LAHF -> (cpu, insn) -> cpu.set8(Cpu.RAX + 1, (int) cpu.statusFlags() & 0xFF | 2);
            case SAHF -> Moves::sahf;
            case MOV_FROM_SREG -> Moves::movFromSegment;
            case MOV_TO_SREG -> Moves::movToSegment;
            case PUSH_SREG -> Moves::pushSegment;
            case POP_SREG -> Moves::popSegment;
            case LOAD_FAR -> Moves::loadFar;
            case BOUND -> Moves::bound;
            case ARPL -> Moves::arpl;
            case MOV,
                    MOVZX,
                    MOVSX,
                    MOVSXD,
                    LEA,
                    XCHG,
                    CMOV,
                    SETCC,
                    PUSH,
                    POP,
                    NOP,
                    PREFETCH,
                    FENCE ->
                    throw new AssertionError(op + " has a handler of its own");
        };
    }

    private static Handler copy(Class<? extends Handler> template, Object parameters) {
        return Specializer.copy(MethodHandles.lookup(), template, parameters);
    }

    private static Handler move(Insn insn, int sourceWidth, boolean signExtends) {
        return copy(
                MoveTemplate.class,
                new MoveTemplate.Parameters(
                        Form.of(insn),
                        insn.width,
                        sourceWidth,
                        signExtends,
                        Operands.isPlain(insn)));
    }

    /// Jcc, SETcc, CMOVcc.
    private static Handler condition(int use, Insn insn) {
        return copy(ConditionTemplate.class, ConditionTemplate.Parameters.of(use, insn));
    }

    public static Handler jump(Insn insn) {
        return copy(ConditionTemplate.class, ConditionTemplate.Parameters.jump(insn.opcode & 0xF));
    }

    /// Near CALL and RET in 64-bit mode.
    public static Handler callOrReturn(boolean call) {
        int use = call ? StackTemplate.CALL : StackTemplate.RET;
        return copy(StackTemplate.class, new StackTemplate.Parameters(use));
    }

    // Stack

    private static Handler push(Insn insn) {
        Operand operand = insn.row.operands().get(0);
        if (operand == Operand.Zv && insn.codeSize == 8 && insn.width == 8) {
            return copy(StackTemplate.class, new StackTemplate.Parameters(StackTemplate.PUSH));
        }
        return operand.place() == Operand.Place.IMMEDIATE ? PUSH_IMMEDIATE : PUSH;
    }

    private static final Handler PUSH =
            Handler.of(
                    (cpu, insn) ->
                            cpu.push(
                                    insn.operandSize,
                                    cpu.loadRm(insn, insn.destination, insn.operandSize)));
    private static final Handler PUSH_IMMEDIATE =
            Handler.of((cpu, insn) -> cpu.push(insn.operandSize, insn.immediate));

    private static Handler pop(Insn insn) {
        Operand operand = insn.row.operands().get(0);
        if (operand == Operand.Zv && insn.codeSize == 8 && insn.width == 8) {
            return copy(StackTemplate.class, new StackTemplate.Parameters(StackTemplate.POP));
        }
        return POP;
    }

    private static final Handler POP = Handler.of(Moves::pop);

    /// RSP as base of the destination is used after the increment. SDM Vol. 2B, "POP".
    private static void pop(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long stack = cpu.get64(Cpu.RSP);
        long value = cpu.pop(width);
        if (!insn.isMemory) {
            cpu.set(insn.destination, width, value);
            return;
        }
        try {
            cpu.store(insn, width, value);
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
    }

    private static void pusha(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long stack = cpu.get64(Cpu.RSP);
        try {
            for (int register = 0; register < 8; register++) {
                long value = register == 4 ? stack : cpu.get64(8 * register);
                cpu.push(width, value);
            }
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
    }

    private static void popa(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long stack = cpu.get64(Cpu.RSP);
        long[] values = new long[8];
        try {
            for (int register = 7; register >= 0; register--) {
                values[register] = cpu.pop(width);
            }
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
        for (int register = 0; register < 8; register++) {
            if (register != 4) {
                cpu.set(8 * register, width, values[register]);
            }
        }
    }

    private static void enter(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        int level = insn.immediate2 & 31;
        long stack = cpu.get64(Cpu.RSP);
        long frame = cpu.get64(Cpu.RBP);
        try {
            cpu.push(width, frame);
            long top = cpu.get64(Cpu.RSP);
            long from = frame;
            for (int i = 1; i < level; i++) {
                from -= width;
                long linear = cpu.stackLinear(from, width, false);
                cpu.push(width, cpu.read(Insn.SS, linear, width));
            }
            if (level > 0) {
                cpu.push(width, top);
            }
            long last = cpu.get64(Cpu.RSP) - insn.immediate;
            // The new top of stack must be writable, though nothing is written there.
            cpu.checkWritable(Insn.SS, cpu.stackLinear(last, width, true), width);
            cpu.set(Cpu.RBP, width, top);
            cpu.rsp(last);
        } catch (GuestFault fault) {
            cpu.set64(Cpu.RSP, stack);
            throw fault;
        }
    }

    private static void leave(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long frame = cpu.get64(Cpu.RBP);
        long value = cpu.read(Insn.SS, cpu.stackLinear(frame, width, false), width);
        cpu.rsp(frame + width);
        cpu.set(Cpu.RBP, width, value);
    }

    private static void pushf(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        if (cpu.isVirtual8086() && cpu.iopl() < 3) {
            if (!VirtualMode.usesVirtualInterruptFlag(cpu) || width != 2) {
                throw cpu.generalProtection();
            }
            cpu.push(2, VirtualMode.pushedFlags16(cpu));
            return;
        }
        cpu.push(width, cpu.rflags() & ~(RFlags.RF | RFlags.VM));
    }

    private static void popf(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long stack = cpu.get64(Cpu.RSP);
        if (cpu.isVirtual8086() && cpu.iopl() < 3) {
            if (!VirtualMode.usesVirtualInterruptFlag(cpu) || width != 2) {
                throw cpu.generalProtection();
            }
            long popped = cpu.pop(2);
            try {
                VirtualMode.setFlags16(cpu, popped);
            } catch (GuestFault fault) {
                cpu.set64(Cpu.RSP, stack);
                throw fault;
            }
            return;
        }
        long mask = RFlags.STATUS | RFlags.TF | RFlags.DF | RFlags.NT;
        if (width > 2) {
            mask |= RFlags.AC | RFlags.ID;
        }
        if (!cpu.isProtected() || cpu.cpl <= cpu.iopl()) {
            mask |= RFlags.IF;
        }
        if (cpu.cpl == 0) {
            mask |= RFlags.IOPL;
        }
        long popped = cpu.pop(width);
        cpu.rflags(cpu.rflags() & ~(mask | RFlags.RF) | popped & mask);
    }

    private static void sahf(Cpu cpu, Insn insn) {
        long low = RFlags.SF | RFlags.ZF | RFlags.AF | RFlags.PF | RFlags.CF;
        cpu.statusFlags(cpu.statusFlags() & ~low | cpu.get8(Cpu.RAX + 1) & low);
    }

    // Data

    private static void xchg(Cpu cpu, Insn insn) {
        int width = insn.width;
        long mine = cpu.get(insn.source, width);
        if (insn.isMemory) {
            long linear = cpu.linear(insn, width, true);
            long theirs = cpu.readForWrite(insn.segment, linear, width);
            cpu.write(insn.segment, linear, width, mine);
            cpu.set(insn.source, width, theirs);
            return;
        }
        cpu.set(insn.source, width, cpu.get(insn.destination, width));
        cpu.set(insn.destination, width, mine);
    }

    private static void movbe(Cpu cpu, Insn insn) {
        if (!cpu.features.has(Cpuid.MOVBE)) {
            throw cpu.undefined();
        }
        int width = insn.operandSize;
        boolean loads = insn.row.operands().get(0) == Operand.Gv;
        if (loads) {
            cpu.set(insn.destination, width, reversed(cpu.load(insn, width), width));
        } else {
            cpu.store(insn, width, reversed(cpu.get(insn.source, width), width));
        }
    }

    private static long reversed(long value, int width) {
        return Long.reverseBytes(value) >>> 64 - 8 * width;
    }

    private static void cbw(Cpu cpu, Insn insn) {
        int half = insn.operandSize / 2;
        cpu.set(Cpu.RAX, insn.operandSize, Arithmetic.signed(cpu.get(Cpu.RAX, half), half));
    }

    private static void cwd(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        cpu.set(Cpu.RDX, width, Arithmetic.signed(cpu.get(Cpu.RAX, width), width) >> 63);
    }

    private static void xlat(Cpu cpu, Insn insn) {
        long offset = cpu.get64(Cpu.RBX) + cpu.get8(Cpu.RAX) & insn.addressMask;
        long linear = cpu.linear(insn.segment, insn.flat, offset, 1, false);
        cpu.set8(Cpu.RAX, cpu.read8(insn.segment, linear));
    }

    // Segment registers

    private static void movFromSegment(Cpu cpu, Insn insn) {
        int number = insn.reg & 7; // REX.R is ignored.
        if (number >= 6) {
            throw cpu.undefined();
        }
        int selector = cpu.segments[number].selector;
        if (insn.isMemory) {
            cpu.store(insn, 2, selector);
        } else {
            cpu.set(insn.destination, insn.operandSize, selector);
        }
    }

    private static void movToSegment(Cpu cpu, Insn insn) {
        int number = insn.reg & 7; // REX.R is ignored.
        if (number == Insn.CS || number >= 6) {
            throw cpu.undefined();
        }
        int selector = (int) cpu.loadRm(insn, insn.source, 2);
        cpu.segmentation.load(number, selector);
        afterLoad(cpu, number);
    }

    /// A load of SS holds back interrupts and debug exceptions for one instruction. SDM Vol. 3A,
    /// "Masking Exceptions and Interrupts When Switching Stacks".
    private static void afterLoad(Cpu cpu, int number) {
        if (number == Insn.SS) {
            cpu.blockedByMovSs = true;
            cpu.attention();
        }
    }

    private static int segmentOf(Insn insn) {
        return switch (insn.row.operands().get(0)) {
            case ES -> Insn.ES;
            case CS -> Insn.CS;
            case SS -> Insn.SS;
            case DS -> Insn.DS;
            case FS -> Insn.FS;
            default -> Insn.GS;
        };
    }

    /// With 32-bit operands recent processors write only the selector's word.
    private static void pushSegment(Cpu cpu, Insn insn) {
        int selector = cpu.segments[segmentOf(insn)].selector;
        int width = insn.operandSize;
        if (width == 4) {
            long top = cpu.get64(Cpu.RSP) - 4;
            cpu.write16(Insn.SS, cpu.stackLinear(top, 2, true), selector);
            cpu.rsp(top);
        } else {
            cpu.push(width, selector);
        }
    }

    private static void popSegment(Cpu cpu, Insn insn) {
        int number = segmentOf(insn);
        int width = insn.operandSize;
        long top = cpu.get64(Cpu.RSP);
        int selector = cpu.read16(Insn.SS, cpu.stackLinear(top, 2, false));
        // The old stack's width counts, also when SS is loaded.
        long mask = cpu.stackMask;
        cpu.segmentation.load(number, selector);
        if (mask == 0xFFFF) {
            cpu.set16(Cpu.RSP, (int) top + width);
        } else {
            cpu.set64(Cpu.RSP, top + width & mask);
        }
        afterLoad(cpu, number);
    }

    private static void loadFar(Cpu cpu, Insn insn) {
        int number =
                switch (insn.opcode) {
                    case 0xC4 -> Insn.ES;
                    case 0xC5 -> Insn.DS;
                    case 0xB2 -> Insn.SS;
                    case 0xB4 -> Insn.FS;
                    default -> Insn.GS;
                };
        int width = insn.operandSize;
        long linear = cpu.linear(insn, width + 2, false);
        long offset = cpu.read(insn.segment, linear, width);
        int selector = cpu.read16(insn.segment, linear + width);
        cpu.segmentation.load(number, selector);
        cpu.set(insn.destination, width, offset);
        afterLoad(cpu, number);
    }

    private static void bound(Cpu cpu, Insn insn) {
        int width = insn.operandSize;
        long linear = cpu.linear(insn, 2 * width, false);
        long low = Arithmetic.signed(cpu.read(insn.segment, linear, width), width);
        long high = Arithmetic.signed(cpu.read(insn.segment, linear + width, width), width);
        long index = Arithmetic.signed(cpu.get(insn.destination, width), width);
        if (index < low || index > high) {
            throw cpu.fault(Vector.BR, 0);
        }
    }

    private static void arpl(Cpu cpu, Insn insn) {
        if (cpu.isRealOrVirtual()) {
            throw cpu.undefined();
        }
        int wanted = cpu.get16(insn.source) & 3;
        long flags = cpu.statusFlags();
        long linear = insn.isMemory ? cpu.linear(insn, 2, true) : 0;
        long value =
                insn.isMemory
                        ? cpu.readForWrite(insn.segment, linear, 2)
                        : cpu.get16(insn.destination);
        boolean adjusts = (value & 3) < wanted;
        long adjusted = adjusts ? value & ~3 | wanted : value;
        if (insn.isMemory) {
            cpu.write(insn.segment, linear, 2, adjusted);
        } else {
            cpu.set16(insn.destination, (int) adjusted);
        }
        cpu.statusFlags(adjusts ? flags | RFlags.ZF : flags & ~RFlags.ZF);
    }
}
