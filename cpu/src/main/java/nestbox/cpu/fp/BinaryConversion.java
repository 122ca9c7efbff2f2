package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.PRECISION;

/// The SSE conversions of one element: between integers, binary32 and binary64; rounding to an
/// integral value; and the approximations.
///
/// Works under the MXCSR and into the flags of a [BinaryUnit]. SDM Vol. 1, "SSE2 Conversion
/// Instructions".
public final class BinaryConversion {
    private static final int MXCSR_ROUNDING = 4;
    private static final int SUPPRESS_PRECISION = 8;

    /// 1.111_1111_1110_1b * 2^125, from which on reciprocals are tiny: "RCPPS", Note 1.
    private static final int TINY_RECIPROCAL = 0x7E7F_E800;

    private final BinaryUnit unit;

    public BinaryConversion(BinaryUnit unit) {
        this.unit = unit;
    }

    /// CVTSI2SD from 32 or 64 bits (sign-extended).
    public long integerTo64(long value) {
        return value == (int) value
                ? Double.doubleToRawLongBits((double) value)
                : fromInteger(Binary.BINARY64, value);
    }

    /// CVTSI2SS.
    public int integerTo32(long value) {
        return (int) fromInteger(Binary.BINARY32, value);
    }

    private long fromInteger(Binary to, long value) {
        if (value == 0) {
            return 0;
        }
        unit.x.setInteger(value);
        return unit.round(to);
    }

    /// CVTSD2SI to 32 or 64 bits; the integer indefinite is the most negative number.
    public long toInteger64(long bits, int width) {
        return toInteger(Binary.BINARY64, bits, width, unit.rounding());
    }

    /// CVTTSD2SI.
    public long toIntegerTruncating64(long bits, int width) {
        double value = Double.longBitsToDouble(bits);
        if (value >= 1 && value < 0x1p31) {
            long integer = (long) value;
            if (integer != value) {
                unit.flags |= PRECISION;
            }
            return integer;
        }
        return toInteger(Binary.BINARY64, bits, width, RoundingControl.TOWARD_ZERO);
    }

    /// CVTSS2SI.
    public long toInteger32(int bits, int width) {
        return toInteger(Binary.BINARY32, BinaryUnit.wide(bits), width, unit.rounding());
    }

    /// CVTTSS2SI.
    public long toIntegerTruncating32(int bits, int width) {
        return toInteger(
                Binary.BINARY32, BinaryUnit.wide(bits), width, RoundingControl.TOWARD_ZERO);
    }

    private long toInteger(Binary from, long bits, int width, int rounding) {
        long a = unit.operand(from, bits);
        if (from.isZero(a)) {
            return 0;
        }
        long indefinite = Long.MIN_VALUE >> 64 - width;
        boolean negative = from.isNegative(a);
        from.load(unit.x, a);
        if (unit.x.exponent > 63) { // NaNs and infinities among them
            unit.flags |= INVALID;
            return indefinite;
        }
        long magnitude = integral(negative, rounding);
        long limit = (1L << width - 1) - (negative ? 0 : 1);
        if (Long.compareUnsigned(magnitude, limit) > 0) {
            unit.flags |= INVALID;
            return indefinite;
        }
        unit.flags |= unit.rounder.flags;
        return negative ? -magnitude : magnitude;
    }

    private long integral(boolean negative, int rounding) {
        Rounder rounder = unit.rounder;
        int before = rounder.rounding;
        rounder.rounding = rounding;
        long magnitude = rounder.toInteger(negative, unit.x.exponent, unit.x.hi);
        rounder.rounding = before;
        return magnitude;
    }

    /// ROUNDSD; the immediate chooses the rounding and may suppress PE.
    public long roundToInteger64(long bits, int immediate) {
        return roundToInteger(Binary.BINARY64, bits, immediate);
    }

    /// ROUNDSS.
    public int roundToInteger32(int bits, int immediate) {
        return (int) roundToInteger(Binary.BINARY32, BinaryUnit.wide(bits), immediate);
    }

    private long roundToInteger(Binary f, long bits, int immediate) {
        long a = unit.operand(f, bits);
        if (f.isNan(a)) {
            return unit.nan(f, a);
        }
        if (f.isZero(a)) {
            return a;
        }
        f.load(unit.x, a);
        if (unit.x.exponent >= f.format.precision() - 1) {
            return a;
        }
        boolean negative = f.isNegative(a);
        int rounding = (immediate & MXCSR_ROUNDING) != 0 ? unit.rounding() : immediate & 3;
        long magnitude = integral(negative, rounding);
        if ((immediate & SUPPRESS_PRECISION) == 0) {
            unit.flags |= unit.rounder.flags;
        }
        if (magnitude == 0) {
            return a & f.sign;
        }
        unit.x.set(negative, 63, magnitude);
        return f.pack(negative, unit.x.exponent + f.format.bias(), unit.x.hi);
    }

    /// CVTSS2SD.
    public long binary32To64(int bits) {
        return convert(Binary.BINARY32, BinaryUnit.wide(bits), Binary.BINARY64);
    }

    /// CVTSD2SS.
    public int binary64To32(long bits) {
        return (int) convert(Binary.BINARY64, bits, Binary.BINARY32);
    }

    private long convert(Binary from, long bits, Binary to) {
        long a = unit.operand(from, bits);
        boolean negative = from.isNegative(a);
        long sign = negative ? to.sign : 0;
        if (from.isNan(a)) {
            return to.nan(negative, from.nanSignificand(unit.nan(from, a)));
        }
        if (from.isZero(a)) {
            return sign;
        }
        if (from.isInfinity(a)) {
            return sign | to.infinity;
        }
        unit.noteDenormals(from, a, a);
        from.load(unit.x, a);
        return unit.round(to);
    }

    /// RCPSS: 1/a to 12 bits, a relative error below 1.5 * 2^-12. No exceptions, no MXCSR.
    ///
    /// The manual bounds the error and leaves the digits to the processor. These are the correctly
    /// rounded first 12, which differ from those of any one processor's table.
    public static int reciprocal32(int bits) {
        float a = Float.intBitsToFloat(bits);
        int sign = bits & 0x8000_0000;
        if (Float.isNaN(a)) {
            return bits | 0x0040_0000;
        }
        if ((bits & 0x7F80_0000) == 0) {
            return sign | 0x7F80_0000;
        }
        if ((bits & 0x7FFF_FFFF) >= TINY_RECIPROCAL) {
            return sign;
        }
        return approximation(1.0 / a);
    }

    /// RSQRTSS: 1/sqrt(a), to the same precision.
    public static int reciprocalSquareRoot32(int bits) {
        float a = Float.intBitsToFloat(bits);
        int sign = bits & 0x8000_0000;
        if (Float.isNaN(a)) {
            return bits | 0x0040_0000;
        }
        if ((bits & 0x7F80_0000) == 0) {
            return sign | 0x7F80_0000;
        }
        return sign != 0 ? (int) Binary.BINARY32.indefinite() : approximation(1 / Math.sqrt(a));
    }

    private static int approximation(double value) {
        return Float.floatToRawIntBits((float) value) + 0x400 & 0xFFFF_F800;
    }
}
