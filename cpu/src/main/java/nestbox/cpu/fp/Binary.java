package nestbox.cpu.fp;

/// The encodings binary32 and binary64 (single and double precision), as bits in a `long`.
///
/// One description of both lets the rarely taken, exact paths be written once; the frequent paths
/// use Java's own arithmetic.
final class Binary {
    static final Binary BINARY32 = new Binary(Format.BINARY32, 32);
    static final Binary BINARY64 = new Binary(Format.BINARY64, 64);

    final Format format;
    final int width;
    final long sign;
    final long infinity;
    final long fraction;
    final long quiet;

    private final int fractionBits;

    private Binary(Format format, int width) {
        this.format = format;
        this.width = width;
        fractionBits = format.precision() - 1;
        fraction = (1L << fractionBits) - 1;
        sign = 1L << width - 1;
        infinity = (long) format.topExponent() << fractionBits;
        quiet = 1L << fractionBits - 1;
    }

    long indefinite() {
        return sign | infinity | quiet;
    }

    boolean isNegative(long bits) {
        return (bits & sign) != 0;
    }

    long magnitude(long bits) {
        return bits & sign - 1;
    }

    boolean isZero(long bits) {
        return magnitude(bits) == 0;
    }

    boolean isInfinity(long bits) {
        return magnitude(bits) == infinity;
    }

    boolean isNan(long bits) {
        return magnitude(bits) > infinity;
    }

    boolean isSignalingNan(long bits) {
        return isNan(bits) && (bits & quiet) == 0;
    }

    boolean isDenormal(long bits) {
        long magnitude = magnitude(bits);
        return magnitude != 0 && magnitude <= fraction;
    }

    /// Loads a finite number.
    void load(Wide w, long bits) {
        int exponent = (int) (magnitude(bits) >>> fractionBits);
        long significand = (bits & fraction) << 63 - fractionBits;
        if (exponent == 0) {
            exponent = 1;
        } else {
            significand |= Long.MIN_VALUE;
        }
        w.set(isNegative(bits), exponent - format.bias(), significand);
    }

    long pack(boolean negative, int exponent, long significand) {
        return (negative ? sign : 0)
                | (long) exponent << fractionBits
                | significand >>> 63 - fractionBits & fraction;
    }

    /// The upper bits of a NaN's significand, with the integer bit on top, and back.
    long nanSignificand(long bits) {
        return Long.MIN_VALUE | (bits & fraction) << 63 - fractionBits;
    }

    long nan(boolean negative, long significand) {
        return pack(negative, format.topExponent(), significand) | quiet;
    }
}
