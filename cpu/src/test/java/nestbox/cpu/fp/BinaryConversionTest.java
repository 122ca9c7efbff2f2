package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.DENORMAL;
import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.PRECISION;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.math.BigDecimal;
import java.math.BigInteger;

class BinaryConversionTest {
    private static final long SEED = 99;
    private static final int ROUNDS = 60_000;

    private final BinaryUnit unit = new BinaryUnit();
    private final BinaryConversion conversion = new BinaryConversion(unit);
    private final Operands operands = new Operands(SEED);

    private void begin(int rounding) {
        unit.begin(BinaryUnit.RESET_MXCSR | rounding << 13);
    }

    @Test
    void toIntegers() {
        for (int i = 0; i < ROUNDS; i++) {
            int rounding = operands.below(4);
            int width = operands.flip() ? 32 : 64;
            boolean truncating = operands.flip();
            boolean single = operands.flip();
            long bits = single ? operands.binary32() : operands.binary64();
            double value =
                    single ? Float.intBitsToFloat((int) bits) : Double.longBitsToDouble(bits);
            begin(rounding);
            long got;
            if (single) {
                got =
                        truncating
                                ? conversion.toIntegerTruncating32((int) bits, width)
                                : conversion.toInteger32((int) bits, width);
            } else {
                got =
                        truncating
                                ? conversion.toIntegerTruncating64(bits, width)
                                : conversion.toInteger64(bits, width);
            }
            long want = Long.MIN_VALUE >> 64 - width;
            int flags = INVALID;
            if (Double.isFinite(value)) {
                double integral = integral(value, truncating ? 3 : rounding);
                BigInteger integer = new BigDecimal(integral).toBigInteger();
                if (integer.bitLength() < width) {
                    want = integer.longValue();
                    flags = integral == value ? 0 : PRECISION;
                }
            }
            assertThat(got).as("seed %d: %s", SEED, value).isEqualTo(want);
            assertThat(unit.raised()).as("seed %d: %s", SEED, value).isEqualTo(flags);
        }
    }

    private static double integral(double value, int rounding) {
        return switch (rounding) {
            case RoundingControl.NEAREST -> Math.rint(value);
            case RoundingControl.DOWN -> Math.floor(value);
            case RoundingControl.UP -> Math.ceil(value);
            default -> value < 0 ? Math.ceil(value) : Math.floor(value);
        };
    }

    @Test
    void roundingToIntegralValues() {
        for (int i = 0; i < ROUNDS; i++) {
            int immediate = operands.below(16);
            int rounding = operands.below(4);
            int effective = immediate < 4 || immediate / 4 == 2 ? immediate & 3 : rounding;
            long bits = operands.binary64();
            double value = Double.longBitsToDouble(bits);
            if (Double.isNaN(value)) {
                continue;
            }
            begin(rounding);
            double got = Double.longBitsToDouble(conversion.roundToInteger64(bits, immediate));
            assertThat(got).isEqualTo(integral(value, effective));
            boolean inexact = got != value && immediate < 8;
            assertThat(unit.raised()).isEqualTo(inexact ? PRECISION : 0);
            int single = operands.binary32();
            float small = Float.intBitsToFloat(single);
            if (small == small) {
                got = Float.intBitsToFloat(conversion.roundToInteger32(single, immediate));
                assertThat(got).isEqualTo(integral(small, effective));
            }
        }
    }

    @Test
    void integersConvertAsInJava() {
        for (int i = 0; i < ROUNDS; i++) {
            long value = operands.bits() >> operands.below(64);
            begin(0);
            assertThat(Double.longBitsToDouble(conversion.integerTo64(value))).isEqualTo(value);
            assertThat(Float.intBitsToFloat(conversion.integerTo32(value))).isEqualTo(value);
        }
    }

    @Test
    void betweenTheFormats() {
        for (int i = 0; i < ROUNDS; i++) {
            long bits = operands.binary64();
            int single = operands.binary32();
            begin(0);
            double value = Double.longBitsToDouble(bits);
            float small = Float.intBitsToFloat(single);
            if (!Double.isNaN(value)) {
                assertThat(Float.intBitsToFloat(conversion.binary64To32(bits)))
                        .isEqualTo((float) value);
            }
            if (small == small) {
                assertThat(Double.longBitsToDouble(conversion.binary32To64(single)))
                        .isEqualTo(small);
            }
        }
        begin(0);
        assertThat(conversion.binary32To64(0xFF80_0001)).isEqualTo(0xFFF8_0000_2000_0000L);
        assertThat(unit.raised()).isEqualTo(INVALID);
        begin(0);
        conversion.binary32To64(1);
        assertThat(unit.raised()).isEqualTo(DENORMAL);
    }

    @Test
    void approximationsKeepTheirBound() {
        for (int i = 0; i < ROUNDS; i++) {
            int bits = operands.binary32();
            float a = Float.intBitsToFloat(bits);
            double reciprocal = Float.intBitsToFloat(BinaryConversion.reciprocal32(bits));
            if (Math.abs(a) >= Float.MIN_NORMAL && Math.abs(a) < 0x1.ffep125) {
                assertThat(Math.abs(reciprocal * a - 1)).isLessThan(0x1.8p-12);
            }
            double root = Float.intBitsToFloat(BinaryConversion.reciprocalSquareRoot32(bits));
            if (a >= Float.MIN_NORMAL && a < Float.POSITIVE_INFINITY) {
                assertThat(Math.abs(root * Math.sqrt(a) - 1)).isLessThan(0x1.8p-12);
            }
        }
        assertThat(BinaryConversion.reciprocal32(1)).isEqualTo(0x7F80_0000);
        assertThat(BinaryConversion.reciprocal32(0xFF80_0000)).isEqualTo(0x8000_0000);
        assertThat(BinaryConversion.reciprocalSquareRoot32(0xBF80_0000)).isEqualTo(0xFFC0_0000);
        assertThat(BinaryConversion.reciprocalSquareRoot32(0x8000_0000)).isEqualTo(0xFF80_0000);
    }
}
