package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Handler;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.Shift;

import java.util.HashMap;
import java.util.Map;

/// Shifts and rotates. SDM Vol. 2B, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD".
///
/// A count of zero changes nothing, not even the flags. OF is defined for a count of one only and
/// is set by the same formula for all counts; AF is undefined and cleared.
public final class Shifts {
    private Shifts() {}

    /// A shift of a zero-extended value by a count that is already masked and not 0.
    private interface Operation {
        long apply(StateBlock state, long value, int count, int width);
    }

    public static Handler of(Shift op, Insn insn) {
        Operand count = insn.row.operands().get(insn.row.operands().size() - 1);
        UnaryTemplate.Operation operation =
                OPERATIONS.computeIfAbsent(new Key(op, count), Shifts::make);
        return AluOperations.unary(operation, insn);
    }

    private record Key(Shift op, Operand count) {}

    private static final Map<Key, UnaryTemplate.Operation> OPERATIONS = new HashMap<>();

    private static UnaryTemplate.Operation make(Key key) {
        return switch (key.op) {
            case ROL -> by(Shifts::rol, key.count);
            case ROR -> by(Shifts::ror, key.count);
            case RCL -> by(Shifts::rcl, key.count);
            case RCR -> by(Shifts::rcr, key.count);
            case SHL, SAL -> by(Shifts::shl, key.count);
            case SHR -> by(Shifts::shr, key.count);
            case SAR -> by(Shifts::sar, key.count);
            case SHLD -> shiftDouble(Shifts::shld, key.count);
            case SHRD -> shiftDouble(Shifts::shrd, key.count);
        };
    }

    private static UnaryTemplate.Operation by(Operation operation, Operand by) {
        return switch (by) {
            case Ib ->
                    (cpu, insn, value, width) ->
                            shift(operation, cpu, value, (int) insn.immediate, width);
            case CL ->
                    (cpu, insn, value, width) ->
                            shift(operation, cpu, value, cpu.get8(Cpu.RCX), width);
            default -> (cpu, insn, value, width) -> operation.apply(cpu, value, 1, width);
        };
    }

    private static long shift(Operation operation, Cpu cpu, long value, int by, int width) {
        int count = by & (width == 8 ? 63 : 31);
        return count == 0 ? value : operation.apply(cpu, value, count, width);
    }

    private static boolean top(long value, int width) {
        return (value >>> 8 * width - 1 & 1) != 0;
    }

    static long shl(StateBlock state, long value, int count, int width) {
        int bits = 8 * width;
        long result = count >= 64 ? 0 : value << count;
        boolean carry = count <= bits && (value >>> bits - count & 1) != 0;
        state.flagsOfResult(result, width, carry, carry != top(result, width), false);
        return result;
    }

    static long shr(StateBlock state, long value, int count, int width) {
        long result = value >>> count;
        boolean carry = (value >>> count - 1 & 1) != 0;
        state.flagsOfResult(result, width, carry, top(value, width), false);
        return result;
    }

    static long sar(StateBlock state, long value, int count, int width) {
        long signed = Arithmetic.signed(value, width);
        long result = signed >> count;
        state.flagsOfResult(result, width, (signed >> count - 1 & 1) != 0, false, false);
        return result;
    }

    /// Rotates change CF and OF only.
    private static long rotated(StateBlock state, long result, boolean carry, boolean overflow) {
        long kept = state.statusFlags() & ~(RFlags.CF | RFlags.OF);
        state.statusFlags(kept | (carry ? RFlags.CF : 0) | (overflow ? RFlags.OF : 0));
        return result;
    }

    static long rol(StateBlock state, long value, int count, int width) {
        int bits = 8 * width;
        int by = count & bits - 1;
        long result =
                by == 0 ? value : Arithmetic.unsigned(value << by | value >>> bits - by, width);
        boolean carry = (result & 1) != 0;
        return rotated(state, result, carry, carry != top(result, width));
    }

    static long ror(StateBlock state, long value, int count, int width) {
        int bits = 8 * width;
        int by = count & bits - 1;
        long result =
                by == 0 ? value : Arithmetic.unsigned(value >>> by | value << bits - by, width);
        boolean carry = top(result, width);
        boolean below = (result >>> bits - 2 & 1) != 0;
        return rotated(state, result, carry, carry != below);
    }

    static long rcl(StateBlock state, long value, int count, int width) {
        int bits = 8 * width;
        int by = count % (bits + 1);
        boolean carry = state.cf();
        long result = value;
        for (int i = 0; i < by; i++) {
            boolean out = top(result, width);
            result = Arithmetic.unsigned(result << 1 | (carry ? 1 : 0), width);
            carry = out;
        }
        return rotated(state, result, carry, carry != top(result, width));
    }

    static long rcr(StateBlock state, long value, int count, int width) {
        int bits = 8 * width;
        int by = count % (bits + 1);
        boolean carry = state.cf();
        long result = value;
        for (int i = 0; i < by; i++) {
            boolean out = (result & 1) != 0;
            result = result >>> 1 | (carry ? 1L << bits - 1 : 0);
            carry = out;
        }
        boolean below = (result >>> bits - 2 & 1) != 0;
        return rotated(state, result, carry, top(result, width) != below);
    }

    private interface DoubleOperation {
        long apply(StateBlock state, long value, long fill, int count, int width);
    }

    private static UnaryTemplate.Operation shiftDouble(DoubleOperation operation, Operand by) {
        return (cpu, insn, value, width) -> {
            int raw = by == Operand.Ib ? (int) insn.immediate : cpu.get8(Cpu.RCX);
            int count = raw & (width == 8 ? 63 : 31);
            long fill = cpu.get(insn.source, width);
            return count == 0 ? value : operation.apply(cpu, value, fill, count, width);
        };
    }

    /// For a count past the width the result is undefined; processors then shift the pattern
    /// destination:source:destination.
    static long shld(StateBlock state, long value, long fill, int count, int width) {
        int bits = 8 * width;
        long result;
        boolean carry;
        if (count <= bits) {
            result = count == bits ? fill : value << count | fill >>> bits - count;
            carry = (value >>> bits - count & 1) != 0;
        } else {
            int more = count - bits;
            result = fill << more | value >>> bits - more;
            carry = (fill >>> bits - more & 1) != 0;
        }
        result = Arithmetic.unsigned(result, width);
        state.flagsOfResult(result, width, carry, top(result, width) != top(value, width), false);
        return result;
    }

    static long shrd(StateBlock state, long value, long fill, int count, int width) {
        int bits = 8 * width;
        long result;
        boolean carry;
        if (count <= bits) {
            result = count == bits ? fill : value >>> count | fill << bits - count;
            carry = (value >>> count - 1 & 1) != 0;
        } else {
            int more = count - bits;
            result = fill >>> more | value << bits - more;
            carry = (fill >>> more - 1 & 1) != 0;
        }
        result = Arithmetic.unsigned(result, width);
        state.flagsOfResult(result, width, carry, top(result, width) != top(value, width), false);
        return result;
    }
}
