package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import java.util.function.LongBinaryOperator;

/// Applies an operation on 64-bit words to whole registers in [nestbox.platform.NativeSpace].
///
/// A register, or a copy of a memory operand, is named by its offset; its size is 8 (MMX), 16
/// (SSE) or more bytes. Wider registers are treated as a row of 128-bit ones, as the manual
/// does. Source and destination may be the same register.
public final class Packed {
    private Packed() {}

    static long load(long offset) {
        return SPACE.get(I64, offset);
    }

    static void store(long offset, long value) {
        SPACE.set(I64, offset, value);
    }

    /// `dst = op(dst, src)`, each 64-bit part alike: [Lanes] and [Products].
    public static void lanes(LongBinaryOperator op, long dst, long src, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            store(dst + i, op.applyAsLong(load(dst + i), load(src + i)));
        }
    }

    /// `dst = op(dst, count)`: [Shifts].
    public static void shift(LongBinaryOperator op, long dst, long count, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            store(dst + i, op.applyAsLong(load(dst + i), count));
        }
    }

    /// The destination yields the low half of the result and the source the high half: packs and
    /// horizontal arithmetic of [Pairs].
    public static void join(LongBinaryOperator op, long dst, long src, int bytes) {
        if (bytes == 8) {
            store(dst, op.applyAsLong(load(dst), load(src)));
            return;
        }
        for (int i = 0; i < bytes; i += 16) {
            long low = op.applyAsLong(load(dst + i), load(dst + i + 8));
            long high = op.applyAsLong(load(src + i), load(src + i + 8));
            store(dst + i, low);
            store(dst + i + 8, high);
        }
    }

    /// Interleaves the low halves of destination and source: PUNPCKLBW and its kin.
    public static void unpackLow(LongBinaryOperator interleave, long dst, long src, int bytes) {
        if (bytes == 8) {
            store(dst, interleave.applyAsLong(load(dst), load(src)));
            return;
        }
        for (int i = 0; i < bytes; i += 16) {
            unpack(interleave, dst + i, load(dst + i), load(src + i));
        }
    }

    /// Interleaves the high halves of destination and source: PUNPCKHBW and its kin.
    public static void unpackHigh(LongBinaryOperator interleave, long dst, long src, int bytes) {
        if (bytes == 8) {
            store(dst, interleave.applyAsLong(load(dst) >>> 32, load(src) >>> 32));
            return;
        }
        for (int i = 0; i < bytes; i += 16) {
            unpack(interleave, dst + i, load(dst + i + 8), load(src + i + 8));
        }
    }

    private static void unpack(LongBinaryOperator interleave, long dst, long a, long b) {
        store(dst, interleave.applyAsLong(a, b));
        store(dst + 8, interleave.applyAsLong(a >>> 32, b >>> 32));
    }

    public static void punpcklqdq(long dst, long src, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            store(dst + i + 8, load(src + i));
        }
    }

    public static void punpckhqdq(long dst, long src, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            long high = load(src + i + 8);
            store(dst + i, load(dst + i + 8));
            store(dst + i + 8, high);
        }
    }
}
