package nestbox.cpu.integer;

import java.util.HashMap;
import java.util.Map;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.x86.Alu;
import nestbox.x86.Cpuid;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

/// Handlers of the arithmetic family.
public final class AluOperations {
    private static final Map<BinaryTemplate.Parameters, Handler> BINARY = new HashMap<>();

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
            case INC -> INC;
            case DEC -> DEC;
            case NOT -> NOT;
            case NEG -> NEG;
            case MUL -> Handler.of((cpu, i) -> Multiply.mul(cpu, i, false));
            case IMUL1 -> Handler.of((cpu, i) -> Multiply.mul(cpu, i, true));
            case IMUL -> Handler.of(Multiply::imul);
            case DIV -> Handler.of(Divide::div);
            case IDIV -> Handler.of(Divide::idiv);
            case XADD -> Handler.of(AluOperations::xadd);
            case CMPXCHG -> Handler.of(AluOperations::cmpxchg);
            case CMPXCHG8B -> Handler.of(AluOperations::cmpxchg8b);
            case DAA -> Handler.of((cpu, i) -> Decimal.daa(cpu));
            case DAS -> Handler.of((cpu, i) -> Decimal.das(cpu));
            case AAA -> Handler.of((cpu, i) -> Decimal.adjust(cpu, 1));
            case AAS -> Handler.of((cpu, i) -> Decimal.adjust(cpu, -1));
            case AAM -> Handler.of(Decimal::aam);
            case AAD -> Handler.of(Decimal::aad);
        };
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

    private static final Handler INC =
            unary((cpu, value, width) -> Arithmetic.inc(cpu, value, width));
    private static final Handler DEC =
            unary((cpu, value, width) -> Arithmetic.dec(cpu, value, width));
    private static final Handler NOT = unary((cpu, value, width) -> ~value);
    private static final Handler NEG =
            unary((cpu, value, width) -> Arithmetic.neg(cpu, value, width));

    private static synchronized Handler binary(
            Arithmetic.Operation operation, Insn insn, boolean stores) {
        return BINARY.computeIfAbsent(
                new BinaryTemplate.Parameters(operation, Form.of(insn), insn.width, stores),
                parameters -> Specializer.copy(BinaryTemplate.class, parameters));
    }

    /// An operation on one operand, which is read and written.
    @FunctionalInterface
    interface Unary {
        long apply(Cpu cpu, long value, int width);
    }

    private static Handler unary(Unary operation) {
        return Handler.of((cpu, insn) -> modify(cpu, insn, operation));
    }

    /// Reads, changes and writes the ModRM operand; the write's faults come before the change.
    static void modify(Cpu cpu, Insn insn, Unary operation) {
        int width = insn.width;
        if (!insn.isMemory) {
            long result = operation.apply(cpu, cpu.get(insn.destination, width), width);
            cpu.set(insn.destination, width, result);
            return;
        }
        long linear = cpu.linear(insn, width, true);
        long value = cpu.readForWrite(insn.segment, linear, width);
        long result = operation.apply(cpu, value, width);
        cpu.write(insn.segment, linear, width, Arithmetic.unsigned(result, width));
    }

    private static void xadd(Cpu cpu, Insn insn) {
        modify(
                cpu,
                insn,
                (c, old, w) -> {
                    long sum = Arithmetic.add(c, old, c.get(insn.source, w), w);
                    c.set(insn.source, w, old);
                    return sum;
                });
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
        boolean wide = insn.operandSize == 8;
        if (wide && !cpu.features.has(Cpuid.CMPXCHG16B)) {
            throw cpu.undefined();
        }
        int half = wide ? 8 : 4;
        long linear = cpu.linear(insn, 2 * half, true);
        if (wide && (linear & 15) != 0) {
            throw cpu.generalProtection();
        }
        cpu.checkWritable(insn.segment, linear, 2 * half);
        long low = cpu.read(insn.segment, linear, half);
        long high = cpu.read(insn.segment, linear + half, half);
        boolean equal = low == cpu.get(Cpu.RAX, half) && high == cpu.get(Cpu.RDX, half);
        long flags = cpu.statusFlags();
        cpu.write(insn.segment, linear, half, equal ? cpu.get(Cpu.RBX, half) : low);
        cpu.write(insn.segment, linear + half, half, equal ? cpu.get(Cpu.RCX, half) : high);
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
