package nestbox.cpu.simd;

/// Packed shifts by one common count, on one 64-bit word.
///
/// The count is a whole unsigned 64-bit operand: anything past the lane's width clears the lane,
/// or fills it with its sign.
public final class Shifts {
    private Shifts() {}

    private static long left(long a, long count, long signs) {
        int highest = Long.numberOfTrailingZeros(signs);
        if (Long.compareUnsigned(count, highest) > 0) {
            return 0;
        }
        long vacated = (signs >>> highest) * ((1L << count) - 1);
        return (a << count) & ~vacated;
    }

    private static long right(long a, long count, long signs) {
        int highest = Long.numberOfTrailingZeros(signs);
        if (Long.compareUnsigned(count, highest) > 0) {
            return 0;
        }
        return (a >>> count) & ~vacatedAbove(count, signs);
    }

    private static long rightSigned(long a, long count, long signs) {
        int highest = Long.numberOfTrailingZeros(signs);
        long bounded = Long.compareUnsigned(count, highest) > 0 ? highest : count;
        return Lanes.select(
                vacatedAbove(bounded, signs), Lanes.fill(a & signs, signs), a >>> bounded);
    }

    /// The highest `count` bits of every lane.
    private static long vacatedAbove(long count, long signs) {
        int highest = Long.numberOfTrailingZeros(signs);
        long bits = ((1L << count) - 1) << (highest + 1 - count);
        return (signs >>> highest) * bits;
    }

    public static long psllw(long a, long count) {
        return left(a, count, Lanes.WORDS);
    }

    public static long pslld(long a, long count) {
        return left(a, count, Lanes.DWORDS);
    }

    public static long psllq(long a, long count) {
        return left(a, count, Lanes.QWORD);
    }

    public static long psrlw(long a, long count) {
        return right(a, count, Lanes.WORDS);
    }

    public static long psrld(long a, long count) {
        return right(a, count, Lanes.DWORDS);
    }

    public static long psrlq(long a, long count) {
        return right(a, count, Lanes.QWORD);
    }

    public static long psraw(long a, long count) {
        return rightSigned(a, count, Lanes.WORDS);
    }

    public static long psrad(long a, long count) {
        return rightSigned(a, count, Lanes.DWORDS);
    }
}
