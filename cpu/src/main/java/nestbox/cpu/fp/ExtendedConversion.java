package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.INVALID;

/// Loads and stores of the x87 unit: between the double extended format and integers, the shorter
/// formats, and packed decimals.
///
/// A load leaves its result in the [ExtendedUnit]; a store returns the bits and leaves the flags
/// there. For stores to binary32 and binary64, [#storeSuppressed()] adds overflow and underflow to
/// the unmasked exceptions after which memory keeps what it holds. SDM Vol. 1, "Data Transfer
/// Instructions" and "Conversion".
public final class ExtendedConversion {
    /// The upper 16 bits and the lower 64 of the packed decimal indefinite.
    public static final int DECIMAL_INDEFINITE_TOP = 0xFFFF;

    public static final long DECIMAL_INDEFINITE_LOW = 0xC000_0000_0000_0000L;

    private static final long DECIMAL_LIMIT = 1_000_000_000_000_000_000L;
    private static final int DECIMAL_PAIRS = 9;

    /// The upper 16 bits of the packed decimal that [#toDecimal] stored.
    public int decimalTop;

    private final ExtendedUnit unit;

    public ExtendedConversion(ExtendedUnit unit) {
        this.unit = unit;
    }

    /// FILD.
    public void fromInteger(long value) {
        unit.begin();
        if (value == 0) {
            unit.zero(false);
        } else {
            unit.exact(unit.x.setInteger(value));
        }
    }

    /// FLD m32fp.
    public void fromBinary32(int bits) {
        fromBinary(Binary.BINARY32, bits & 0xFFFF_FFFFL);
    }

    /// FLD m64fp.
    public void fromBinary64(long bits) {
        fromBinary(Binary.BINARY64, bits);
    }

    private void fromBinary(Binary from, long bits) {
        unit.begin();
        boolean negative = from.isNegative(bits);
        int sign = negative ? Extended.SIGN : 0;
        if (from.isZero(bits)) {
            unit.zero(negative);
        } else if (from.isInfinity(bits)) {
            unit.infinity(negative);
        } else if (from.isNan(bits)) {
            unit.flags = from.isSignalingNan(bits) ? INVALID : 0;
            unit.result(from.nanSignificand(bits) | Extended.QUIET_BIT, sign | Extended.EXPONENT);
        } else {
            unit.flags = from.isDenormal(bits) ? FloatException.DENORMAL : 0;
            from.load(unit.x, bits);
            unit.exact(unit.x);
        }
    }

    /// Widens the second operand of FADD m32fp and its kin, which must come next: a signaling NaN
    /// stays one, and a denormal is remembered as such.
    public void operandOfBinary32(int bits) {
        operandOf(Binary.BINARY32, bits & 0xFFFF_FFFFL);
    }

    /// The same for FADD m64fp.
    public void operandOfBinary64(long bits) {
        operandOf(Binary.BINARY64, bits);
    }

    private void operandOf(Binary from, long bits) {
        fromBinary(from, bits);
        if (from.isNan(bits)) {
            unit.significand = from.nanSignificand(bits);
        }
        unit.widenedDenormal = from.isDenormal(bits);
    }

    /// FST m32fp.
    public int toBinary32(long a, int aSignExponent) {
        return (int) toBinary(Binary.BINARY32, a, aSignExponent);
    }

    /// FST m64fp.
    public long toBinary64(long a, int aSignExponent) {
        return toBinary(Binary.BINARY64, a, aSignExponent);
    }

    private long toBinary(Binary to, long a, int aSe) {
        unit.begin();
        boolean negative = Extended.isNegative(aSe);
        if (Extended.isUnsupported(a, aSe)) {
            unit.flags = INVALID;
            return to.indefinite();
        }
        if (Extended.isNan(a, aSe)) {
            unit.flags = (a & Extended.QUIET_BIT) == 0 ? INVALID : 0;
            return to.nan(negative, a);
        }
        if (a == 0) {
            return negative ? to.sign : 0;
        }
        if (Extended.isInfinity(a, aSe)) {
            return to.infinity | (negative ? to.sign : 0);
        }
        ExtendedUnit.load(unit.x, a, aSe);
        Rounder rounder = unit.rounder;
        rounder.round(unit.x, to.format);
        unit.flags = rounder.flags;
        unit.roundedUp = rounder.roundedUp;
        if (storeSuppressed()) {
            unit.flags &= ~FloatException.PRECISION;
            unit.roundedUp = false;
            return 0;
        }
        return to.pack(negative, rounder.exponent, rounder.significand);
    }

    /// Whether the last store to binary32 or binary64 must not write.
    public boolean storeSuppressed() {
        return (unit.unmasked() & ~FloatException.PRECISION) != 0;
    }

    /// FIST and FISTP to 16, 32 or 64 bits.
    public long toInteger(long a, int aSignExponent, int width) {
        return toInteger(a, aSignExponent, width, unit.rounding());
    }

    /// FISTTP.
    public long toIntegerTruncating(long a, int aSignExponent, int width) {
        return toInteger(a, aSignExponent, width, RoundingControl.TOWARD_ZERO);
    }

    private long toInteger(long a, int aSe, int width, int rounding) {
        unit.begin();
        boolean negative = Extended.isNegative(aSe);
        long indefinite = Long.MIN_VALUE >> 64 - width;
        if (a == 0 && Extended.isZero(a, aSe)) {
            return 0;
        }
        int exponent = Extended.unbiased(aSe);
        if (Extended.isUnsupported(a, aSe) || exponent > 63) {
            unit.flags = INVALID;
            return indefinite;
        }
        long magnitude = roundedMagnitude(a, aSe, rounding);
        long limit = (1L << width - 1) - (negative ? 0 : 1);
        if (Long.compareUnsigned(magnitude, limit) > 0) {
            unit.flags = INVALID;
            unit.roundedUp = false;
            return indefinite;
        }
        return negative ? -magnitude : magnitude;
    }

    private long roundedMagnitude(long a, int aSe, int rounding) {
        ExtendedUnit.load(unit.x, a, aSe);
        Rounder rounder = unit.rounder;
        int before = rounder.rounding;
        rounder.rounding = rounding;
        long magnitude = rounder.toInteger(unit.x.negative, unit.x.exponent, unit.x.hi);
        rounder.rounding = before;
        unit.flags = rounder.flags;
        unit.roundedUp = rounder.roundedUp;
        return magnitude;
    }

    /// FBLD: 18 digits in two's nibbles, the sign in bit 15 of `top`.
    public void fromDecimal(long low, int top) {
        unit.begin();
        long value = 0;
        for (int i = DECIMAL_PAIRS - 1; i >= 0; i--) {
            int pair = i == DECIMAL_PAIRS - 1 ? top & 0xFF : (int) (low >>> 8 * i) & 0xFF;
            value = value * 100 + (pair >>> 4) * 10 + (pair & 15);
        }
        boolean negative = (top & 0x8000) != 0;
        if (value == 0) {
            unit.zero(negative);
        } else {
            unit.exact(unit.x.set(negative, 63, value));
        }
    }

    /// FBSTP: returns the lower 64 bits and sets [#decimalTop].
    public long toDecimal(long a, int aSignExponent) {
        unit.begin();
        boolean negative = Extended.isNegative(aSignExponent);
        decimalTop = negative ? 0x8000 : 0;
        if (Extended.isZero(a, aSignExponent)) {
            return 0;
        }
        boolean reachable =
                !Extended.isUnsupported(a, aSignExponent) && Extended.unbiased(aSignExponent) < 60;
        long value = reachable ? roundedMagnitude(a, aSignExponent, unit.rounding()) : 0;
        if (!reachable || value >= DECIMAL_LIMIT) {
            unit.flags = INVALID;
            unit.roundedUp = false;
            decimalTop = DECIMAL_INDEFINITE_TOP;
            return DECIMAL_INDEFINITE_LOW;
        }
        long low = 0;
        for (int i = 0; i < DECIMAL_PAIRS; i++) {
            long pair = value % 100;
            value /= 100;
            long digits = pair / 10 << 4 | pair % 10;
            if (i == DECIMAL_PAIRS - 1) {
                decimalTop |= (int) digits;
            } else {
                low |= digits << 8 * i;
            }
        }
        return low;
    }
}
