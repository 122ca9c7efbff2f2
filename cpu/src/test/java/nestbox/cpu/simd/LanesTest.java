package nestbox.cpu.simd;

import static nestbox.cpu.simd.Operands.DST;
import static nestbox.cpu.simd.Operands.SRC;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.math.BigInteger;
import java.util.function.LongBinaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// Every packed operation equals the same operation on one lane after another.
class LanesTest {
    /// An operation, its lane width and what it does to a lane of two numbers.
    record Row(
            String name,
            LongBinaryOperator packed,
            int width,
            boolean signed,
            LongBinaryOperator lane) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Row signed(
            String name, LongBinaryOperator packed, int width, LongBinaryOperator lane) {
        return new Row(name, packed, width, true, lane);
    }

    private static Row unsigned(
            String name, LongBinaryOperator packed, int width, LongBinaryOperator lane) {
        return new Row(name, packed, width, false, lane);
    }

    private static LongBinaryOperator saturated(long least, long greatest, LongBinaryOperator op) {
        return (a, b) -> Math.clamp(op.applyAsLong(a, b), least, greatest);
    }

    private static LongBinaryOperator mask(LongBinaryOperator compare) {
        return (a, b) -> compare.applyAsLong(a, b) != 0 ? -1 : 0;
    }

    static Stream<Row> rows() {
        LongBinaryOperator add = (a, b) -> a + b;
        LongBinaryOperator sub = (a, b) -> a - b;
        LongBinaryOperator average = (a, b) -> (a + b + 1) / 2;
        LongBinaryOperator equal = mask((a, b) -> a == b ? 1 : 0);
        LongBinaryOperator greater = mask((a, b) -> a > b ? 1 : 0);
        LongBinaryOperator absolute = (a, b) -> Math.abs(b);
        LongBinaryOperator sign = (a, b) -> a * Long.signum(b);
        return Stream.of(
                signed("paddb", Lanes::paddb, 8, add),
                signed("paddw", Lanes::paddw, 16, add),
                signed("paddd", Lanes::paddd, 32, add),
                signed("paddq", Lanes::paddq, 64, add),
                signed("psubb", Lanes::psubb, 8, sub),
                signed("psubw", Lanes::psubw, 16, sub),
                signed("psubd", Lanes::psubd, 32, sub),
                signed("psubq", Lanes::psubq, 64, sub),
                signed("paddsb", Lanes::paddsb, 8, saturated(-128, 127, add)),
                signed("paddsw", Lanes::paddsw, 16, saturated(-32768, 32767, add)),
                signed("psubsb", Lanes::psubsb, 8, saturated(-128, 127, sub)),
                signed("psubsw", Lanes::psubsw, 16, saturated(-32768, 32767, sub)),
                unsigned("paddusb", Lanes::paddusb, 8, saturated(0, 255, add)),
                unsigned("paddusw", Lanes::paddusw, 16, saturated(0, 65535, add)),
                unsigned("psubusb", Lanes::psubusb, 8, saturated(0, 255, sub)),
                unsigned("psubusw", Lanes::psubusw, 16, saturated(0, 65535, sub)),
                unsigned("pavgb", Lanes::pavgb, 8, average),
                unsigned("pavgw", Lanes::pavgw, 16, average),
                signed("pabsb", Lanes::pabsb, 8, absolute),
                signed("pabsw", Lanes::pabsw, 16, absolute),
                signed("pabsd", Lanes::pabsd, 32, absolute),
                signed("psignb", Lanes::psignb, 8, sign),
                signed("psignw", Lanes::psignw, 16, sign),
                signed("psignd", Lanes::psignd, 32, sign),
                signed("pcmpeqb", Lanes::pcmpeqb, 8, equal),
                signed("pcmpeqw", Lanes::pcmpeqw, 16, equal),
                signed("pcmpeqd", Lanes::pcmpeqd, 32, equal),
                signed("pcmpeqq", Lanes::pcmpeqq, 64, equal),
                signed("pcmpgtb", Lanes::pcmpgtb, 8, greater),
                signed("pcmpgtw", Lanes::pcmpgtw, 16, greater),
                signed("pcmpgtd", Lanes::pcmpgtd, 32, greater),
                signed("pcmpgtq", Lanes::pcmpgtq, 64, greater),
                unsigned("pminub", Lanes::pminub, 8, Math::min),
                unsigned("pminuw", Lanes::pminuw, 16, Math::min),
                unsigned("pminud", Lanes::pminud, 32, Math::min),
                signed("pminsb", Lanes::pminsb, 8, Math::min),
                signed("pminsw", Lanes::pminsw, 16, Math::min),
                signed("pminsd", Lanes::pminsd, 32, Math::min),
                unsigned("pmaxub", Lanes::pmaxub, 8, Math::max),
                unsigned("pmaxuw", Lanes::pmaxuw, 16, Math::max),
                unsigned("pmaxud", Lanes::pmaxud, 32, Math::max),
                signed("pmaxsb", Lanes::pmaxsb, 8, Math::max),
                signed("pmaxsw", Lanes::pmaxsw, 16, Math::max),
                signed("pmaxsd", Lanes::pmaxsd, 32, Math::max),
                signed("pand", Lanes::pand, 8, (a, b) -> a & b),
                signed("pandn", Lanes::pandn, 8, (a, b) -> ~a & b),
                signed("por", Lanes::por, 8, (a, b) -> a | b),
                signed("pxor", Lanes::pxor, 8, (a, b) -> a ^ b),
                signed("pmullw", Products::pmullw, 16, (a, b) -> a * b),
                signed("pmulhw", Products::pmulhw, 16, (a, b) -> a * b >> 16),
                unsigned("pmulhuw", Products::pmulhuw, 16, (a, b) -> a * b >> 16),
                signed("pmulhrsw", Products::pmulhrsw, 16, (a, b) -> (a * b >> 14) + 1 >> 1),
                signed("pmulld", Products::pmulld, 32, (a, b) -> a * b),
                signed("pmuldq", Products::pmuldq, 64, (a, b) -> (long) (int) a * (int) b),
                signed("pmuludq", Products::pmuludq, 64, LanesTest::unsignedProduct));
    }

    private static long unsignedProduct(long a, long b) {
        BigInteger x = new BigInteger(Integer.toUnsignedString((int) a));
        return x.multiply(new BigInteger(Integer.toUnsignedString((int) b))).longValue();
    }

    @ParameterizedTest
    @MethodSource("rows")
    void packedEqualsLaneAfterLane(Row row) {
        Operands operands = new Operands(row.name.hashCode());
        for (int round = 0; round < 2000; round++) {
            int bytes = 8 << operands.below(3);
            operands.fill(DST, bytes);
            operands.fill(SRC, bytes);
            byte[] a = Operands.bytes(DST, bytes);
            byte[] b = Operands.bytes(SRC, bytes);
            byte[] expected = new byte[bytes];
            for (int i = 0; i < bytes * 8 / row.width; i++) {
                long x =
                        row.signed
                                ? Operands.signed(a, row.width, i)
                                : Operands.unsigned(a, row.width, i);
                long y =
                        row.signed
                                ? Operands.signed(b, row.width, i)
                                : Operands.unsigned(b, row.width, i);
                Operands.put(expected, row.width, i, row.lane.applyAsLong(x, y));
            }

            Packed.lanes(row.packed, DST, SRC, bytes);

            assertThat(Operands.bytes(DST, bytes)).isEqualTo(expected);
            assertThat(Operands.bytes(SRC, bytes)).isEqualTo(b);
        }
    }

    static Stream<Row> sums() {
        return Stream.of(
                signed("pmaddwd", Products::pmaddwd, 32, LanesTest::multiplyAddWords),
                signed("pmaddubsw", Products::pmaddubsw, 16, LanesTest::multiplyAddBytes),
                signed("psadbw", Products::psadbw, 64, LanesTest::absoluteDifferences));
    }

    private static long multiplyAddWords(long a, long b) {
        return (long) (short) a * (short) b + (long) (short) (a >> 16) * (short) (b >> 16);
    }

    private static long multiplyAddBytes(long a, long b) {
        long sum = (a & 0xff) * (byte) b + (a >> 8 & 0xff) * (byte) (b >> 8);
        return Math.clamp(sum, -32768L, 32767L);
    }

    private static long absoluteDifferences(long a, long b) {
        return IntStream.range(0, 8)
                .mapToLong(i -> Math.abs((a >>> 8 * i & 0xff) - (b >>> 8 * i & 0xff)))
                .sum();
    }

    @ParameterizedTest
    @MethodSource("sums")
    void sumsEqualLaneAfterLane(Row row) {
        packedEqualsLaneAfterLane(row);
    }

    static Stream<Row> shifts() {
        return Stream.of(
                unsigned("psllw", Shifts::psllw, 16, (a, n) -> a << n),
                unsigned("pslld", Shifts::pslld, 32, (a, n) -> a << n),
                unsigned("psllq", Shifts::psllq, 64, (a, n) -> a << n),
                unsigned("psrlw", Shifts::psrlw, 16, (a, n) -> a >>> n),
                unsigned("psrld", Shifts::psrld, 32, (a, n) -> a >>> n),
                unsigned("psrlq", Shifts::psrlq, 64, (a, n) -> a >>> n),
                signed("psraw", Shifts::psraw, 16, (a, n) -> a >> n),
                signed("psrad", Shifts::psrad, 32, (a, n) -> a >> n));
    }

    @ParameterizedTest
    @MethodSource("shifts")
    void shiftEqualsLaneAfterLane(Row row) {
        Operands operands = new Operands(row.name.hashCode());
        for (int round = 0; round < 2000; round++) {
            int bytes = 8 << operands.below(3);
            operands.fill(DST, bytes);
            long count = operands.below(8) == 0 ? operands.word() : operands.below(70);
            boolean pastLane = count < 0 || count >= row.width;
            byte[] a = Operands.bytes(DST, bytes);
            byte[] expected = new byte[bytes];
            for (int i = 0; i < bytes * 8 / row.width; i++) {
                long x =
                        row.signed
                                ? Operands.signed(a, row.width, i)
                                : Operands.unsigned(a, row.width, i);
                long past = row.signed ? x >> 63 : 0;
                Operands.put(
                        expected, row.width, i, pastLane ? past : row.lane.applyAsLong(x, count));
            }

            Packed.shift(row.packed, DST, count, bytes);

            assertThat(Operands.bytes(DST, bytes)).as("count %d", count).isEqualTo(expected);
        }
    }
}
