package nestbox.cpu.fp;

import java.math.BigInteger;

/// A number with a significand of 128 bits, in which results are formed before they are rounded.
///
/// Its value is `±(hi:lo / 2^127) * 2^exponent` with the top bit of `hi` set, or zero if `hi` is
/// zero. Bits that don't fit are ORed into the lowest one ("jamming"), so that sums, products,
/// quotients and roots of 64-bit significands round as the exact result would. Operations between
/// full 128-bit significands are good to about 2^-120, far more than transcendental instructions
/// need.
///
/// The alternative, double-double arithmetic, loses denormals and directed rounding.
final class Wide {
    private static final long TOP = Long.MIN_VALUE;

    boolean negative;
    int exponent;
    long hi;
    long lo;

    /// The exact fraction, rounded down to 128 bits.
    static Wide ratio(BigInteger numerator, BigInteger denominator) {
        int shift = 130 - (numerator.bitLength() - denominator.bitLength());
        BigInteger dividend = shift > 0 ? numerator.shiftLeft(shift) : numerator;
        BigInteger divisor = shift > 0 ? denominator : denominator.shiftLeft(-shift);
        BigInteger quotient = dividend.divide(divisor);
        int extra = quotient.bitLength() - 128;
        BigInteger top = quotient.shiftRight(extra);
        return of(127 + extra - shift, top.shiftRight(64).longValue(), top.longValue());
    }

    static Wide of(int exponent, long hi, long lo) {
        Wide w = new Wide();
        w.exponent = exponent;
        w.hi = hi;
        w.lo = lo;
        return w;
    }

    boolean isZero() {
        return hi == 0;
    }

    Wide set(Wide other) {
        negative = other.negative;
        exponent = other.exponent;
        hi = other.hi;
        lo = other.lo;
        return this;
    }

    /// Sets the value to `±(significand / 2^63) * 2^exponent`; the significand may have leading
    /// zeros.
    Wide set(boolean isNegative, int unscaledExponent, long significand) {
        int zeros = Long.numberOfLeadingZeros(significand);
        negative = isNegative;
        exponent = unscaledExponent - zeros;
        hi = significand << zeros; // zero stays zero: the shift by 64 is one by none
        lo = 0;
        return this;
    }

    Wide setInteger(long value) {
        return set(value < 0, 63, Math.abs(value));
    }

    Wide negate() {
        negative = !negative;
        return this;
    }

    /// Multiplies by a power of two.
    Wide scale(int power) {
        exponent += power;
        return this;
    }

    Wide add(Wide b) {
        if (b.hi == 0) {
            return this;
        }
        if (hi == 0) {
            return set(b);
        }
        int distance = exponent - b.exponent;
        boolean smaller = distance < 0 || distance == 0 && compareMagnitude(hi, lo, b.hi, b.lo) < 0;
        long bigHi = smaller ? b.hi : hi;
        long bigLo = smaller ? b.lo : lo;
        hi = smaller ? hi : b.hi;
        lo = smaller ? lo : b.lo;
        boolean same = negative == b.negative;
        if (smaller) {
            negative = b.negative;
            exponent = b.exponent;
        }
        shiftRight(Math.abs(distance));
        if (same) {
            addMagnitude(bigHi, bigLo);
        } else {
            subtractFrom(bigHi, bigLo);
        }
        return this;
    }

    private void addMagnitude(long bigHi, long bigLo) {
        long low = lo + bigLo;
        long carry = Long.compareUnsigned(low, bigLo) < 0 ? 1 : 0;
        long high = hi + bigHi + carry;
        // Both top bits can't be lost at once: hi + bigHi + carry < 2^65.
        boolean overflow =
                carry == 0
                        ? Long.compareUnsigned(high, bigHi) < 0
                        : Long.compareUnsigned(high, bigHi) <= 0;
        if (overflow) {
            low = low >>> 1 | high << 63 | low & 1;
            high = high >>> 1 | TOP;
            exponent++;
        }
        hi = high;
        lo = low;
    }

    private void subtractFrom(long bigHi, long bigLo) {
        long borrow = Long.compareUnsigned(bigLo, lo) < 0 ? 1 : 0;
        lo = bigLo - lo;
        hi = bigHi - hi - borrow;
        normalize();
    }

    private void normalize() {
        if (hi == 0) {
            hi = lo;
            lo = 0;
            exponent -= 64;
        }
        int zeros = Long.numberOfLeadingZeros(hi);
        if (zeros != 0 && hi != 0) {
            hi = hi << zeros | lo >>> 64 - zeros;
            lo <<= zeros;
            exponent -= zeros;
        }
    }

    /// Shifts the significand right, jamming; the exponent stays.
    void shiftRight(int distance) {
        if (distance == 0) {
            return;
        }
        if (distance < 64) {
            lo = hi << 64 - distance | lo >>> distance | jam(lo << 64 - distance);
            hi >>>= distance;
        } else if (distance == 64) {
            lo = hi | jam(lo);
            hi = 0;
        } else if (distance < 128) {
            lo = hi >>> distance - 64 | jam(hi << 128 - distance | lo);
            hi = 0;
        } else {
            lo = jam(hi | lo);
            hi = 0;
        }
    }

    private static long jam(long lost) {
        return lost != 0 ? 1 : 0;
    }

    private static int compareMagnitude(long aHi, long aLo, long bHi, long bLo) {
        int high = Long.compareUnsigned(aHi, bHi);
        return high != 0 ? high : Long.compareUnsigned(aLo, bLo);
    }

    /// Compares absolute values; neither may be zero.
    int compareMagnitude(Wide b) {
        int order = Integer.compare(exponent, b.exponent);
        return order != 0 ? order : compareMagnitude(hi, lo, b.hi, b.lo);
    }

    /// The exact product of two significands of 64 bits.
    Wide multiplyShort(Wide b) {
        long high = Math.unsignedMultiplyHigh(hi, b.hi);
        finishProduct(high, hi * b.hi, b);
        return this;
    }

    /// The product, short by less than 2^-125 of it.
    Wide multiply(Wide b) {
        if (hi == 0 || b.hi == 0) {
            hi = 0;
            lo = 0;
            return this;
        }
        long high = Math.unsignedMultiplyHigh(hi, b.hi);
        long low = hi * b.hi;
        long cross = Math.unsignedMultiplyHigh(hi, b.lo);
        low += cross;
        if (Long.compareUnsigned(low, cross) < 0) {
            high++;
        }
        cross = Math.unsignedMultiplyHigh(lo, b.hi);
        low += cross;
        if (Long.compareUnsigned(low, cross) < 0) {
            high++;
        }
        finishProduct(high, low, b);
        return this;
    }

    private void finishProduct(long high, long low, Wide b) {
        exponent += b.exponent;
        if (high < 0) {
            exponent++;
            hi = high;
            lo = low;
        } else {
            hi = high << 1 | low >>> 63;
            lo = low << 1;
        }
        negative ^= b.negative;
    }

    /// The quotient of two significands of 64 bits: 64 exact bits, the next one, and whether
    /// anything is left.
    Wide divideShort(Wide b) {
        long divisor = b.hi;
        boolean less = Long.compareUnsigned(hi, divisor) < 0;
        long dividendHi = less ? hi : hi >>> 1;
        long dividendLo = less ? 0 : hi << 63;
        long quotient = Unsigned128.divide(dividendHi, dividendLo, divisor);
        long rest = dividendLo - quotient * divisor;
        exponent = exponent - b.exponent - (less ? 1 : 0);
        negative ^= b.negative;
        hi = quotient;
        if (rest == 0) {
            lo = 0;
        } else {
            int half = rest < 0 ? 1 : Long.compareUnsigned(rest << 1, divisor);
            lo = half > 0 ? TOP | 1 : half == 0 ? TOP : 1;
        }
        return this;
    }

    /// The quotient of full significands, good to about 2^-120; `scratch` is overwritten.
    Wide divide(Wide b, Wide scratch) {
        if (hi == 0) {
            return this;
        }
        long dividendHi = hi;
        long dividendLo = lo;
        int dividendExponent = exponent;
        boolean dividendNegative = negative;
        divideShort(b);
        lo = 0;
        // The error of the first quotient is (dividend - quotient * divisor) / divisor.
        scratch.set(this).multiply(b).negate();
        long quotient = hi;
        int quotientExponent = exponent;
        boolean quotientNegative = negative;
        negative = dividendNegative;
        exponent = dividendExponent;
        hi = dividendHi;
        lo = dividendLo;
        add(scratch);
        if (hi != 0) {
            divideShort(b);
        }
        scratch.set(quotientNegative, quotientExponent, quotient);
        return add(scratch);
    }

    /// The square root of a significand of 64 bits: 64 exact bits, the next one, and whether
    /// anything is left. A positive number is assumed.
    ///
    /// The hardware root of a `double` is right to 52 bits; its remainder, divided by twice the
    /// root, gives the other bits to within one.
    Wide squareRootShort() {
        boolean odd = (exponent & 1) != 0;
        long nHi = odd ? hi : hi >>> 1;
        long nLo = odd ? 0 : hi << 63;
        double estimate = Math.sqrt((nHi >>> 1) * 0x1p65);
        long root = estimate >= 0x1p64 ? -1L : (long) (estimate * 0.5) << 1;
        if (root >= 0) {
            root = TOP;
        }
        long restLo = nLo - root * root;
        long restHi = nHi - Math.unsignedMultiplyHigh(root, root) - borrow(nLo, root * root);
        double rest = restHi * 0x1p64 + ((restLo >>> 1) * 2.0);
        long correction = (long) Math.floor(rest / (2 * estimate));
        long corrected = root + correction;
        if (correction > 0 && corrected >= 0) {
            corrected = -1L;
        } else if (correction < 0 && corrected >= 0) {
            corrected = TOP;
        }
        root = corrected;
        restLo = nLo - root * root;
        restHi = nHi - Math.unsignedMultiplyHigh(root, root) - borrow(nLo, root * root);
        while (restHi < 0) { // root too large: (r-1)^2 = r^2 - 2r + 1
            root--;
            long step = root << 1 | 1;
            long sum = restLo + step;
            restHi += (root >>> 63) + (Long.compareUnsigned(sum, step) < 0 ? 1 : 0);
            restLo = sum;
        }
        while (exceedsTwice(restHi, restLo, root)) {
            long step = root << 1 | 1;
            restHi -= (root >>> 63) + borrow(restLo, step);
            restLo -= step;
            root++;
        }
        exponent >>= 1;
        hi = root;
        boolean aboveHalf = restHi > 0 || Long.compareUnsigned(restLo, root) > 0;
        lo = (restHi | restLo) == 0 ? 0 : aboveHalf ? TOP | 1 : 1;
        return this;
    }

    private static long borrow(long a, long b) {
        return Long.compareUnsigned(a, b) < 0 ? 1 : 0;
    }

    private static boolean exceedsTwice(long restHi, long restLo, long root) {
        long twiceHi = root >>> 63;
        return restHi > twiceHi || restHi == twiceHi && Long.compareUnsigned(restLo, root << 1) > 0;
    }
}
