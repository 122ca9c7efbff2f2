package nestbox.cpu.simd;

import static nestbox.cpu.simd.Operands.DST;
import static nestbox.cpu.simd.Operands.SRC;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.zip.CRC32C;

/// Carry-less products equal long multiplication; CRC32 is the JDK's CRC-32C.
class PolynomialsTest {
    @Test
    void productEqualsLongMultiplication() {
        Operands operands = new Operands(5);
        for (int round = 0; round < 5_000; round++) {
            operands.fill(DST, 16);
            operands.fill(SRC, 16);
            int imm = operands.below(256);
            long a = SPACE.get(I64, DST + 8 * (imm & 1));
            long b = SPACE.get(I64, SRC + 8 * (imm >> 4 & 1));
            long low = 0;
            long high = 0;
            for (int i = 0; i < 64; i++) {
                if ((b >>> i & 1) != 0) {
                    low ^= a << i;
                    high ^= i == 0 ? 0 : a >>> 64 - i;
                }
            }
            Polynomials.pclmulqdq(DST, SRC, imm);
            assertThat(SPACE.get(I64, DST)).isEqualTo(low);
            assertThat(SPACE.get(I64, DST + 8)).isEqualTo(high);
        }
    }

    @Test
    void crcEqualsTheOneOfTheJdk() {
        Operands operands = new Operands(6);
        for (int round = 0; round < 1_000; round++) {
            CRC32C expected = new CRC32C();
            int crc = -1;
            for (int step = 0; step < 5; step++) {
                int bytes = 1 << operands.below(4);
                long value = operands.word();
                for (int i = 0; i < bytes; i++) {
                    expected.update((int) (value >>> 8 * i) & 0xff);
                }
                crc = Polynomials.crc32(crc, value, bytes);
            }
            assertThat(~crc & 0xffff_ffffL).isEqualTo(expected.getValue());
        }
    }
}
