package nestbox.cpu.fp;

/// The last step of every operation: brings a number to its format and finds overflow, underflow
/// and loss of precision.
///
/// Both units share it; they differ in the format and in what they do with the flags. Tininess is
/// detected after rounding. SDM Vol. 1, "Numeric Overflow Exception (#O)" and the two sections that
/// follow.
final class Rounder {
    private static final long TOP = Long.MIN_VALUE;

    // control
    int rounding;
    boolean overflowMasked = true;
    boolean underflowMasked = true;
    boolean flushToZero;

    // result: a significand with its integer bit on top, and a biased exponent
    long significand;
    int exponent;
    int flags;
    boolean roundedUp;
    private boolean inexact;

    /// Rounds a number other than zero.
    void round(Wide x, Format format) {
        flags = 0;
        int e = x.exponent;
        if (e < format.minExponent()) {
            roundTiny(x, format);
            return;
        }
        if (roundBits(x.negative, x.hi, x.lo, format.precision())) {
            e++;
        }
        if (inexact) {
            flags = FloatException.PRECISION;
        }
        exponent = e + format.bias();
        if (e > format.maxExponent()) {
            overflow(x.negative, format);
        }
    }

    private void overflow(boolean negative, Format format) {
        flags |= FloatException.OVERFLOW;
        if (!overflowMasked) {
            int adjustment = format.exponentAdjustment();
            exponent -= adjustment;
            if (adjustment != 0 && exponent >= format.topExponent()) {
                infinity(format);
            }
            return;
        }
        boolean away =
                switch (rounding) {
                    case RoundingControl.NEAREST -> true;
                    case RoundingControl.DOWN -> negative;
                    case RoundingControl.UP -> !negative;
                    default -> false;
                };
        if (away) {
            infinity(format);
        } else {
            flags |= FloatException.PRECISION;
            significand = -(1L << 64 - format.precision());
            exponent = format.topExponent() - 1;
            roundedUp = false;
        }
    }

    private void infinity(Format format) {
        flags |= FloatException.PRECISION;
        significand = TOP;
        exponent = format.topExponent();
        roundedUp = true;
    }

    private void roundTiny(Wide x, Format format) {
        boolean carry = roundBits(x.negative, x.hi, x.lo, format.precision());
        boolean tiny = !carry || x.exponent < format.minExponent() - 1;
        if (tiny && !underflowMasked) {
            flags = FloatException.UNDERFLOW | (inexact ? FloatException.PRECISION : 0);
            int adjustment = format.exponentAdjustment();
            exponent = x.exponent + (carry ? 1 : 0) + format.bias() + adjustment;
            if (adjustment != 0 && exponent <= 0) {
                zero();
            }
            return;
        }
        if (tiny && flushToZero) {
            flags = FloatException.UNDERFLOW;
            zero();
            return;
        }
        x.shiftRight(format.minExponent() - x.exponent);
        roundBits(x.negative, x.hi, x.lo, format.precision());
        exponent = significand < 0 ? 1 : 0;
        if (inexact) {
            flags = FloatException.PRECISION | (tiny ? FloatException.UNDERFLOW : 0);
        }
    }

    private void zero() {
        flags |= FloatException.PRECISION;
        significand = 0;
        exponent = 0;
        roundedUp = false;
    }

    /// Rounds the significand and tells whether it carried into the next power of two.
    private boolean roundBits(boolean negative, long hi, long lo, int precision) {
        long unit = 1L << 64 - precision;
        long kept = hi & -unit;
        long rest = precision == 64 ? lo : hi << precision | (lo != 0 ? 1 : 0);
        inexact = rest != 0;
        roundedUp = roundsUp(negative, (kept & unit) != 0, rest);
        significand = kept;
        if (!roundedUp) {
            return false;
        }
        significand = kept + unit;
        if (significand == 0) {
            significand = TOP;
            return true;
        }
        return false;
    }

    /// Whether the magnitude grows when `rest` / 2^64 of a unit is dropped.
    private boolean roundsUp(boolean negative, boolean odd, long rest) {
        return rest != 0
                && switch (rounding) {
                    case RoundingControl.NEAREST -> rest < 0 && (odd || rest != TOP);
                    case RoundingControl.DOWN -> negative;
                    case RoundingControl.UP -> !negative;
                    default -> false;
                };
    }

    /// The magnitude of a number with an exponent below 64, rounded to an integer.
    long toInteger(boolean negative, int unbiased, long normalized) {
        flags = 0;
        roundedUp = false;
        int distance = 63 - unbiased;
        if (distance == 0) {
            return normalized;
        }
        long kept = distance < 64 ? normalized >>> distance : 0;
        long rest = distance < 64 ? normalized << 64 - distance : distance == 64 ? normalized : 1;
        if (rest == 0) {
            return kept;
        }
        flags = FloatException.PRECISION;
        roundedUp = roundsUp(negative, (kept & 1) != 0, rest);
        return roundedUp ? kept + 1 : kept;
    }
}
