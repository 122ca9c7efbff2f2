package nestbox.cpu.fp;

/// Division of a 128-bit by a 64-bit unsigned number, which the JDK doesn't have.
final class Unsigned128 {
    private Unsigned128() {}

    /// The quotient; `hi` must be less than the divisor, whose top bit must be set.
    ///
    /// Schoolbook division with two digits of 32 bits (Knuth, TAOCP Vol. 2, 4.3.1, Algorithm D). A
    /// digit estimated from the divisor's upper half is at most two too large.
    static long divide(long hi, long lo, long divisor) {
        long upper = divisor >>> 32;
        long lower = divisor & 0xFFFF_FFFFL;
        long first = digit(hi, lo >>> 32, upper, lower);
        long rest = (hi << 32 | lo >>> 32) - first * divisor;
        long second = digit(rest, lo & 0xFFFF_FFFFL, upper, lower);
        return first << 32 | second;
    }

    private static long digit(long rest, long next, long upper, long lower) {
        long digit = Long.divideUnsigned(rest, upper);
        long over = rest - digit * upper;
        while (digit >>> 32 != 0 || Long.compareUnsigned(digit * lower, over << 32 | next) > 0) {
            digit--;
            over += upper;
            if (over >>> 32 != 0) {
                break;
            }
        }
        return digit;
    }
}
