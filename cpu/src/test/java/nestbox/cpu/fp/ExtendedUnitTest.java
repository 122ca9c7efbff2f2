package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.DENORMAL;
import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.OVERFLOW;
import static nestbox.cpu.fp.FloatException.PRECISION;
import static nestbox.cpu.fp.FloatException.UNDERFLOW;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;

class ExtendedUnitTest {
    private static final long SEED = 20240611;
    private static final int ROUNDS = 15_000;
    private static final long ONE = Long.MIN_VALUE;
    private static final int INFINITY = 0x7FFF;

    private final ExtendedUnit unit = new ExtendedUnit();
    private final Operands operands = new Operands(SEED);

    private int precision;
    private int rounding;

    private void anyControl() {
        rounding = operands.below(4);
        int code = new int[] {0, 2, 3}[operands.below(3)];
        precision = new int[] {24, 0, 53, 64}[code];
        unit.control(0x3F | code << 8 | rounding << 10);
    }

    private static Exact exact(long a, int aSe) {
        return Exact.ofUnsigned(a, Extended.unbiased(aSe) - 63);
    }

    private void expect(Exact value, boolean negative, int bits, int extraFlags, String what) {
        Exact.Rounded r = value.round(bits, 16383, negative, rounding);
        long significand;
        int exponent;
        if (r.significand().signum() < 0) {
            significand = ONE;
            exponent = INFINITY;
        } else if (r.significand().signum() == 0) {
            significand = 0;
            exponent = 0;
        } else {
            int top = r.unit() + r.significand().bitLength() - 1;
            int e = Math.max(top, -16382);
            BigInteger s = r.significand().shiftLeft(63 + r.unit() - e);
            significand = s.longValue();
            exponent = significand < 0 ? e + Extended.BIAS : 0;
        }
        int signExponent = exponent | (negative ? Extended.SIGN : 0);
        if (unit.significand != significand
                || unit.signExponent != signExponent
                || unit.flags != (r.flags() | extraFlags)
                || unit.roundedUp != r.up()) {
            fail(
                    "seed %d: %s, rc %d, %d bits: got %04x:%016x flags %x up %b, want %04x:%016x"
                            + " flags %x up %b",
                    SEED,
                    what,
                    rounding,
                    bits,
                    unit.signExponent,
                    unit.significand,
                    unit.flags,
                    unit.roundedUp,
                    signExponent,
                    significand,
                    r.flags() | extraFlags,
                    r.up());
        }
    }

    private void expect(long significand, int signExponent, int flags) {
        assertThat(unit.flags).isEqualTo(flags);
        assertThat(Integer.toHexString(unit.signExponent))
                .isEqualTo(Integer.toHexString(signExponent));
        assertThat(Long.toHexString(unit.significand)).isEqualTo(Long.toHexString(significand));
    }

    private void expectIndefinite() {
        expect(Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT, INVALID);
    }

    @Test
    void arithmeticRoundsTheExactResult() {
        for (int i = 0; i < ROUNDS; i++) {
            anyControl();
            boolean aDenormal = operands.below(20) == 0;
            boolean bDenormal = operands.below(20) == 0;
            int aSe = aDenormal ? operands.below(2) << 15 : operands.signExponent();
            int bSe = bDenormal ? operands.below(2) << 15 : operands.signExponent();
            if (operands.below(4) == 0 && !bDenormal) {
                bSe = bSe & Extended.SIGN | Math.max(aSe & Extended.EXPONENT, 1);
            }
            long a = aDenormal ? operands.denormal() : operands.significand();
            long b = bDenormal ? operands.denormal() : operands.significand();
            if (a != 0 && b != 0) {
                binary(a, aSe, b, bSe, aDenormal || bDenormal ? DENORMAL : 0);
            }
        }
    }

    private void binary(long a, int aSe, long b, int bSe, int denormal) {
        Exact x = exact(a, aSe);
        Exact y = exact(b, bSe);
        boolean differ = Extended.isNegative(aSe ^ bSe);
        String what = String.format("%04x:%016x, %04x:%016x", aSe, a, bSe, b);
        for (boolean subtract : new boolean[] {false, true}) {
            Exact sum = x.plus(y, differ ^ subtract);
            boolean negative = Extended.isNegative(aSe) ^ sum.numerator().signum() < 0;
            if (subtract) {
                unit.subtract(a, aSe, b, bSe);
            } else {
                unit.add(a, aSe, b, bSe);
            }
            if (sum.numerator().signum() == 0) {
                expect(0, rounding == RoundingControl.DOWN ? Extended.SIGN : 0, denormal);
            } else {
                Exact magnitude = new Exact(sum.numerator().abs(), sum.denominator());
                expect(magnitude, negative, precision, denormal, "sum " + what);
            }
        }
        unit.multiply(a, aSe, b, bSe);
        expect(x.times(y), differ, precision, denormal, "product " + what);
        unit.divide(a, aSe, b, bSe);
        expect(x.over(y), differ, precision, denormal, "quotient " + what);
        int positive = aSe & Extended.EXPONENT;
        unit.squareRoot(a, positive);
        int rootFlags = positive == 0 ? DENORMAL : 0;
        expect(x.squareRoot(), false, precision, rootFlags, "root " + what);
    }

    @Test
    void remainderAndItsQuotientBits() {
        ExtendedRemainder remainder = new ExtendedRemainder(unit);
        rounding = 0;
        unit.control(ExtendedUnit.RESET_CONTROL);
        for (int i = 0; i < ROUNDS; i++) {
            long a = operands.significand();
            long b = operands.significand();
            int aSe = operands.signExponent();
            int sameRange = (aSe & Extended.EXPONENT) - 3 + operands.below(70) - 60;
            int bSe = operands.flip() ? operands.signExponent() : Math.max(sameRange, 1);
            bSe = Math.clamp(bSe & Extended.EXPONENT, 1, 0x7FFE);
            boolean nearest = operands.flip();
            Exact x = exact(a, aSe);
            Exact y = exact(b, bSe);
            int distance = (aSe & Extended.EXPONENT) - bSe;
            if (nearest) {
                remainder.nearest(a, aSe, b, bSe);
            } else {
                remainder.truncating(a, aSe, b, bSe);
            }
            assertThat(remainder.partial).isEqualTo(distance >= 64);
            int power = distance >= 64 ? distance - (32 + distance % 32) : 0;
            Exact step = y.times(Exact.of(BigInteger.ONE, power));
            boolean tie = nearest && distance < 64;
            int mode = tie ? RoundingControl.NEAREST : RoundingControl.TOWARD_ZERO;
            BigInteger q = x.over(step).toMultiple(0, false, mode).significand();
            Exact rest = x.plus(step.times(Exact.of(q, 0)), true);
            String what = String.format("rem %b %04x:%016x, %04x:%016x", nearest, aSe, a, bSe, b);
            boolean negative = Extended.isNegative(aSe);
            if (rest.numerator().signum() == 0) {
                expect(0, aSe & Extended.SIGN, 0);
            } else {
                negative ^= rest.numerator().signum() < 0;
                Exact magnitude = new Exact(rest.numerator().abs(), rest.denominator());
                expect(magnitude, negative, 64, 0, what);
            }
            int low = remainder.partial ? 0 : q.intValue() & 7;
            assertThat(remainder.quotient).as(what).isEqualTo(low);
        }
    }

    @Test
    void integersAndScaling() {
        for (int i = 0; i < ROUNDS; i++) {
            anyControl();
            long a = operands.significand();
            int aSe = operands.signExponent();
            boolean negative = Extended.isNegative(aSe);
            Exact x = exact(a, aSe);
            unit.roundToInteger(a, aSe);
            Exact.Rounded r = x.toMultiple(0, negative, rounding);
            assertThat(unit.flags).isEqualTo(r.flags());
            assertThat(unit.roundedUp).isEqualTo(r.up());
            if (r.significand().signum() == 0) {
                expect(0, aSe & Extended.SIGN, r.flags());
            } else {
                Exact integer = new Exact(r.significand(), BigInteger.ONE);
                int flags = unit.flags;
                boolean up = unit.roundedUp;
                unit.flags = 0;
                unit.roundedUp = false;
                expect(integer, negative, 64, 0, "rounded");
                unit.flags = flags;
                unit.roundedUp = up;
            }
            int power = operands.below(40_000) - 20_000;
            new ExtendedConversion(unit).fromInteger(power);
            unit.scale(a, aSe, unit.significand, unit.signExponent);
            Exact scaled = x.times(Exact.of(BigInteger.ONE, power));
            expect(scaled, negative, 64, 0, "scaled by " + power);
            unit.extractExponent(a, aSe);
            long e = Extended.unbiased(aSe);
            assertThat(
                            new ExtendedConversion(unit)
                                    .toInteger(unit.significand, unit.signExponent, 64))
                    .isEqualTo(e);
            unit.extractSignificand(a, aSe);
            expect(a, aSe & Extended.SIGN | Extended.BIAS, 0);
        }
    }

    @Test
    void comparisonOrdersValues() {
        for (int i = 0; i < ROUNDS; i++) {
            long a = operands.significand();
            int aSe = operands.signExponent();
            long b = operands.flip() ? a : operands.significand();
            int bSe = operands.flip() ? aSe : operands.signExponent();
            Exact x = exact(a, aSe);
            Exact y = exact(b, bSe);
            int order = x.plus(y, true).numerator().signum() * (aSe >= 0x8000 ? -1 : 1);
            if (Extended.isNegative(aSe ^ bSe)) {
                order = aSe >= 0x8000 ? -1 : 1;
            }
            int want = order == 0 ? Relation.EQUAL : order < 0 ? Relation.LESS : Relation.GREATER;
            assertThat(unit.compare(a, aSe, b, bSe)).isEqualTo(want);
            assertThat(unit.compareUnordered(a, aSe, b, bSe)).isEqualTo(want);
            assertThat(unit.flags).isZero();
        }
    }

    @Test
    void unorderedOperands() {
        long quiet = ONE | Extended.QUIET_BIT;
        assertThat(unit.compare(quiet, INFINITY, ONE, 1)).isEqualTo(Relation.UNORDERED);
        assertThat(unit.flags).isEqualTo(INVALID);
        assertThat(unit.compareUnordered(ONE, 1, quiet, INFINITY)).isEqualTo(Relation.UNORDERED);
        assertThat(unit.flags).isZero();
        assertThat(unit.compareUnordered(ONE, 1, ONE | 1, INFINITY)).isEqualTo(Relation.UNORDERED);
        assertThat(unit.flags).isEqualTo(INVALID);
        assertThat(unit.compare(0, 0, 0, Extended.SIGN)).isEqualTo(Relation.EQUAL);
    }

    @Test
    void theLargerNanWinsAndIsQuieted() {
        unit.add(ONE | 5, INFINITY, ONE | 9, INFINITY);
        expect(ONE | Extended.QUIET_BIT | 9, INFINITY, INVALID);
        unit.multiply(ONE | 5, INFINITY, ONE, Extended.BIAS);
        expect(ONE | Extended.QUIET_BIT | 5, INFINITY, INVALID);
        // A quiet one beats a signaling one whatever they hold.
        unit.divide(ONE | 99, INFINITY, ONE | Extended.QUIET_BIT, 0xFFFF);
        expect(ONE | Extended.QUIET_BIT, 0xFFFF, INVALID);
        // The sign of a NaN doesn't change in a subtraction.
        unit.subtract(ONE, Extended.BIAS, ONE | Extended.QUIET_BIT | 7, INFINITY);
        expect(ONE | Extended.QUIET_BIT | 7, INFINITY, 0);
    }

    @Test
    void invalidOperationsGiveTheIndefinite() {
        unit.add(1, 5, ONE, Extended.BIAS); // an unnormal
        expectIndefinite();
        unit.subtract(ONE, INFINITY, ONE, INFINITY);
        expectIndefinite();
        unit.multiply(0, 0, ONE, INFINITY);
        expectIndefinite();
        unit.divide(0, 0, 0, Extended.SIGN);
        expectIndefinite();
        unit.divide(ONE, INFINITY, ONE, INFINITY);
        expectIndefinite();
        unit.squareRoot(ONE, Extended.SIGN | Extended.BIAS);
        expectIndefinite();
        unit.squareRoot(0, Extended.SIGN);
        expect(0, Extended.SIGN, 0);
    }

    @Test
    void divisionByZero() {
        unit.divide(ONE, Extended.BIAS, 0, Extended.SIGN);
        expect(ONE, 0xFFFF, ZERO_DIVIDE);
        unit.extractExponent(0, 0);
        expect(ONE, 0xFFFF, ZERO_DIVIDE);
    }

    @Test
    void anUnmaskedDenormalOperandEndsTheOperation() {
        unit.control(0x037F & ~DENORMAL);
        unit.divide(1, 0, ONE | 1, Extended.BIAS);
        assertThat(unit.suppressed()).isTrue();
        assertThat(unit.flags).isEqualTo(DENORMAL);
    }

    @Test
    void unmaskedOverflowAndUnderflowAdjustTheExponent() {
        unit.control(0x037F & ~OVERFLOW & ~UNDERFLOW);
        unit.multiply(ONE, 0x7FFE, ONE, 0x7FFE);
        expect(ONE, 0x7FFE + 0x7FFE - Extended.BIAS - 24576, OVERFLOW);
        assertThat(unit.suppressed()).isFalse();
        unit.multiply(ONE, 1, ONE, 1);
        expect(ONE, 2 - Extended.BIAS + 24576, UNDERFLOW);
        // "Massive" ones are beyond even that.
        unit.scale(ONE, Extended.BIAS, ONE, Extended.BIAS + 40);
        expect(ONE, INFINITY, OVERFLOW | PRECISION);
        unit.scale(ONE, Extended.BIAS, ONE, Extended.SIGN | Extended.BIAS + 40);
        expect(0, 0, UNDERFLOW | PRECISION);
    }
}
