package nestbox.cpu.simd;

import static nestbox.cpu.simd.Packed.load;
import static nestbox.cpu.simd.Packed.store;

/// Arithmetic on polynomials over GF(2): PCLMULQDQ and CRC32.
public final class Polynomials {
    /// Every fourth coefficient.
    private static final long SPARSE = 0x1111_1111_1111_1111L;

    /// 11EDC6F41H, the polynomial of CRC32, with its coefficients in reverse order.
    private static final int CRC_REFLECTED = 0x82f6_3b78;

    private static final int[] CRC_TABLE = new int[256];

    static {
        for (int i = 0; i < 256; i++) {
            int remainder = i;
            for (int bit = 0; bit < 8; bit++) {
                remainder = remainder >>> 1 ^ CRC_REFLECTED & -(remainder & 1);
            }
            CRC_TABLE[i] = remainder;
        }
    }

    private Polynomials() {}

    /// Bit 0 of `imm` chooses the quadword of the destination, bit 4 that of the source.
    public static void pclmulqdq(long dst, long src, int imm) {
        long a = load(dst + 8 * (imm & 1));
        long b = load(src + 8 * (imm >>> 4 & 1));
        store(dst, productLow(a, b));
        store(dst + 8, productHigh(a, b));
    }

    /// The low half of the product without carries.
    ///
    /// Ordinary multiplication of polynomials that have at most every fourth coefficient set
    /// leaves three bits of room for carries. A coefficient below bit 60 is the sum of fewer than
    /// 16 bits, so its own lowest bit, their exclusive or, is not disturbed.
    static long productLow(long a, long b) {
        long result = 0;
        for (int k = 0; k < 4; k++) {
            long sum = 0;
            for (int i = 0; i < 4; i++) {
                sum ^= (a & SPARSE << i) * (b & SPARSE << (k - i & 3));
            }
            result |= sum & SPARSE << k;
        }
        return result;
    }

    /// The high half: reversing the coefficients of both factors reverses those of the product.
    static long productHigh(long a, long b) {
        return Long.reverse(productLow(Long.reverse(a), Long.reverse(b))) >>> 1;
    }

    /// Continues a CRC-32C over the low `bytes` bytes of `value`, lowest first.
    public static int crc32(int crc, long value, int bytes) {
        int remainder = crc;
        long rest = value;
        for (int i = 0; i < bytes; i++) {
            remainder = CRC_TABLE[(remainder ^ (int) rest) & 0xff] ^ remainder >>> 8;
            rest >>>= 8;
        }
        return remainder;
    }
}
