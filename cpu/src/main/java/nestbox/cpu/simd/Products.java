package nestbox.cpu.simd;

/// Packed multiplication, multiply-and-add and sums of differences on one 64-bit word.
public final class Products {
    private Products() {}

    private static long word(long a, int lane) {
        return (short) (a >>> 16 * lane);
    }

    private static long unsignedWord(long a, int lane) {
        return a >>> 16 * lane & 0xffff;
    }

    private static long words(long w0, long w1, long w2, long w3) {
        return w0 & 0xffff | (w1 & 0xffff) << 16 | (w2 & 0xffff) << 32 | w3 << 48;
    }

    private static long dwords(long low, long high) {
        return low & 0xffff_ffffL | high << 32;
    }

    public static long pmullw(long a, long b) {
        return words(
                word(a, 0) * word(b, 0),
                word(a, 1) * word(b, 1),
                word(a, 2) * word(b, 2),
                word(a, 3) * word(b, 3));
    }

    public static long pmulhw(long a, long b) {
        return words(
                word(a, 0) * word(b, 0) >> 16,
                word(a, 1) * word(b, 1) >> 16,
                word(a, 2) * word(b, 2) >> 16,
                word(a, 3) * word(b, 3) >> 16);
    }

    public static long pmulhuw(long a, long b) {
        return words(
                unsignedWord(a, 0) * unsignedWord(b, 0) >> 16,
                unsignedWord(a, 1) * unsignedWord(b, 1) >> 16,
                unsignedWord(a, 2) * unsignedWord(b, 2) >> 16,
                unsignedWord(a, 3) * unsignedWord(b, 3) >> 16);
    }

    public static long pmulhrsw(long a, long b) {
        return words(
                roundedHigh(word(a, 0) * word(b, 0)),
                roundedHigh(word(a, 1) * word(b, 1)),
                roundedHigh(word(a, 2) * word(b, 2)),
                roundedHigh(word(a, 3) * word(b, 3)));
    }

    private static long roundedHigh(long product) {
        return (product >> 14) + 1 >> 1;
    }

    public static long pmulld(long a, long b) {
        return dwords((int) a * (int) b, (a >>> 32) * (b >>> 32));
    }

    public static long pmuldq(long a, long b) {
        return (long) (int) a * (int) b;
    }

    public static long pmuludq(long a, long b) {
        return (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
    }

    /// The one sum that overflows, of four words 8000H, wraps to 80000000H.
    public static long pmaddwd(long a, long b) {
        return dwords(
                word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1),
                word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3));
    }

    /// Unsigned bytes of `a` times signed bytes of `b`, neighbours added with signed saturation.
    public static long pmaddubsw(long a, long b) {
        return words(
                pairOfBytes(a, b, 0),
                pairOfBytes(a, b, 16),
                pairOfBytes(a, b, 32),
                pairOfBytes(a, b, 48));
    }

    private static int pairOfBytes(long a, long b, int shift) {
        int x = (int) (a >>> shift);
        int y = (int) (b >>> shift);
        int sum = (x & 0xff) * (byte) y + (x >>> 8 & 0xff) * (byte) (y >>> 8);
        return Math.clamp(sum, Short.MIN_VALUE, Short.MAX_VALUE);
    }

    /// The sum of the eight absolute differences of unsigned bytes.
    public static long psadbw(long a, long b) {
        long differences =
                Lanes.subUnsigned(a, b, Lanes.BYTES) | Lanes.subUnsigned(b, a, Lanes.BYTES);
        long pairs =
                (differences & 0x00ff_00ff_00ff_00ffL)
                        + (differences >>> 8 & 0x00ff_00ff_00ff_00ffL);
        return pairs * 0x0001_0001_0001_0001L >>> 48;
    }
}
