package nestbox.cpu.fp;

import java.math.BigInteger;

/// An exact positive fraction and its rounding by comparison, the reference for arithmetic tests.
///
/// It shares nothing with the code under test: no normalized significands, no sticky bits.
record Exact(BigInteger numerator, BigInteger denominator) {
    /// What rounding gives: `significand * 2^unit`, and the exceptions.
    record Rounded(BigInteger significand, int unit, int flags, boolean up) {}

    static Exact of(BigInteger integer, int power) {
        return power >= 0
                ? new Exact(integer.shiftLeft(power), BigInteger.ONE)
                : new Exact(integer, BigInteger.ONE.shiftLeft(-power));
    }

    static Exact ofUnsigned(long significand, int power) {
        return of(new BigInteger(Long.toUnsignedString(significand)), power);
    }

    Exact plus(Exact b, boolean subtract) {
        BigInteger right = b.numerator.multiply(denominator);
        BigInteger left = numerator.multiply(b.denominator);
        BigInteger sum = subtract ? left.subtract(right) : left.add(right);
        return new Exact(sum, denominator.multiply(b.denominator));
    }

    Exact times(Exact b) {
        return new Exact(numerator.multiply(b.numerator), denominator.multiply(b.denominator));
    }

    Exact over(Exact b) {
        return new Exact(numerator.multiply(b.denominator), denominator.multiply(b.numerator));
    }

    /// The root, or a number that rounds like it.
    Exact squareRoot() {
        BigInteger scaled = numerator.multiply(denominator).shiftLeft(400);
        BigInteger[] root = scaled.sqrtAndRemainder();
        BigInteger twice = root[0].shiftLeft(1);
        if (root[1].signum() != 0) {
            twice = twice.add(BigInteger.ONE);
        }
        return new Exact(twice, denominator.shiftLeft(201));
    }

    int floorLog2() {
        int guess = numerator.bitLength() - denominator.bitLength();
        return compareToPower(guess) < 0 ? guess - 1 : guess;
    }

    int compareToPower(int power) {
        return power >= 0
                ? numerator.compareTo(denominator.shiftLeft(power))
                : numerator.shiftLeft(-power).compareTo(denominator);
    }

    BigInteger floor() {
        return numerator.divide(denominator);
    }

    /// Rounds to a multiple of 2^unit.
    Rounded toMultiple(int unit, boolean negative, int rounding) {
        BigInteger n = unit < 0 ? numerator.shiftLeft(-unit) : numerator;
        BigInteger d = unit < 0 ? denominator : denominator.shiftLeft(unit);
        BigInteger[] parts = n.divideAndRemainder(d);
        boolean inexact = parts[1].signum() != 0;
        int half = parts[1].shiftLeft(1).compareTo(d);
        boolean up =
                switch (rounding) {
                    case RoundingControl.NEAREST -> half > 0 || half == 0 && parts[0].testBit(0);
                    case RoundingControl.DOWN -> negative && inexact;
                    case RoundingControl.UP -> !negative && inexact;
                    default -> false;
                };
        BigInteger q = up ? parts[0].add(BigInteger.ONE) : parts[0];
        return new Rounded(q, unit, inexact ? FloatException.PRECISION : 0, up);
    }

    /// Rounds to a format with everything masked. An overflow has a significand of -1 if it goes to
    /// infinity.
    Rounded round(int precision, int maxExponent, boolean negative, int rounding) {
        int minExponent = 1 - maxExponent;
        int exponent = floorLog2();
        Rounded unbounded = toMultiple(exponent - precision + 1, negative, rounding);
        boolean carried = unbounded.significand.bitLength() > precision;
        int result = carried ? exponent + 1 : exponent;
        if (result > maxExponent) {
            int flags = FloatException.OVERFLOW | FloatException.PRECISION;
            boolean away =
                    rounding == RoundingControl.NEAREST
                            || rounding == (negative ? RoundingControl.DOWN : RoundingControl.UP);
            BigInteger largest = BigInteger.ONE.shiftLeft(precision).subtract(BigInteger.ONE);
            return away
                    ? new Rounded(BigInteger.ONE.negate(), 0, flags, true)
                    : new Rounded(largest, maxExponent - precision + 1, flags, false);
        }
        if (exponent >= minExponent) {
            return unbounded;
        }
        boolean tiny = result < minExponent;
        Rounded r = toMultiple(minExponent - precision + 1, negative, rounding);
        return tiny && r.flags != 0
                ? new Rounded(r.significand, r.unit, r.flags | FloatException.UNDERFLOW, r.up)
                : r;
    }
}
