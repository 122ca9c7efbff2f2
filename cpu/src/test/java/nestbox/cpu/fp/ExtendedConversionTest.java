package nestbox.cpu.fp;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;

class ExtendedConversionTest {
    private static final long SEED = 77;
    private static final int ROUNDS = 40_000;

    private final ExtendedUnit unit = new ExtendedUnit();
    private final ExtendedConversion conversion = new ExtendedConversion(unit);
    private final Operands operands = new Operands(SEED);

    @Test
    void integersRoundTrip() {
        for (int i = 0; i < ROUNDS; i++) {
            long value = operands.bits() >> operands.below(64);
            conversion.fromInteger(value);
            assertThat(conversion.toInteger(unit.significand, unit.signExponent, 64))
                    .isEqualTo(value);
            assertThat(unit.flags).isZero();
        }
    }

    @Test
    void integerStoresRoundOrAreInvalid() {
        for (int i = 0; i < ROUNDS; i++) {
            int rounding = operands.below(4);
            unit.control(0x033F | rounding << 10);
            long a = operands.significand();
            int width = new int[] {16, 32, 64}[operands.below(3)];
            int se = Extended.BIAS - 3 + operands.below(width + 6);
            boolean negative = operands.flip();
            int signExponent = negative ? se | Extended.SIGN : se;
            Exact x = Exact.ofUnsigned(a, Extended.unbiased(se) - 63);
            Exact.Rounded r = x.toMultiple(0, negative, rounding);
            BigInteger value = negative ? r.significand().negate() : r.significand();
            long got = conversion.toInteger(a, signExponent, width);
            String what = String.format("seed %d %04x:%016x to %d", SEED, signExponent, a, width);
            if (value.bitLength() < width) {
                assertThat(got).as(what).isEqualTo(value.longValue());
                assertThat(unit.flags).as(what).isEqualTo(r.flags());
                assertThat(unit.roundedUp).as(what).isEqualTo(r.up());
            } else {
                assertThat(got).as(what).isEqualTo(Long.MIN_VALUE >> 64 - width);
                assertThat(unit.flags).as(what).isEqualTo(FloatException.INVALID);
            }
            decimal(a, signExponent, value);
        }
    }

    private void decimal(long a, int signExponent, BigInteger value) {
        long low = conversion.toDecimal(a, signExponent);
        boolean fits = value.abs().toString().length() <= 18;
        if (!fits) {
            assertThat(low).isEqualTo(ExtendedConversion.DECIMAL_INDEFINITE_LOW);
            assertThat(conversion.decimalTop).isEqualTo(0xFFFF);
            return;
        }
        String digits = String.format("%02x%016x", conversion.decimalTop & 0xFF, low);
        assertThat(new BigInteger(digits)).isEqualTo(value.abs());
        assertThat(conversion.decimalTop & 0xFF00).isEqualTo(signExponent & 0x8000);
        conversion.fromDecimal(low, conversion.decimalTop);
        assertThat(conversion.toDecimal(unit.significand, unit.signExponent)).isEqualTo(low);
    }

    @Test
    void loadsOfShorterFormatsAreExact() {
        unit.control(ExtendedUnit.RESET_CONTROL);
        for (int i = 0; i < ROUNDS; i++) {
            long bits = operands.binary64();
            conversion.fromBinary64(bits);
            if (!Double.isNaN(Double.longBitsToDouble(bits))) {
                assertThat(conversion.toBinary64(unit.significand, unit.signExponent))
                        .isEqualTo(bits);
                assertThat(unit.flags).isZero();
            }
            int single = operands.binary32();
            conversion.fromBinary32(single);
            float value = Float.intBitsToFloat(single);
            if (value == value) {
                assertThat(
                                Double.longBitsToDouble(
                                        conversion.toBinary64(unit.significand, unit.signExponent)))
                        .isEqualTo(value);
            }
        }
    }

    @Test
    void storesToBinary64RoundAsJavaDoes() {
        unit.control(ExtendedUnit.RESET_CONTROL);
        for (int i = 0; i < ROUNDS; i++) {
            long a = operands.significand();
            int exponent = 1 + operands.below(0x7FFE);
            if (operands.below(4) != 0) {
                exponent = Extended.BIAS - 1090 + operands.below(2200);
            }
            Exact.Rounded r =
                    Exact.ofUnsigned(a, Extended.unbiased(exponent) - 63).round(53, 1023, false, 0);
            double want =
                    r.significand().signum() < 0
                            ? Double.POSITIVE_INFINITY
                            : Math.scalb(r.significand().doubleValue(), r.unit());
            long got = conversion.toBinary64(a, exponent);
            assertThat(Double.longBitsToDouble(got)).isEqualTo(want);
            assertThat(unit.flags).isEqualTo(r.flags());
            assertThat(unit.roundedUp).isEqualTo(r.up());
        }
    }

    @Test
    void anUnmaskedOverflowOfAStoreIsAllThatIsReported() {
        unit.control(ExtendedUnit.RESET_CONTROL & ~FloatException.OVERFLOW);
        conversion.toBinary32(-1L, Extended.BIAS + 200);
        assertThat(conversion.storeSuppressed()).isTrue();
        assertThat(unit.flags).isEqualTo(FloatException.OVERFLOW);
    }

    @Test
    void signalingNansAreQuieted() {
        conversion.fromBinary32(0xFF80_0001);
        assertThat(unit.signExponent).isEqualTo(0xFFFF);
        assertThat(unit.significand).isEqualTo(0xC000_0100_0000_0000L);
        assertThat(unit.flags).isEqualTo(FloatException.INVALID);
        assertThat(conversion.toBinary64(Long.MIN_VALUE | 1L << 61, 0x7FFF))
                .isEqualTo(0x7FFC_0000_0000_0000L);
        assertThat(unit.flags).isEqualTo(FloatException.INVALID);
    }
}
