package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;

/// Against series summed in decimal arithmetic with 60 digits, other series than those under test
/// where there is a choice.
class TranscendentalTest {
    private static final long SEED = 31337;
    private static final int ROUNDS = 300;
    private static final MathContext DIGITS = new MathContext(60);
    private static final BigDecimal TWO = BigDecimal.valueOf(2);
    private static final BigDecimal LN_2 = ln(TWO);
    private static final BigDecimal PI =
            atanSeries(inverse(5))
                    .multiply(BigDecimal.valueOf(16))
                    .subtract(atanSeries(inverse(239)).multiply(BigDecimal.valueOf(4)));

    /// The 66-bit pi of the processor.
    private static final BigDecimal HALF_PI_66 =
            new BigDecimal(new BigInteger("3243F6A8885A308D3", 16))
                    .divide(new BigDecimal(BigInteger.ONE.shiftLeft(65)));

    private static final long ONE = Long.MIN_VALUE;
    private static final int INFINITY = 0x7FFF;

    private final ExtendedUnit unit = new ExtendedUnit();
    private final Transcendental functions = new Transcendental(unit);
    private final Operands operands = new Operands(SEED);

    private static BigDecimal inverse(int n) {
        return BigDecimal.ONE.divide(BigDecimal.valueOf(n), DIGITS);
    }

    private static BigDecimal value(long significand, int signExponent) {
        BigDecimal s = new BigDecimal(new BigInteger(Long.toUnsignedString(significand)));
        int power = Extended.unbiased(signExponent) - 63;
        BigDecimal factor = new BigDecimal(BigInteger.ONE.shiftLeft(Math.abs(power)));
        BigDecimal v = power < 0 ? s.divide(factor, DIGITS) : s.multiply(factor, DIGITS);
        return Extended.isNegative(signExponent) ? v.negate() : v;
    }

    private static BigDecimal exp(BigDecimal x) {
        BigDecimal term = BigDecimal.ONE;
        BigDecimal sum = BigDecimal.ONE;
        for (int n = 1; n < 80; n++) {
            term = term.multiply(x).divide(BigDecimal.valueOf(n), DIGITS);
            sum = sum.add(term, DIGITS);
        }
        return sum;
    }

    /// By Newton's method on exp.
    private static BigDecimal ln(BigDecimal x) {
        BigDecimal y = new BigDecimal(Math.log(x.doubleValue()));
        for (int i = 0; i < 3; i++) {
            BigDecimal e = exp(y);
            y = y.add(TWO.multiply(x.subtract(e)).divide(x.add(e), DIGITS), DIGITS);
        }
        return y;
    }

    private static BigDecimal sin(BigDecimal x) {
        BigDecimal square = x.multiply(x, DIGITS);
        BigDecimal term = x;
        BigDecimal sum = x;
        for (int n = 2; n < 80; n += 2) {
            term = term.multiply(square).divide(BigDecimal.valueOf(-n * (n + 1L)), DIGITS);
            sum = sum.add(term, DIGITS);
        }
        return sum;
    }

    private static BigDecimal atanSeries(BigDecimal x) {
        BigDecimal square = x.multiply(x, DIGITS).negate();
        BigDecimal power = x;
        BigDecimal sum = x;
        for (int n = 3; n < 250; n += 2) {
            power = power.multiply(square, DIGITS);
            sum = sum.add(power.divide(BigDecimal.valueOf(n), DIGITS), DIGITS);
        }
        return sum;
    }

    private static BigDecimal atan(BigDecimal x) {
        // atan x = 2 atan (x / (1 + sqrt(1 + x^2))), three times
        BigDecimal t = x;
        for (int i = 0; i < 3; i++) {
            BigDecimal root = BigDecimal.ONE.add(t.multiply(t)).sqrt(DIGITS);
            t = t.divide(BigDecimal.ONE.add(root), DIGITS);
        }
        return atanSeries(t).multiply(BigDecimal.valueOf(8));
    }

    private void expectNear(BigDecimal want, String what) {
        BigDecimal got = value(unit.significand, unit.signExponent);
        int unitExponent = (unit.signExponent & Extended.EXPONENT) - Extended.BIAS - 63;
        BigDecimal error = got.subtract(want).abs();
        BigDecimal ulp =
                BigDecimal.ONE.divide(
                        new BigDecimal(BigInteger.ONE.shiftLeft(-unitExponent)), DIGITS);
        BigDecimal ulps = error.divide(ulp, DIGITS);
        assertThat(ulps.doubleValue())
                .as("seed %d: %s: %s, wanted %s", SEED, what, got, want)
                .isLessThan(0.5001);
    }

    private int signExponent(int least, int most) {
        int exponent = Extended.BIAS + least + operands.below(most - least + 1);
        return operands.flip() ? exponent | Extended.SIGN : exponent;
    }

    @Test
    void exponential() {
        for (int i = 0; i < ROUNDS; i++) {
            long s = operands.significand();
            int se = signExponent(-30, -1);
            functions.exponential(s, se);
            BigDecimal want = exp(value(s, se).multiply(LN_2)).subtract(BigDecimal.ONE);
            expectNear(want, "2^" + value(s, se) + "-1");
        }
    }

    @Test
    void sineCosineTangent() {
        for (int i = 0; i < ROUNDS; i++) {
            long s = operands.significand();
            int se = signExponent(-20, operands.flip() ? 3 : 62);
            BigDecimal x = value(s, se);
            BigDecimal turns = HALF_PI_66.multiply(BigDecimal.valueOf(4));
            BigDecimal rest = exactValue(s, se).remainder(turns);
            // The 66-bit pi is the period, but the functions themselves are exact: cos x is sin of
            // the distance to the nearest odd multiple of the processor's pi/2, up to 2^-66.
            BigDecimal sine = reducedSine(rest);
            BigDecimal cosine = reducedSine(rest.add(HALF_PI_66));
            assertThat(functions.sine(s, se)).isTrue();
            expectNear(sine, "sin " + x);
            assertThat(functions.cosine(s, se)).isTrue();
            expectNear(cosine, "cos " + x);
            assertThat(functions.tangent(s, se)).isTrue();
            expectNear(sine.divide(cosine, DIGITS), "tan " + x);
        }
    }

    private static BigDecimal exactValue(long significand, int signExponent) {
        BigDecimal s = new BigDecimal(new BigInteger(Long.toUnsignedString(significand)));
        int power = Extended.unbiased(signExponent) - 63;
        BigDecimal factor = new BigDecimal(BigInteger.ONE.shiftLeft(Math.abs(power)));
        BigDecimal v = power < 0 ? s.divide(factor) : s.multiply(factor);
        return Extended.isNegative(signExponent) ? v.negate() : v;
    }

    /// Sine in a world where the quarter period is [#HALF_PI_66].
    private static BigDecimal reducedSine(BigDecimal x) {
        long quarter = 0;
        BigDecimal r = x;
        BigDecimal half = HALF_PI_66.divide(TWO);
        while (r.compareTo(half) > 0) {
            r = r.subtract(HALF_PI_66);
            quarter++;
        }
        while (r.compareTo(half.negate()) < 0) {
            r = r.add(HALF_PI_66);
            quarter--;
        }
        BigDecimal sine = sin(r);
        BigDecimal magnitude =
                quarter % 2 == 0 ? sine : BigDecimal.ONE.subtract(sine.multiply(sine)).sqrt(DIGITS);
        return (quarter & 2) != 0 ? magnitude.negate() : magnitude;
    }

    @Test
    void arcTangent() {
        for (int i = 0; i < ROUNDS; i++) {
            long y = operands.significand();
            long x = operands.significand();
            int ySe = signExponent(-8, 8);
            int xSe = signExponent(-8, 8);
            BigDecimal ratio = value(y, ySe).divide(value(x, xSe), DIGITS);
            BigDecimal want = atan(ratio);
            if (Extended.isNegative(xSe)) {
                want = Extended.isNegative(ySe) ? want.subtract(PI) : want.add(PI);
            }
            functions.arcTangent(y, ySe, x, xSe);
            expectNear(want, "atan " + ratio);
        }
    }

    @Test
    void logarithms() {
        BigDecimal one = BigDecimal.ONE;
        for (int i = 0; i < ROUNDS / 4; i++) {
            long y = operands.significand();
            int ySe = signExponent(-5, 5);
            long x = operands.significand() | 1;
            int xSe = signExponent(-40, 40) & Extended.EXPONENT;
            BigDecimal scale = value(y, ySe).divide(LN_2, DIGITS);
            functions.logarithm(y, ySe, x, xSe);
            BigDecimal argument = value(x, xSe);
            int whole = Extended.unbiased(xSe);
            BigDecimal mantissa = value(x, Extended.BIAS);
            BigDecimal ln = ln(mantissa).add(LN_2.multiply(BigDecimal.valueOf(whole)));
            expectNear(ln.multiply(scale), "log " + argument);
            int smallSe = signExponent(-20, -3);
            functions.logarithmPlusOne(y, ySe, x, smallSe);
            BigDecimal small = value(x, smallSe);
            expectNear(ln(one.add(small)).multiply(scale), "log 1+" + small);
        }
    }

    private void expect(long significand, int signExponent, int flags) {
        assertThat(unit.flags).isEqualTo(flags);
        assertThat(unit.signExponent).isEqualTo(signExponent);
        assertThat(unit.significand).isEqualTo(significand);
    }

    private void expectIndefinite() {
        expect(Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT, INVALID);
    }

    @Test
    void argumentsOutOfRangeAreLeftToTheProgram() {
        assertThat(functions.sine(ONE, Extended.BIAS + 63)).isFalse();
        assertThat(functions.cosine(-1L, Extended.BIAS + 62)).isTrue();
        assertThat(functions.tangent(ONE, 0xFFFE)).isFalse();
        assertThat(functions.sine(ONE, INFINITY)).isTrue();
        expectIndefinite();
    }

    @Test
    void logarithmsOfSpecialNumbers() {
        functions.logarithm(ONE, Extended.BIAS, 0, 0);
        expect(ONE, 0xFFFF, ZERO_DIVIDE);
        functions.logarithm(ONE, INFINITY, 0, 0);
        expect(ONE, 0xFFFF, 0);
        functions.logarithm(0, 0, 0, 0);
        expectIndefinite();
        functions.logarithm(ONE, INFINITY, ONE, Extended.BIAS);
        expectIndefinite();
        functions.logarithm(0, 0, ONE, INFINITY);
        expectIndefinite();
        functions.logarithm(ONE, Extended.BIAS, ONE, Extended.SIGN | Extended.BIAS);
        expectIndefinite();
        functions.logarithm(ONE, Extended.SIGN | Extended.BIAS, ONE, Extended.BIAS);
        expect(0, Extended.SIGN, 0);
        functions.logarithmPlusOne(ONE, Extended.BIAS, 0, Extended.SIGN);
        expect(0, Extended.SIGN, 0);
    }

    @Test
    void anglesOfSpecialPoints() {
        functions.arcTangent(0, Extended.SIGN, 0, 0);
        expect(0, Extended.SIGN, 0);
        functions.arcTangent(0, 0, ONE, Extended.SIGN | Extended.BIAS);
        expectNear(PI, "pi");
        functions.arcTangent(ONE, 0xFFFF, ONE, 0xFFFF);
        expectNear(PI.multiply(BigDecimal.valueOf(-0.75)), "-3 pi/4");
        functions.arcTangent(ONE, Extended.BIAS, 0, Extended.SIGN);
        expectNear(PI.divide(TWO), "pi/2");
        functions.arcTangent(ONE, Extended.BIAS, ONE, INFINITY);
        expect(0, 0, 0);
    }
}
