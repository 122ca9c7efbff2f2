package nestbox.cpu.integer;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.core.StateBlock;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.Shift;

/// Shifts and rotates. SDM Vol. 2B, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD".
///
/// A count of zero changes nothing, not even the flags. OF is defined for a count of one only and
/// is set by the same formula for all counts; AF is undefined and cleared.
public final class Shifts {
    private Shifts() {}

    /// @param value zero-extended
    /// @param count already masked, not 0
    private interface Operation {
        long apply(StateBlock state, long value, int count, int width);
    }

    public static Semantic of(Shift op) {
        return switch (op) {
            case ROL -> by(Shifts::rol);
            case ROR -> by(Shifts::ror);
            case RCL -> by(Shifts::rcl);
            case RCR -> by(Shifts::rcr);
            case SHL, SAL -> by(Shifts::shl);
            case SHR -> by(Shifts::shr);
            case SAR -> by(Shifts::sar);
            case SHLD -> (cpu, insn) -> shiftDouble(cpu, insn, true);
            case SHRD -> (cpu, insn) -> shiftDouble(cpu, insn, false);
        };
    }

    private static Semantic by(Operation operation) {
        return (cpu, insn) -> {
            Operand by = insn.row.operands().get(1);
            long raw =
                    switch (by) {
                        case Ib -> insn.immediate;
                        case CL -> cpu.get8(Cpu.RCX);
                        default -> 1;
                    };
            int count = (int) raw & (insn.width == 8 ? 63 : 31);
            AluOperations.modify(
                    cpu,
                    insn,
                    (c, value, width) ->
                            count == 0 ? value : operation.apply(c, value, count, width));
        };
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

    private static void shiftDouble(Cpu cpu, Insn insn, boolean left) {
        boolean immediate = insn.row.operands().get(2) == Operand.Ib;
        long raw = immediate ? insn.immediate : cpu.get8(Cpu.RCX);
        int count = (int) raw & (insn.width == 8 ? 63 : 31);
        long fill = cpu.get(insn.source, insn.width);
        AluOperations.modify(
                cpu,
                insn,
                (c, value, width) ->
                        count == 0
                                ? value
                                : left
                                        ? shld(c, value, fill, count, width)
                                        : shrd(c, value, fill, count, width));
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
        state.flagsOfResult(
                result, width, carry, top(result, width) != top(value, width), false);
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
        state.flagsOfResult(
                result, width, carry, top(result, width) != top(value, width), false);
        return result;
    }
}
