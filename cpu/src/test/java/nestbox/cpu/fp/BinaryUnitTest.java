package nestbox.cpu.fp;

import static nestbox.cpu.fp.FloatException.DENORMAL;
import static nestbox.cpu.fp.FloatException.INVALID;
import static nestbox.cpu.fp.FloatException.PRECISION;
import static nestbox.cpu.fp.FloatException.UNDERFLOW;
import static nestbox.cpu.fp.FloatException.ZERO_DIVIDE;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import org.junit.jupiter.api.Test;

import java.math.BigInteger;

class BinaryUnitTest {
    private static final long SEED = 4711;
    private static final int ROUNDS = 60_000;
    private static final int DAZ = 1 << 6;
    private static final int FTZ = 1 << 15;
    private static final int STICKY = BinaryUnit.RESET_MXCSR | PRECISION;

    private final BinaryUnit unit = new BinaryUnit();
    private final Operands operands = new Operands(SEED);

    private static Exact exact(Binary f, long bits) {
        Wide w = new Wide();
        f.load(w, bits);
        return Exact.ofUnsigned(w.hi, w.exponent - 63);
    }

    private static long encode(Binary f, Exact.Rounded r, boolean negative) {
        long sign = negative ? f.sign : 0;
        if (r.significand().signum() < 0) {
            return sign | f.infinity;
        }
        int lowest = f.format.minExponent() - f.format.precision() + 1;
        BigInteger units = r.significand();
        int exponent = 0;
        int extra = units.bitLength() - f.format.precision();
        if (r.unit() + Math.max(extra, 0) > lowest || units.bitLength() >= f.format.precision()) {
            units = extra >= 0 ? units.shiftRight(extra) : units.shiftLeft(-extra);
            exponent = r.unit() + extra - lowest;
        }
        // With its integer bit, a normal significand adds one to the exponent.
        return sign | ((long) exponent << f.format.precision() - 1) + units.longValue();
    }

    private int anyMxcsr() {
        return operands.flip() ? STICKY : BinaryUnit.RESET_MXCSR | operands.below(4) << 13;
    }

    @Test
    void arithmeticRoundsTheExactResult() {
        for (int i = 0; i < ROUNDS; i++) {
            int mxcsr = anyMxcsr();
            Binary f = operands.flip() ? Binary.BINARY32 : Binary.BINARY64;
            long a = any(f);
            long b = operands.below(8) == 0 ? a ^ f.sign ^ operands.below(3) : any(f);
            if (f.magnitude(a) < f.infinity
                    && f.magnitude(b) < f.infinity
                    && !f.isZero(a)
                    && !f.isZero(b)) {
                finite(f, a, b, mxcsr);
            }
        }
    }

    private long any(Binary f) {
        return f == Binary.BINARY64 ? operands.binary64() : BinaryUnit.wide(operands.binary32());
    }

    private void finite(Binary f, long a, long b, int mxcsr) {
        Exact x = exact(f, a);
        Exact y = exact(f, b);
        boolean differ = f.isNegative(a ^ b);
        int denormal = f.isDenormal(a) || f.isDenormal(b) ? DENORMAL : 0;
        for (int op = 0; op < 5; op++) {
            Exact value =
                    switch (op) {
                        case 0 -> x.plus(y, differ);
                        case 1 -> x.plus(y, !differ);
                        case 2 -> x.times(y);
                        case 3 -> x.over(y);
                        default -> x.squareRoot();
                    };
            boolean negative = op == 4 ? false : op >= 2 ? differ : f.isNegative(a);
            negative ^= value.numerator().signum() < 0;
            unit.begin(mxcsr);
            long got = execute(f, op, op == 4 ? f.magnitude(a) : a, b);
            int rounding = mxcsr >>> 13 & 3;
            int flags = op == 4 ? (f.isDenormal(a) ? DENORMAL : 0) : denormal;
            long want;
            if (value.numerator().signum() == 0) {
                want = rounding == RoundingControl.DOWN ? f.sign : 0;
            } else {
                Exact magnitude = new Exact(value.numerator().abs(), value.denominator());
                Exact.Rounded r =
                        magnitude.round(
                                f.format.precision(), f.format.maxExponent(), negative, rounding);
                want = encode(f, r, negative);
                flags |= r.flags();
            }
            if (got != want || (unit.raised() | mxcsr) != (flags | mxcsr)) {
                fail(
                        "seed %d: op %d width %d mxcsr %x: %x, %x: got %x %x, want %x %x",
                        SEED, op, f.width, mxcsr, a, b, got, unit.raised(), want, flags);
            }
        }
    }

    private long execute(Binary f, int op, long a, long b) {
        if (f == Binary.BINARY64) {
            return switch (op) {
                case 0 -> unit.add64(a, b);
                case 1 -> unit.subtract64(a, b);
                case 2 -> unit.multiply64(a, b);
                case 3 -> unit.divide64(a, b);
                default -> unit.squareRoot64(a);
            };
        }
        int x = (int) a;
        int y = (int) b;
        return BinaryUnit.wide(
                switch (op) {
                    case 0 -> unit.add32(x, y);
                    case 1 -> unit.subtract32(x, y);
                    case 2 -> unit.multiply32(x, y);
                    case 3 -> unit.divide32(x, y);
                    default -> unit.squareRoot32(x);
                });
    }

    @Test
    void theFirstNanIsTheResult() {
        unit.begin(STICKY);
        assertThat(unit.add32(0x7F80_0001, 0x7FC0_0007)).isEqualTo(0x7FC0_0001);
        assertThat(unit.raised()).isEqualTo(INVALID);
        unit.begin(STICKY);
        assertThat(unit.subtract64(0, 0x7FF8_0000_0000_0007L)).isEqualTo(0x7FF8_0000_0000_0007L);
        assertThat(unit.raised()).isZero();
    }

    @Test
    void invalidOperationsGiveTheIndefinite() {
        unit.begin(STICKY);
        assertThat(unit.add32(0x7F80_0000, 0xFF80_0000)).isEqualTo(0xFFC0_0000);
        assertThat(unit.multiply32(0, 0x7F80_0000)).isEqualTo(0xFFC0_0000);
        assertThat(unit.divide32(0, 0)).isEqualTo(0xFFC0_0000);
        assertThat(unit.squareRoot32(0xBF80_0000)).isEqualTo(0xFFC0_0000);
        assertThat(unit.raised()).isEqualTo(INVALID);
        unit.begin(STICKY);
        assertThat(unit.divide64(1L << 62, Long.MIN_VALUE)).isEqualTo(0xFFF0_0000_0000_0000L);
        assertThat(unit.raised()).isEqualTo(ZERO_DIVIDE);
    }

    @Test
    void minimumAndMaximumReturnTheSecondOperandWhenInDoubt() {
        unit.begin(STICKY);
        assertThat(unit.minimum32(0x8000_0000, 0)).isZero();
        assertThat(unit.maximum32(0, 0x8000_0000)).isEqualTo(0x8000_0000);
        assertThat(unit.raised()).isZero();
        assertThat(unit.maximum32(0x7FC0_0000, 5 << 23)).isEqualTo(5 << 23);
        assertThat(unit.minimum32(5 << 23, 0x7F80_0001)).isEqualTo(0x7F80_0001);
        assertThat(unit.raised()).isEqualTo(INVALID);
    }

    @Test
    void denormalsAreZerosHidesThemAndTheirFlag() {
        unit.begin(STICKY | DAZ);
        assertThat(unit.add32(1, 0x8000_0001)).isZero();
        assertThat(unit.compare64(1, 0)).isEqualTo(Relation.EQUAL);
        assertThat(unit.raised()).isZero();
    }

    @Test
    void tinyResultsFlushToZero() {
        unit.begin(BinaryUnit.RESET_MXCSR | FTZ);
        assertThat(unit.multiply32(0x8080_0000, 0x3F00_0000)).isEqualTo(0x8000_0000);
        assertThat(unit.raised()).isEqualTo(UNDERFLOW | PRECISION);
        unit.begin((BinaryUnit.RESET_MXCSR | FTZ) & ~(UNDERFLOW << 7));
        unit.multiply32(0x8080_0000, 0x3F00_0000);
        assertThat(unit.unmasked()).isEqualTo(UNDERFLOW);
    }

    @Test
    void anUnmaskedEarlyExceptionHidesLateOnes() {
        unit.begin(BinaryUnit.RESET_MXCSR & ~(ZERO_DIVIDE << 7));
        unit.divide32(0x3F80_0000, 0);
        unit.divide32(0x3F80_0000, 0x4040_0000);
        assertThat(unit.raised()).isEqualTo(ZERO_DIVIDE);
        assertThat(unit.unmasked()).isEqualTo(ZERO_DIVIDE);
    }

    @Test
    void predicates() {
        long one = Double.doubleToRawLongBits(1);
        long two = Double.doubleToRawLongBits(2);
        long nan = Double.doubleToRawLongBits(Double.NaN);
        boolean[][] rows = { // a < b, a == b, a > b, unordered; SDM Table 3-1
            {false, true, false, false}, {true, false, false, false},
            {true, true, false, false}, {false, false, false, true},
            {true, false, true, true}, {false, true, true, true},
            {false, false, true, true}, {true, true, true, false},
            {false, true, false, true}, {true, false, false, true},
            {true, true, false, true}, {false, false, false, false},
            {true, false, true, false}, {false, true, true, false},
            {false, false, true, false}, {true, true, true, true}
        };
        String signaling = "0110011001100110";
        for (int p = 0; p < 32; p++) {
            boolean[] row = rows[p % 16];
            unit.begin(STICKY);
            assertThat(unit.matches64(p, one, two)).as("predicate %d", p).isEqualTo(row[0]);
            assertThat(unit.matches64(p, one, one)).as("predicate %d", p).isEqualTo(row[1]);
            assertThat(unit.matches64(p, two, one)).as("predicate %d", p).isEqualTo(row[2]);
            assertThat(unit.raised()).isZero();
            assertThat(unit.matches64(p, nan, one)).as("predicate %d", p).isEqualTo(row[3]);
            boolean signals = signaling.charAt(p % 16) == '1' ^ p >= 16;
            assertThat(unit.raised()).as("predicate %d", p).isEqualTo(signals ? INVALID : 0);
        }
    }
}
