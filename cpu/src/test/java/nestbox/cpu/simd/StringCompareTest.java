package nestbox.cpu.simd;

import static nestbox.cpu.simd.Operands.DST;
import static nestbox.cpu.simd.Operands.SRC;
import static nestbox.cpu.simd.Operands.THIRD;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// String comparison equals the manual's matrix of comparisons with its overrides.
class StringCompareTest {
    /// SDM Vol. 1, "Imm8 Control Byte Operation ...": BoolRes, its overrides, IntRes1, IntRes2.
    private static int matrix(byte[] first, int n, byte[] second, int m, int imm) {
        int elements = (imm & 1) != 0 ? 8 : 16;
        int aggregation = imm >>> 2 & 3;
        boolean[][] match = new boolean[elements][elements];
        for (int j = 0; j < elements; j++) {
            for (int i = 0; i < elements; i++) {
                long x = element(first, i, imm);
                long y = element(second, j, imm);
                boolean plain = aggregation != 1 ? x == y : i % 2 == 0 ? y >= x : y <= x;
                match[j][i] = overridden(plain, i >= n, j >= m, aggregation);
            }
        }
        int result1 = 0;
        for (int j = 0; j < elements; j++) {
            result1 |= (aggregate(match, j, elements, aggregation) ? 1 : 0) << j;
        }
        int result2 = 0;
        for (int j = 0; j < elements; j++) {
            int bit = result1 >>> j & 1;
            boolean negated = (imm >>> 4 & 3) == 1 || (imm >>> 4 & 3) == 3 && j < m;
            result2 |= (negated ? 1 - bit : bit) << j;
        }
        return result2;
    }

    private static long element(byte[] string, int i, int imm) {
        int width = (imm & 1) != 0 ? 16 : 8;
        return (imm & 2) != 0
                ? Operands.signed(string, width, i)
                : Operands.unsigned(string, width, i);
    }

    private static boolean overridden(
            boolean plain, boolean firstInvalid, boolean secondInvalid, int aggregation) {
        if (firstInvalid && secondInvalid) {
            return aggregation >= 2;
        }
        if (firstInvalid) {
            return aggregation == 3;
        }
        return !secondInvalid && plain;
    }

    private static boolean aggregate(boolean[][] match, int j, int elements, int aggregation) {
        boolean any = false;
        boolean ordered = true;
        boolean range = false;
        for (int i = 0; i < elements; i++) {
            any |= match[j][i];
            ordered &= j + i >= elements || match[j + i][i];
            range |= i % 2 == 0 && match[j][i] && match[j][i + 1];
        }
        return switch (aggregation) {
            case 0 -> any;
            case 1 -> range;
            case 2 -> match[j][j];
            default -> ordered;
        };
    }

    @Test
    void positionsEqualTheMatrix() {
        Operands operands = new Operands(42);
        for (int round = 0; round < 20_000; round++) {
            int imm = operands.below(128);
            int elements = StringCompare.elements(imm);
            operands.fillText(DST, 1 + operands.below(5));
            operands.fillText(SRC, 1 + operands.below(5));
            int n = operands.below(2) == 0 ? elements : operands.below(elements + 1);
            int m = operands.below(2) == 0 ? elements : operands.below(elements + 1);
            int expected = matrix(Operands.bytes(DST, 16), n, Operands.bytes(SRC, 16), m, imm);
            assertThat(StringCompare.positions(DST, n, SRC, m, imm))
                    .as("imm %x lengths %d %d", imm, n, m)
                    .isEqualTo(expected);
        }
    }

    @Test
    void implicitLengthCountsUpToTheFirstNull() {
        Operands operands = new Operands(43);
        for (int round = 0; round < 5_000; round++) {
            int imm = operands.below(2);
            operands.fillText(SRC, 2 + operands.below(12));
            byte[] b = Operands.bytes(SRC, 16);
            int length = 0;
            while (length < StringCompare.elements(imm) && element(b, length, imm) != 0) {
                length++;
            }
            assertThat(StringCompare.implicitLength(SRC, imm)).isEqualTo(length);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0,0",
        "5,5",
        "-5,5",
        "15,15",
        "16,16",
        "-16,16",
        "17,16",
        "-2147483648,16",
        "-9223372036854775808,16"
    })
    void explicitLengthIsAbsoluteAndBounded(long register, int length) {
        assertThat(StringCompare.explicitLength(register, 0)).isEqualTo(length);
        assertThat(StringCompare.explicitLength(register, 1)).isEqualTo(Math.min(length, 8));
    }

    @Test
    void indexIsTheFirstOrLastPositionOrTheNumberOfElements() {
        assertThat(StringCompare.index(0b0110_0100, 0)).isEqualTo(2);
        assertThat(StringCompare.index(0b0110_0100, 0x40)).isEqualTo(6);
        assertThat(StringCompare.index(0, 0x40)).isEqualTo(16);
        assertThat(StringCompare.index(0, 1)).isEqualTo(8);
    }

    @Test
    void maskIsBitsOrElements() {
        StringCompare.mask(THIRD, 0x8421, 0);
        assertThat(Operands.bytes(THIRD, 16))
                .containsExactly(0x21, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        StringCompare.mask(THIRD, 0x8001, 0x40);
        assertThat(Operands.bytes(THIRD, 16))
                .containsExactly(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1);
        StringCompare.mask(THIRD, 0x82, 0x41);
        assertThat(Operands.bytes(THIRD, 16))
                .containsExactly(0, 0, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1);
    }
}
