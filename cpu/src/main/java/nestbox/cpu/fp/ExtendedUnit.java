package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.DENORMAL;
import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

/// Arithmetic of the x87 unit: double extended-precision operands, a control word, and one result
/// with its exceptions.
///
/// The result stays in the fields of this object until the next operation, so that nothing is
/// allocated. Every operation sets [#flags] to the exceptions that it raised and [#roundedUp] to
/// what C1 reports. If [#suppressed()] says so, an unmasked exception was found before there was a
/// result, and the destination and the stack keep what they hold; otherwise the result is to be
/// stored, even if an exception is unmasked. Stack faults are the caller's business.
///
/// SDM Vol. 1, "Programming with the x87 FPU".
public final class ExtendedUnit {
    /// FINIT's control word: everything masked, 64 bits, to nearest.
    public static final int RESET_CONTROL = 0x037F;

    public long significand;
    public int signExponent;
    public int flags;
    public boolean roundedUp;

    final Rounder rounder = new Rounder();
    final Wide x = new Wide();
    final Wide y = new Wide();

    /// Whether the coming operation's second operand was a denormal before it was widened.
    boolean widenedDenormal;

    private boolean denormalSource;
    private int control;
    private Format precision = Format.EXTENDED;

    public ExtendedUnit() {
        control(RESET_CONTROL);
    }

    /// Takes masks, precision control and rounding control from the control word.
    public void control(int word) {
        control = word;
        rounder.rounding = word >>> 10 & 3;
        rounder.overflowMasked = (word & FloatException.OVERFLOW) != 0;
        rounder.underflowMasked = (word & FloatException.UNDERFLOW) != 0;
        precision =
                switch (word >>> 8 & 3) {
                    case 0 -> Format.EXTENDED_TO_24_BITS;
                    case 2 -> Format.EXTENDED_TO_53_BITS;
                    default -> Format.EXTENDED;
                };
    }

    public int control() {
        return control;
    }

    /// The [RoundingControl] in force.
    public int rounding() {
        return rounder.rounding;
    }

    /// Exceptions of the last operation that the control word doesn't mask.
    public int unmasked() {
        return flags & ~control & FloatException.ALL;
    }

    /// Whether the last operation ended before it had a result.
    public boolean suppressed() {
        return (unmasked() & FloatException.PRE_COMPUTATION) != 0;
    }

    /// A result that is loaded as it is: FLD m80fp raises no exceptions.
    public void load(long a, int aSignExponent) {
        begin();
        result(a, aSignExponent);
    }

    public void add(long a, int aSignExponent, long b, int bSignExponent) {
        sum(a, aSignExponent, b, bSignExponent, 0);
    }

    /// a - b.
    public void subtract(long a, int aSignExponent, long b, int bSignExponent) {
        sum(a, aSignExponent, b, bSignExponent, Extended.SIGN);
    }

    private void sum(long a, int aSe, long b, int bSe, int flip) {
        begin();
        if (isSpecial(a, aSe, b, bSe)) {
            if (rejected(a, aSe, b, bSe) || sumOfSpecial(a, aSe, b, bSe ^ flip)) {
                return;
            }
        }
        load(x, a, aSe);
        load(y, b, bSe ^ flip);
        x.add(y);
        if (x.isZero()) {
            zero(rounding() == RoundingControl.DOWN);
        } else {
            finish(precision);
        }
    }

    private boolean sumOfSpecial(long a, int aSe, long b, int bSe) {
        boolean aInfinite = Extended.isInfinity(a, aSe);
        boolean bInfinite = Extended.isInfinity(b, bSe);
        if (aInfinite && bInfinite && aSe != bSe) {
            invalid();
            return true;
        }
        if (denormalOperand(a, aSe, b, bSe)) {
            return true;
        }
        if (aInfinite || bInfinite) {
            infinity(Extended.isNegative(aInfinite ? aSe : bSe));
            return true;
        }
        if ((a | b) == 0 && aSe == bSe) {
            zero(Extended.isNegative(aSe));
            return true;
        }
        return false;
    }

    public void multiply(long a, int aSignExponent, long b, int bSignExponent) {
        begin();
        if (isSpecial(a, aSignExponent, b, bSignExponent)) {
            if (rejected(a, aSignExponent, b, bSignExponent)
                    || productOfSpecial(a, aSignExponent, b, bSignExponent)) {
                return;
            }
        }
        load(x, a, aSignExponent);
        load(y, b, bSignExponent);
        x.multiplyShort(y);
        finish(precision);
    }

    private boolean productOfSpecial(long a, int aSe, long b, int bSe) {
        boolean infinite = Extended.isInfinity(a, aSe) || Extended.isInfinity(b, bSe);
        boolean zero = a == 0 || b == 0;
        if (infinite && zero) {
            invalid();
            return true;
        }
        if (denormalOperand(a, aSe, b, bSe)) {
            return true;
        }
        boolean negative = Extended.isNegative(aSe ^ bSe);
        if (infinite) {
            infinity(negative);
        } else if (zero) {
            zero(negative);
        }
        return infinite || zero;
    }

    /// a / b.
    public void divide(long a, int aSignExponent, long b, int bSignExponent) {
        begin();
        if (isSpecial(a, aSignExponent, b, bSignExponent)) {
            if (rejected(a, aSignExponent, b, bSignExponent)
                    || quotientOfSpecial(a, aSignExponent, b, bSignExponent)) {
                return;
            }
        }
        load(x, a, aSignExponent);
        load(y, b, bSignExponent);
        x.divideShort(y);
        finish(precision);
    }

    private boolean quotientOfSpecial(long a, int aSe, long b, int bSe) {
        boolean aInfinite = Extended.isInfinity(a, aSe);
        boolean bInfinite = Extended.isInfinity(b, bSe);
        boolean negative = Extended.isNegative(aSe ^ bSe);
        if (aInfinite && bInfinite || (a | b) == 0) {
            invalid();
            return true;
        }
        if (b == 0 && !aInfinite) {
            flags = ZERO_DIVIDE;
            infinity(negative);
            return true;
        }
        if (denormalOperand(a, aSe, b, bSe)) {
            return true;
        }
        if (aInfinite) {
            infinity(negative);
        } else if (bInfinite || a == 0) {
            zero(negative);
        }
        return aInfinite || bInfinite || a == 0;
    }

    public void squareRoot(long a, int aSignExponent) {
        begin();
        if (rejected(a, aSignExponent)) {
            return;
        }
        if (Extended.isZero(a, aSignExponent)) {
            result(a, aSignExponent);
        } else if (Extended.isNegative(aSignExponent)) {
            invalid();
        } else if (Extended.isInfinity(a, aSignExponent)) {
            result(a, aSignExponent);
        } else if (!denormalOperand(a, aSignExponent)) {
            load(x, a, aSignExponent);
            x.squareRootShort();
            finish(precision);
        }
    }

    /// FCOM and its kin: any NaN is invalid. Returns a [Relation] of a to b.
    public int compare(long a, int aSignExponent, long b, int bSignExponent) {
        return compare(a, aSignExponent, b, bSignExponent, INVALID);
    }

    /// FUCOM and its kin: quiet NaNs are unordered without being invalid.
    public int compareUnordered(long a, int aSignExponent, long b, int bSignExponent) {
        return compare(a, aSignExponent, b, bSignExponent, 0);
    }

    private int compare(long a, int aSe, long b, int bSe, int quietNanFlags) {
        begin();
        if (Extended.isUnsupported(a, aSe)
                || Extended.isUnsupported(b, bSe)
                || Extended.isSignalingNan(a, aSe)
                || Extended.isSignalingNan(b, bSe)) {
            flags = INVALID;
            return Relation.UNORDERED;
        }
        if (Extended.isNan(a, aSe) || Extended.isNan(b, bSe)) {
            flags = quietNanFlags;
            return Relation.UNORDERED;
        }
        denormalOperand(a, aSe, b, bSe);
        if (a == 0 && b == 0) {
            return Relation.EQUAL;
        }
        if (Extended.isNegative(aSe ^ bSe)) {
            return Extended.isNegative(aSe) ? Relation.LESS : Relation.GREATER;
        }
        int order = Integer.compare(Extended.unbiased(aSe), Extended.unbiased(bSe));
        if (order == 0) {
            order = Long.compareUnsigned(a, b);
        } else if (a == 0 || b == 0) {
            order = a == 0 ? -1 : 1;
        }
        if (order == 0) {
            return Relation.EQUAL;
        }
        return order < 0 ^ Extended.isNegative(aSe) ? Relation.LESS : Relation.GREATER;
    }

    /// FRNDINT.
    public void roundToInteger(long a, int aSignExponent) {
        begin();
        if (rejected(a, aSignExponent)) {
            return;
        }
        int exponent = Extended.unbiased(aSignExponent);
        if (exponent >= 63 || a == 0) {
            result(a, aSignExponent);
            return;
        }
        if (denormalOperand(a, aSignExponent)) {
            return;
        }
        boolean negative = Extended.isNegative(aSignExponent);
        load(x, a, aSignExponent);
        long integer = rounder.toInteger(negative, x.exponent, x.hi);
        flags |= rounder.flags;
        roundedUp = rounder.roundedUp;
        if (integer == 0) {
            zero(negative);
        } else {
            exact(x.set(negative, 63, integer));
        }
    }

    /// FSCALE: a * 2^trunc(b).
    public void scale(long a, int aSignExponent, long b, int bSignExponent) {
        begin();
        if (rejected(a, aSignExponent, b, bSignExponent)) {
            return;
        }
        boolean negative = Extended.isNegative(aSignExponent);
        boolean aInfinite = Extended.isInfinity(a, aSignExponent);
        if (Extended.isInfinity(b, bSignExponent)) {
            boolean down = Extended.isNegative(bSignExponent);
            if (down ? aInfinite : a == 0) {
                invalid();
            } else if (!denormalOperand(a, aSignExponent)) {
                if (down) {
                    zero(negative);
                } else {
                    infinity(negative);
                }
            }
            return;
        }
        if (denormalOperand(a, aSignExponent, b, bSignExponent)) {
            return;
        }
        if (aInfinite || a == 0) {
            result(a, aSignExponent);
            return;
        }
        int exponent = Extended.unbiased(bSignExponent);
        // 2^17 is more than twice what any exponent can be adjusted by.
        int power = exponent < 0 ? 0 : exponent > 16 ? 1 << 17 : (int) (b >>> 63 - exponent);
        load(x, a, aSignExponent);
        x.scale(Extended.isNegative(bSignExponent) ? -power : power);
        finish(Format.EXTENDED);
    }

    /// The first result of FXTRACT: the exponent as a number.
    public void extractExponent(long a, int aSignExponent) {
        begin();
        if (rejected(a, aSignExponent)) {
            return;
        }
        if (a == 0) {
            flags = ZERO_DIVIDE;
            infinity(true);
        } else if (Extended.isInfinity(a, aSignExponent)) {
            infinity(false);
        } else if (!denormalOperand(a, aSignExponent)) {
            load(x, a, aSignExponent);
            int exponent = x.exponent;
            if (exponent == 0) {
                zero(false);
            } else {
                exact(x.setInteger(exponent));
            }
        }
    }

    /// The second result of FXTRACT: the significand with an exponent of zero.
    public void extractSignificand(long a, int aSignExponent) {
        begin();
        if (rejected(a, aSignExponent)) {
            return;
        }
        if (a == 0 || Extended.isInfinity(a, aSignExponent)) {
            flags = a == 0 ? ZERO_DIVIDE : 0;
            result(a, aSignExponent);
        } else if (!denormalOperand(a, aSignExponent)) {
            load(x, a, aSignExponent);
            exact(x.set(x.negative, 0, x.hi));
        }
    }

    // What the other classes of this package build their operations from.

    /// Forgets a widened operand: the operation for which it was meant doesn't take place.
    public void forgetOperand() {
        widenedDenormal = false;
    }

    void begin() {
        flags = 0;
        roundedUp = false;
        denormalSource = widenedDenormal;
        widenedDenormal = false;
    }

    private boolean isSpecial(long a, int aSe, long b, int bSe) {
        return denormalSource || !Extended.isNormal(a, aSe) || !Extended.isNormal(b, bSe);
    }

    static void load(Wide w, long a, int aSe) {
        w.set(Extended.isNegative(aSe), Extended.unbiased(aSe), a);
    }

    /// Rounds [#x], which isn't zero, to the result.
    void finish(Format format) {
        rounder.round(x, format);
        flags |= rounder.flags;
        roundedUp = rounder.roundedUp;
        result(rounder.significand, (x.negative ? Extended.SIGN : 0) | rounder.exponent);
    }

    /// A normal number that fits in 64 bits.
    void exact(Wide w) {
        result(w.hi, (w.negative ? Extended.SIGN : 0) | w.exponent + Extended.BIAS);
    }

    void result(long resultSignificand, int resultSignExponent) {
        significand = resultSignificand;
        signExponent = resultSignExponent;
    }

    void zero(boolean negative) {
        result(0, negative ? Extended.SIGN : 0);
    }

    void one() {
        result(Extended.INTEGER_BIT, Extended.BIAS);
    }

    void infinity(boolean negative) {
        result(Extended.INTEGER_BIT, Extended.EXPONENT | (negative ? Extended.SIGN : 0));
    }

    void invalid() {
        flags = INVALID;
        result(Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT);
    }

    /// Flags a denormal operand and tells whether that ends the operation.
    boolean denormalOperand(long a, int aSe) {
        if (Extended.isDenormal(a, aSe)) {
            flags |= DENORMAL;
            return (control & DENORMAL) == 0;
        }
        return false;
    }

    boolean denormalOperand(long a, int aSe, long b, int bSe) {
        if (denormalSource) {
            flags |= DENORMAL;
        }
        boolean first = denormalOperand(a, aSe);
        boolean second = denormalOperand(b, bSe);
        return first || second || denormalSource && (control & DENORMAL) == 0;
    }

    /// Answers an unsupported operand or a NaN.
    boolean rejected(long a, int aSe) {
        if (Extended.isUnsupported(a, aSe)) {
            invalid();
            return true;
        }
        if (!Extended.isNan(a, aSe)) {
            return false;
        }
        flags = (a & Extended.QUIET_BIT) == 0 ? INVALID : 0;
        result(a | Extended.QUIET_BIT, aSe);
        return true;
    }

    /// The same for two operands. SDM Vol. 1, "Operating on SNaNs and QNaNs", Table 4-7.
    boolean rejected(long a, int aSe, long b, int bSe) {
        if (Extended.isUnsupported(a, aSe) || Extended.isUnsupported(b, bSe)) {
            invalid();
            return true;
        }
        boolean aNan = Extended.isNan(a, aSe);
        boolean bNan = Extended.isNan(b, bSe);
        if (!aNan && !bNan) {
            return false;
        }
        boolean aSignals = aNan && (a & Extended.QUIET_BIT) == 0;
        boolean bSignals = bNan && (b & Extended.QUIET_BIT) == 0;
        boolean takeA;
        if (!aNan || !bNan) {
            takeA = aNan;
        } else if (aSignals != bSignals) {
            takeA = bSignals;
        } else {
            int order = Long.compareUnsigned(a, b);
            takeA = order > 0 || order == 0 && !Extended.isNegative(aSe);
        }
        flags = aSignals || bSignals ? INVALID : 0;
        result((takeA ? a : b) | Extended.QUIET_BIT, takeA ? aSe : bSe);
        return true;
    }
}
