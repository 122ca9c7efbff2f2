package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.PRECISION;
import static nestbox.cpu.fp.FloatException.UNDERFLOW;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

/// The transcendental instructions of the x87 unit, within one unit in the last place.
///
/// Functions are computed with significands of 128 bits and rounded once, so results are in fact
/// correctly rounded except when the exact one lies within 2^-80 of a boundary. Trigonometric
/// arguments are reduced with the 66-bit pi that Intel processors use, because programs see the
/// difference. Precision control has no effect. SDM Vol. 1, "Transcendental Instruction Accuracy"
/// and "Approximation of Pi"; special operands as in the tables of each instruction in Vol. 2.
public final class Transcendental {
    /// pi/2 in units of 2^-65: 66 bits.
    private static final long HALF_PI_HI = 3;

    private static final long HALF_PI_LO = 0x243F6A8885A308D3L;

    /// The largest exponent of an argument of FSIN and its kin.
    private static final int LARGEST_EXPONENT = 62;

    /// The significand of sqrt(2), above which logarithms start from the next power of two.
    private static final long SQRT_2 = 0xB504F333F9DE6484L;

    private final ExtendedUnit unit;
    private final Series series = new Series();
    private final Wide a = new Wide();
    private final Wide b = new Wide();
    private final Wide c = new Wide();
    private final Wide scratch = new Wide();
    private int quadrant;

    public Transcendental(ExtendedUnit unit) {
        this.unit = unit;
    }

    /// F2XM1: 2^x - 1 for -1 <= x <= 1. Beyond, where the manual leaves it undefined, x itself.
    public void exponential(long x, int xSignExponent) {
        unit.begin();
        if (unit.rejected(x, xSignExponent)) {
            return;
        }
        boolean negative = Extended.isNegative(xSignExponent);
        int exponent = Extended.unbiased(xSignExponent);
        if (exponent >= 0 && (exponent > 0 || x != Extended.INTEGER_BIT || !negative)) {
            beyondExponential(x, xSignExponent, negative);
        } else if (x == 0) {
            unit.zero(negative);
        } else if (exponent == 0) {
            unit.flags = PRECISION;
            unit.result(Extended.INTEGER_BIT, Extended.SIGN | Extended.BIAS - 1);
        } else if (!unit.denormalOperand(x, xSignExponent)) {
            ExtendedUnit.load(a, x, xSignExponent);
            a.multiply(Series.LN_2);
            series.exponentialMinusOne(a, b);
            finish(b);
        }
    }

    private void beyondExponential(long x, int xSe, boolean negative) {
        if (!Extended.isInfinity(x, xSe)) {
            unit.flags = PRECISION;
            unit.result(x, xSe);
        } else if (negative) {
            unit.result(Extended.INTEGER_BIT, Extended.SIGN | Extended.BIAS);
        } else {
            unit.infinity(false);
        }
    }

    /// FSIN. Returns false, and no result, if the argument is out of range (C2).
    public boolean sine(long x, int xSignExponent) {
        return circular(x, xSignExponent, Function.SINE);
    }

    /// FCOS.
    public boolean cosine(long x, int xSignExponent) {
        return circular(x, xSignExponent, Function.COSINE);
    }

    /// FPTAN, without the 1.0 that it pushes.
    public boolean tangent(long x, int xSignExponent) {
        return circular(x, xSignExponent, Function.TANGENT);
    }

    private enum Function {
        SINE,
        COSINE,
        TANGENT
    }

    private boolean circular(long x, int xSe, Function function) {
        unit.begin();
        if (unit.rejected(x, xSe)) {
            return true;
        }
        if (Extended.isInfinity(x, xSe)) {
            unit.invalid();
            return true;
        }
        if (Extended.unbiased(xSe) > LARGEST_EXPONENT) {
            return false;
        }
        if (x == 0) {
            if (function == Function.COSINE) {
                unit.one();
            } else {
                unit.result(x, xSe);
            }
            return true;
        }
        if (unit.denormalOperand(x, xSe)) {
            return true;
        }
        ExtendedUnit.load(a, x, xSe);
        reduce();
        boolean odd = (quadrant & 1) != 0;
        switch (function) {
            case SINE -> circle(odd, (quadrant & 2) != 0);
            case COSINE -> circle(!odd, (quadrant + 1 & 2) != 0);
            case TANGENT -> {
                series.sine(a, b);
                series.cosine(a, c);
                if (odd) {
                    finish(c.divide(b, scratch).negate());
                } else {
                    finish(b.divide(c, scratch));
                }
            }
        }
        return true;
    }

    private void circle(boolean cosine, boolean negated) {
        if (cosine) {
            series.cosine(a, b);
        } else {
            series.sine(a, b);
        }
        if (negated) {
            b.negate();
        }
        finish(b);
    }

    /// Subtracts from [#a] the nearest multiple of pi/2, exactly, and keeps the multiple modulo 4.
    private void reduce() {
        quadrant = 0;
        int shift = a.exponent + 2; // a = significand * 2^shift in units of 2^-65
        if (shift < 0) {
            return; // |a| < 1/4
        }
        long restHi = 0;
        long restLo = a.hi;
        int quotient = 0;
        for (int i = 0; i < shift; i++) {
            restHi = restHi << 1 | restLo >>> 63;
            restLo <<= 1;
            quotient <<= 1;
            boolean below = Long.compareUnsigned(restLo, HALF_PI_LO) < 0;
            if (restHi > HALF_PI_HI || restHi == HALF_PI_HI && !below) {
                restHi -= HALF_PI_HI + (below ? 1 : 0);
                restLo -= HALF_PI_LO;
                quotient |= 1;
            }
        }
        boolean negative = a.negative;
        boolean less = Long.compareUnsigned(HALF_PI_LO, restLo) < 0;
        long otherHi = HALF_PI_HI - restHi - (less ? 1 : 0);
        long otherLo = HALF_PI_LO - restLo;
        boolean nearer =
                otherHi < restHi || otherHi == restHi && Long.compareUnsigned(otherLo, restLo) < 0;
        if (nearer) {
            quotient++;
        }
        quadrant = negative ? -quotient & 3 : quotient & 3;
        a.set(false, 62, nearer ? otherHi : restHi);
        b.set(false, -2, nearer ? otherLo : restLo);
        a.add(b);
        a.negative = negative ^ nearer;
    }

    /// FPATAN: the angle of the point (x, y), where y is ST(1).
    public void arcTangent(long y, int ySignExponent, long x, int xSignExponent) {
        unit.begin();
        if (unit.rejected(x, xSignExponent, y, ySignExponent)
                || unit.denormalOperand(y, ySignExponent, x, xSignExponent)) {
            return;
        }
        boolean yNegative = Extended.isNegative(ySignExponent);
        boolean xNegative = Extended.isNegative(xSignExponent);
        boolean yInfinite = Extended.isInfinity(y, ySignExponent);
        boolean xInfinite = Extended.isInfinity(x, xSignExponent);
        if (yInfinite && xInfinite) {
            a.set(Series.PI).scale(-2);
            if (xNegative) {
                b.set(Series.PI).scale(-1);
                a.add(b);
            }
        } else if (yInfinite || x == 0 && y != 0) {
            a.set(Series.PI).scale(-1);
        } else if (xInfinite || y == 0) {
            if (!xNegative) {
                unit.zero(yNegative);
                return;
            }
            a.set(Series.PI);
        } else {
            ExtendedUnit.load(a, y, ySignExponent & Extended.EXPONENT);
            ExtendedUnit.load(b, x, xSignExponent & Extended.EXPONENT);
            angle();
            if (xNegative) {
                a.negate().add(Series.PI);
            }
        }
        a.negative = yNegative;
        finish(a);
    }

    /// a = atan(a / b) for positive a and b.
    private void angle() {
        boolean steep = a.compareMagnitude(b) > 0;
        if (steep) {
            c.set(a);
            a.set(b);
            b.set(c);
        }
        // t = a / b <= 1; with k/16 near t, atan t = atan k/16 + atan (a - b k/16) / (b + a k/16)
        int sixteenths = nearestSixteenths();
        if (sixteenths == 0) {
            a.divide(b, scratch);
        } else {
            c.setInteger(sixteenths).scale(-4);
            scratch.set(a).multiply(c).add(b);
            c.multiply(b).negate().add(a);
            b.set(scratch);
            a.set(c).divide(b, scratch);
        }
        if (!a.isZero()) {
            series.arcTangent(a, b);
            a.set(b);
        }
        a.add(Series.arcTangent(sixteenths));
        if (steep) {
            b.set(Series.PI).scale(-1);
            a.negate().add(b);
        }
    }

    private int nearestSixteenths() {
        int distance = b.exponent - a.exponent;
        if (distance > 6) {
            return 0;
        }
        double ratio = (double) (a.hi >>> 1) / (double) (b.hi >>> 1);
        return (int) Math.rint(Math.scalb(ratio, 4 - distance));
    }

    /// FYL2X: y * log2(x), where y is ST(1).
    public void logarithm(long y, int ySignExponent, long x, int xSignExponent) {
        unit.begin();
        if (unit.rejected(x, xSignExponent, y, ySignExponent)) {
            return;
        }
        boolean yInfinite = Extended.isInfinity(y, ySignExponent);
        boolean yNegative = Extended.isNegative(ySignExponent);
        if (x == 0) {
            if (y == 0) {
                unit.invalid();
            } else {
                unit.flags = yInfinite ? 0 : ZERO_DIVIDE;
                unit.infinity(!yNegative);
            }
            return;
        }
        boolean isOne = x == Extended.INTEGER_BIT && xSignExponent == Extended.BIAS;
        boolean xInfinite = Extended.isInfinity(x, xSignExponent);
        if (Extended.isNegative(xSignExponent) || isOne && yInfinite || xInfinite && y == 0) {
            unit.invalid();
            return;
        }
        if (unit.denormalOperand(x, xSignExponent, y, ySignExponent)) {
            return;
        }
        boolean negative = yNegative ^ Extended.unbiased(xSignExponent) < 0;
        if (xInfinite || yInfinite) {
            unit.infinity(negative);
        } else if (y == 0 || isOne) {
            unit.zero(negative);
        } else {
            ExtendedUnit.load(a, x, xSignExponent);
            timesLogarithm(y, ySignExponent);
        }
    }

    /// FYL2XP1: y * log2(x + 1), where y is ST(1) and x small. For other x, where the manual leaves
    /// it undefined, the same formula as far as it makes sense.
    public void logarithmPlusOne(long y, int ySignExponent, long x, int xSignExponent) {
        unit.begin();
        if (unit.rejected(x, xSignExponent, y, ySignExponent)) {
            return;
        }
        boolean yInfinite = Extended.isInfinity(y, ySignExponent);
        boolean xInfinite = Extended.isInfinity(x, xSignExponent);
        boolean xNegative = Extended.isNegative(xSignExponent);
        boolean logarithmExists = !xNegative || Extended.unbiased(xSignExponent) < 0;
        if (x == 0 && yInfinite || xInfinite && y == 0 || !logarithmExists) {
            unit.invalid();
            return;
        }
        if (unit.denormalOperand(x, xSignExponent, y, ySignExponent)) {
            return;
        }
        boolean negative = xNegative ^ Extended.isNegative(ySignExponent);
        if (xInfinite || yInfinite) {
            unit.infinity(negative);
        } else if (x == 0 || y == 0) {
            unit.zero(negative);
        } else if (Extended.unbiased(xSignExponent) < -2) {
            ExtendedUnit.load(a, x, xSignExponent);
            b.setInteger(2).add(a);
            areaTangentOfRatio();
            timesFactor(y, ySignExponent);
        } else {
            ExtendedUnit.load(a, x, xSignExponent);
            a.add(Series.one());
            timesLogarithm(y, ySignExponent);
        }
    }

    /// Finishes y * log2(a).
    private void timesLogarithm(long y, int ySe) {
        int exponent = a.exponent;
        if (a.hi == Extended.INTEGER_BIT && a.lo == 0) {
            a.setInteger(exponent);
            ExtendedUnit.load(b, y, ySe);
            round(a.multiplyShort(b));
            // Processors don't notice that the logarithm is exact.
            boolean denormal = Extended.isDenormal(unit.significand, unit.signExponent);
            unit.flags |= denormal ? PRECISION | UNDERFLOW : PRECISION;
            return;
        }
        a.exponent = 0;
        if (Long.compareUnsigned(a.hi, SQRT_2) > 0) {
            a.exponent = -1;
            exponent++;
        }
        // ln m = 2 artanh((m - 1) / (m + 1))
        b.set(a).add(Series.one());
        c.set(Series.one()).negate();
        a.add(c);
        areaTangentOfRatio();
        if (exponent != 0) {
            a.add(b.setInteger(exponent));
        }
        timesFactor(y, ySe);
    }

    /// a = 2 log2(e) artanh(a / b).
    private void areaTangentOfRatio() {
        c.set(a).divide(b, scratch);
        series.areaTangent(c, a);
        a.multiply(Series.LOG2_E).scale(1);
    }

    private void timesFactor(long y, int ySe) {
        ExtendedUnit.load(b, y, ySe);
        finish(a.multiply(b));
    }

    /// Rounds what can't be exact.
    private void finish(Wide w) {
        w.lo |= 1;
        round(w);
    }

    private void round(Wide w) {
        unit.x.set(w);
        unit.finish(Format.EXTENDED);
    }
}
