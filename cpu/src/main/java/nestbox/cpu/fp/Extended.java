package nestbox.cpu.fp;

/// The double extended-precision format as the pair (significand, sign and exponent) that an x87
/// register holds.
///
/// Two primitives instead of an object, so that registers stay in the processor's state block.
/// "Unsupported" encodings are those with a clear integer bit that only the 8087 knew. SDM Vol. 1,
/// "Unsupported Double Extended-Precision Floating-Point Encodings and Pseudo-Denormals".
public final class Extended {
    public static final int SIGN = 0x8000;
    public static final int EXPONENT = 0x7FFF;
    public static final int BIAS = 16383;

    public static final long INTEGER_BIT = Long.MIN_VALUE;
    public static final long QUIET_BIT = 1L << 62;

    /// The real indefinite: a quiet NaN with its sign set.
    public static final long INDEFINITE_SIGNIFICAND = INTEGER_BIT | QUIET_BIT;

    public static final int INDEFINITE_SIGN_EXPONENT = 0xFFFF;

    private Extended() {}

    public static boolean isNegative(int signExponent) {
        return (signExponent & SIGN) != 0;
    }

    public static boolean isZero(long significand, int signExponent) {
        return significand == 0 && (signExponent & EXPONENT) == 0;
    }

    public static boolean isInfinity(long significand, int signExponent) {
        return (signExponent & EXPONENT) == EXPONENT && significand == INTEGER_BIT;
    }

    public static boolean isNan(long significand, int signExponent) {
        return (signExponent & EXPONENT) == EXPONENT
                && significand < 0
                && significand != INTEGER_BIT;
    }

    public static boolean isSignalingNan(long significand, int signExponent) {
        return isNan(significand, signExponent) && (significand & QUIET_BIT) == 0;
    }

    /// Denormals and pseudo-denormals.
    public static boolean isDenormal(long significand, int signExponent) {
        return (signExponent & EXPONENT) == 0 && significand != 0;
    }

    public static boolean isUnsupported(long significand, int signExponent) {
        return significand >= 0 && (signExponent & EXPONENT) != 0;
    }

    /// Neither zero, denormal, infinity, NaN nor unsupported.
    static boolean isNormal(long significand, int signExponent) {
        int exponent = signExponent & EXPONENT;
        return significand < 0 && exponent != 0 && exponent != EXPONENT;
    }

    /// The exponent of the integer bit.
    static int unbiased(int signExponent) {
        return Math.max(signExponent & EXPONENT, 1) - BIAS;
    }
}
