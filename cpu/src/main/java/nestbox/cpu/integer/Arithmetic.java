package nestbox.cpu.integer;

import nestbox.cpu.core.StateBlock;

/// Addition, subtraction, logic and comparison: the flag formulas, once.
///
/// Operands may have anything above their width; so may results. SDM Vol. 2A, "ADD", "SUB" …
public final class Arithmetic {
    private Arithmetic() {}

    /// Two operands in, a result and flags out.
    @FunctionalInterface
    public interface Operation {
        /// @param width of the operands in bytes
        /// @return the result; anything above the width
        long apply(StateBlock state, long left, long right, int width);
    }

    public static long add(StateBlock state, long left, long right, int width) {
        long sum = left + right;
        state.flagsOfCarries(sum, left & right | (left | right) & ~sum, width);
        return sum;
    }

    public static long adc(StateBlock state, long left, long right, int width) {
        long sum = left + right + (state.cf() ? 1 : 0);
        state.flagsOfCarries(sum, left & right | (left | right) & ~sum, width);
        return sum;
    }

    public static long sub(StateBlock state, long left, long right, int width) {
        long difference = left - right;
        state.flagsOfCarries(difference, ~left & right | (~left | right) & difference, width);
        return difference;
    }

    public static long sbb(StateBlock state, long left, long right, int width) {
        long difference = left - right - (state.cf() ? 1 : 0);
        state.flagsOfCarries(difference, ~left & right | (~left | right) & difference, width);
        return difference;
    }

    public static long and(StateBlock state, long left, long right, int width) {
        long result = left & right;
        state.flagsOfLogic(result, width);
        return result;
    }

    public static long or(StateBlock state, long left, long right, int width) {
        long result = left | right;
        state.flagsOfLogic(result, width);
        return result;
    }

    public static long xor(StateBlock state, long left, long right, int width) {
        long result = left ^ right;
        state.flagsOfLogic(result, width);
        return result;
    }

    /// INC and DEC leave CF alone.
    public static long inc(StateBlock state, long value, int width) {
        boolean carry = state.cf();
        long result = add(state, value, 1, width);
        state.cf(carry);
        return result;
    }

    public static long dec(StateBlock state, long value, int width) {
        boolean carry = state.cf();
        long result = sub(state, value, 1, width);
        state.cf(carry);
        return result;
    }

    public static long neg(StateBlock state, long value, int width) {
        return sub(state, 0, value, width);
    }

    /// Sign-extends the low bytes.
    public static long signed(long value, int width) {
        int shift = 64 - 8 * width;
        return value << shift >> shift;
    }

    /// Zero-extends the low bytes.
    public static long unsigned(long value, int width) {
        int shift = 64 - 8 * width;
        return value << shift >>> shift;
    }
}
