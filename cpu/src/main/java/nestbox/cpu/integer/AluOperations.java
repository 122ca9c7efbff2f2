package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.core.Specializer;
import nestbox.x86.Alu;
import nestbox.x86.Cpuid;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

import java.lang.invoke.MethodHandles;
import java.util.EnumMap;
import java.util.Map;

/// Handlers of the arithmetic family.
public final class AluOperations {
    private static final Map<Alu, Handler> RARE = new EnumMap<>(Alu.class);

    private AluOperations() {}

    public static Handler of(Alu op, Insn insn) {
        return switch (op) {
            case ADD -> binary(Operations.ADD, insn, true);
            case OR -> binary(Operations.OR, insn, true);
            case ADC -> binary(Operations.ADC, insn, true);
            case SBB -> binary(Operations.SBB, insn, true);
            case AND -> binary(Operations.AND, insn, true);
            case SUB -> binary(Operations.SUB, insn, true);
            case XOR -> binary(Operations.XOR, insn, true);
            case CMP -> binary(Operations.SUB, insn, false);
            case TEST -> binary(Operations.AND, insn, false);
            case INC -> unary(INC, insn);
            case DEC -> unary(DEC, insn);
            case NOT -> unary(NOT, insn);
            case NEG -> unary(NEG, insn);
            case XADD -> unary(XADD, insn);
            case MUL -> multiply(MultiplyTemplate.WIDE_UNSIGNED, insn);
            case IMUL1 -> multiply(MultiplyTemplate.WIDE_SIGNED, insn);
            case IMUL ->
                    multiply(
                            insn.row.operands().size() == 3
                                    ? MultiplyTemplate.THREE_OPERANDS
                                    : MultiplyTemplate.TWO_OPERANDS,
                            insn);
            default -> RARE.computeIfAbsent(op, rare -> Handler.of(semantic(rare)));
        };
    }

    private static Semantic semantic(Alu op) {
        return switch (op) {
            case DIV -> Divide::div;
            case IDIV -> Divide::idiv;
            case CMPXCHG -> AluOperations::cmpxchg;
            case CMPXCHG8B -> AluOperations::cmpxchg8b;
            case DAA -> (cpu, insn) -> Decimal.daa(cpu);
            case DAS -> (cpu, insn) -> Decimal.das(cpu);
            case AAA -> (cpu, insn) -> Decimal.adjust(cpu, 1);
            case AAS -> (cpu, insn) -> Decimal.adjust(cpu, -1);
            case AAM -> Decimal::aam;
            case AAD -> Decimal::aad;
            case ADD,
                    OR,
                    ADC,
                    SBB,
                    AND,
                    SUB,
                    XOR,
                    CMP,
                    TEST,
                    INC,
                    DEC,
                    NOT,
                    NEG,
                    XADD,
                    MUL,
                    IMUL1,
                    IMUL ->
                    throw new AssertionError(op + " has a template");
        };
    }

    /// Gives a CMP or TEST the conditional jump behind it.
    public static void fuse(Insn compare, Insn jump) {
        boolean test = compare.row.op() == Alu.TEST;
        CompareJumpTemplate.Parameters parameters =
                new CompareJumpTemplate.Parameters(
                        test,
                        Form.of(compare),
                        compare.width,
                        Operands.isPlain(compare),
                        jump.opcode & 0xF);
        compare.handler =
                Specializer.copy(MethodHandles.lookup(), CompareJumpTemplate.class, parameters);
        compare.immediate2 = (int) jump.immediate;
        compare.operandSize = jump.operandSize;
        compare.end = jump.end;
    }

    /// One object for each operation, so that equal parameters name the same copy of the template.
    private static final class Operations {
        static final Arithmetic.Operation ADD = Arithmetic::add;
        static final Arithmetic.Operation ADC = Arithmetic::adc;
        static final Arithmetic.Operation SUB = Arithmetic::sub;
        static final Arithmetic.Operation SBB = Arithmetic::sbb;
        static final Arithmetic.Operation AND = Arithmetic::and;
        static final Arithmetic.Operation OR = Arithmetic::or;
        static final Arithmetic.Operation XOR = Arithmetic::xor;
    }

    private static final UnaryTemplate.Operation INC =
            (cpu, insn, value, width) -> Arithmetic.inc(cpu, value, width);
    private static final UnaryTemplate.Operation DEC =
            (cpu, insn, value, width) -> Arithmetic.dec(cpu, value, width);
    private static final UnaryTemplate.Operation NOT = (cpu, insn, value, width) -> ~value;
    private static final UnaryTemplate.Operation NEG =
            (cpu, insn, value, width) -> Arithmetic.neg(cpu, value, width);
    private static final UnaryTemplate.Operation XADD = AluOperations::xadd;

    private static Handler binary(Arithmetic.Operation operation, Insn insn, boolean stores) {
        return Specializer.copy(
                MethodHandles.lookup(),
                BinaryTemplate.class,
                new BinaryTemplate.Parameters(
                        operation, Form.of(insn), insn.width, Operands.isPlain(insn), stores));
    }

    private static Handler multiply(int use, Insn insn) {
        return Specializer.copy(
                MethodHandles.lookup(),
                MultiplyTemplate.class,
                MultiplyTemplate.Parameters.of(use, insn));
    }

    /// A handler that reads, changes and writes its first operand.
    static Handler unary(UnaryTemplate.Operation operation, Insn insn) {
        return Specializer.copy(
                MethodHandles.lookup(),
                UnaryTemplate.class,
                UnaryTemplate.Parameters.of(operation, insn));
    }

    private static long xadd(Cpu cpu, Insn insn, long old, int width) {
        long sum = Arithmetic.add(cpu, old, cpu.get(insn.source, width), width);
        cpu.set(insn.source, width, old);
        return sum;
    }

    /// The destination is written in any case. SDM Vol. 2A, "CMPXCHG".
    private static void cmpxchg(Cpu cpu, Insn insn) {
        int width = insn.width;
        long expected = cpu.get(Cpu.RAX, width);
        long linear = 0;
        long old;
        if (insn.isMemory) {
            linear = cpu.linear(insn, width, true);
            old = cpu.readForWrite(insn.segment, linear, width);
        } else {
            old = cpu.get(insn.destination, width);
        }
        Arithmetic.sub(cpu, expected, old, width);
        boolean equal = cpu.zf();
        long value = equal ? cpu.get(insn.source, width) : old;
        if (insn.isMemory) {
            cpu.write(insn.segment, linear, width, value);
        } else if (equal || width != 4) {
            cpu.set(insn.destination, width, value);
        }
        if (!equal) {
            cpu.set(Cpu.RAX, width, old);
        }
    }

    private static void cmpxchg8b(Cpu cpu, Insn insn) {
        if (insn.operandSize == 8) {
            cmpxchg16b(cpu, insn);
            return;
        }
        long linear = cpu.linear(insn, 8, true);
        long old = cpu.readForWrite(insn.segment, linear, 8);
        boolean equal = old == (cpu.get(Cpu.RDX, 4) << 32 | cpu.get(Cpu.RAX, 4));
        long desired = cpu.get(Cpu.RCX, 4) << 32 | cpu.get(Cpu.RBX, 4);
        cpu.write(insn.segment, linear, 8, equal ? desired : old);
        finishExchange(cpu, equal, 4, old, old >>> 32);
    }

    private static void cmpxchg16b(Cpu cpu, Insn insn) {
        if (!cpu.features.has(Cpuid.CMPXCHG16B)) {
            throw cpu.undefined();
        }
        long linear = cpu.linear(insn, 16, true);
        if ((linear & 15) != 0) {
            throw cpu.generalProtection();
        }
        cpu.checkWritable(insn.segment, linear, 16);
        long low = cpu.read(insn.segment, linear, 8);
        long high = cpu.read(insn.segment, linear + 8, 8);
        boolean equal = low == cpu.get64(Cpu.RAX) && high == cpu.get64(Cpu.RDX);
        cpu.write(insn.segment, linear, 8, equal ? cpu.get64(Cpu.RBX) : low);
        cpu.write(insn.segment, linear + 8, 8, equal ? cpu.get64(Cpu.RCX) : high);
        finishExchange(cpu, equal, 8, low, high);
    }

    /// ZF tells whether the comparison held; if not, RDX:RAX takes what was compared with.
    private static void finishExchange(Cpu cpu, boolean equal, int half, long low, long high) {
        long flags = cpu.statusFlags();
        cpu.statusFlags(equal ? flags | RFlags.ZF : flags & ~RFlags.ZF);
        if (!equal) {
            cpu.set(Cpu.RAX, half, low);
            cpu.set(Cpu.RDX, half, high);
        }
    }

    /// #DE.
    static RuntimeException divideError(Cpu cpu) {
        return cpu.fault(Vector.DE, 0);
    }
}
