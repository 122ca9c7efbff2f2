package nestbox.cpu.simd;

import static nestbox.cpu.simd.Packed.load;
import static nestbox.cpu.simd.Packed.store;

/// The AES instructions. SDM Vol. 1, "Intel Advanced Encryption Standard Instructions (AESNI)".
///
/// The state is 16 bytes in memory order: byte `4c + r` is row r of column c, so a column is a
/// little-endian doubleword. One table lookup per byte substitutes it and multiplies it by its
/// column of the MixColumns matrix. All tables follow from the field's definition, FIPS 197.
public final class Aes {
    /// x^8 + x^4 + x^3 + x + 1
    private static final int FIELD_POLYNOMIAL = 0x11b;

    private static final byte[] SUBSTITUTE = new byte[256];
    private static final byte[] SUBSTITUTE_INVERSE = new byte[256];

    /// What a byte in row 0 contributes to its column; other rows rotate it.
    private static final int[] ENCRYPT = new int[256];

    private static final int[] DECRYPT = new int[256];

    /// MixColumns' inverse without the substitution.
    private static final int[] UNMIX = new int[256];

    static {
        int inverse = 1;
        int element = 1;
        // 3 generates the field's 255 units, and F6H is its inverse.
        do {
            substitute(element, inverse);
            element = multiply(element, 3);
            inverse = multiply(inverse, 0xf6);
        } while (element != 1);
        substitute(0, 0);
        for (int x = 0; x < 256; x++) {
            int s = SUBSTITUTE[x] & 0xff;
            ENCRYPT[x] = column(s, 2, 1, 1, 3);
            UNMIX[x] = column(x, 14, 9, 13, 11);
        }
        for (int x = 0; x < 256; x++) {
            DECRYPT[x] = UNMIX[SUBSTITUTE_INVERSE[x] & 0xff];
        }
    }

    private Aes() {}

    private static void substitute(int element, int inverse) {
        int doubled = inverse << 8 | inverse;
        int rotations = doubled >>> 7 ^ doubled >>> 6 ^ doubled >>> 5 ^ doubled >>> 4;
        int s = (inverse ^ rotations ^ 0x63) & 0xff;
        SUBSTITUTE[element] = (byte) s;
        SUBSTITUTE_INVERSE[s] = (byte) element;
    }

    private static int multiply(int a, int b) {
        int product = 0;
        int x = a;
        for (int bits = b; bits != 0; bits >>>= 1) {
            product ^= x & -(bits & 1);
            x <<= 1;
            x ^= FIELD_POLYNOMIAL & -(x >>> 8);
        }
        return product;
    }

    private static int column(int x, int row0, int row1, int row2, int row3) {
        return multiply(x, row0)
                | multiply(x, row1) << 8
                | multiply(x, row2) << 16
                | multiply(x, row3) << 24;
    }

    // One round

    public static void aesenc(long dst, long roundKey) {
        long low = load(dst);
        long high = load(dst + 8);
        long l = columns(forward(low, high, 0), forward(low, high, 1), ENCRYPT);
        long h = columns(forward(low, high, 2), forward(low, high, 3), ENCRYPT);
        addRoundKey(dst, l, h, roundKey);
    }

    public static void aesenclast(long dst, long roundKey) {
        long low = load(dst);
        long high = load(dst + 8);
        long l = bytes(forward(low, high, 0), forward(low, high, 1), SUBSTITUTE);
        long h = bytes(forward(low, high, 2), forward(low, high, 3), SUBSTITUTE);
        addRoundKey(dst, l, h, roundKey);
    }

    public static void aesdec(long dst, long roundKey) {
        long low = load(dst);
        long high = load(dst + 8);
        long l = columns(backward(low, high, 0), backward(low, high, 1), DECRYPT);
        long h = columns(backward(low, high, 2), backward(low, high, 3), DECRYPT);
        addRoundKey(dst, l, h, roundKey);
    }

    public static void aesdeclast(long dst, long roundKey) {
        long low = load(dst);
        long high = load(dst + 8);
        long l = bytes(backward(low, high, 0), backward(low, high, 1), SUBSTITUTE_INVERSE);
        long h = bytes(backward(low, high, 2), backward(low, high, 3), SUBSTITUTE_INVERSE);
        addRoundKey(dst, l, h, roundKey);
    }

    public static void aesimc(long dst, long src) {
        long low = load(src);
        long high = load(src + 8);
        store(dst, columns((int) low, (int) (low >>> 32), UNMIX));
        store(dst + 8, columns((int) high, (int) (high >>> 32), UNMIX));
    }

    public static void aeskeygenassist(long dst, long src, int roundConstant) {
        long low = load(src);
        long high = load(src + 8);
        store(dst, keyWords((int) (low >>> 32), roundConstant));
        store(dst + 8, keyWords((int) (high >>> 32), roundConstant));
    }

    /// SubWord, and above it RotWord of that with the round constant.
    private static long keyWords(int word, int roundConstant) {
        int substituted = bytes(word, SUBSTITUTE);
        int rotated = Integer.rotateRight(substituted, 8) ^ roundConstant;
        return pair(substituted, rotated);
    }

    private static void addRoundKey(long dst, long low, long high, long roundKey) {
        long keyLow = load(roundKey);
        long keyHigh = load(roundKey + 8);
        store(dst, low ^ keyLow);
        store(dst + 8, high ^ keyHigh);
    }

    // Rows and columns

    /// Column c of the state after ShiftRows: row r comes from column c + r.
    private static int forward(long low, long high, int c) {
        return row(low, high, c, 0)
                | row(low, high, c + 1, 1)
                | row(low, high, c + 2, 2)
                | row(low, high, c + 3, 3);
    }

    /// Column c of the state after InvShiftRows: row r comes from column c - r.
    private static int backward(long low, long high, int c) {
        return row(low, high, c, 0)
                | row(low, high, c + 3, 1)
                | row(low, high, c + 2, 2)
                | row(low, high, c + 1, 3);
    }

    /// Row r of column c modulo 4, left in its place.
    private static int row(long low, long high, int c, int r) {
        long half = (c & 2) == 0 ? low : high;
        return (int) (half >>> 32 * (c & 1)) & 0xff << 8 * r;
    }

    private static long columns(int left, int right, int[] table) {
        return pair(column(left, table), column(right, table));
    }

    private static int column(int bytes, int[] table) {
        return table[bytes & 0xff]
                ^ Integer.rotateLeft(table[bytes >>> 8 & 0xff], 8)
                ^ Integer.rotateLeft(table[bytes >>> 16 & 0xff], 16)
                ^ Integer.rotateLeft(table[bytes >>> 24], 24);
    }

    private static long bytes(int left, int right, byte[] table) {
        return pair(bytes(left, table), bytes(right, table));
    }

    private static int bytes(int bytes, byte[] table) {
        return table[bytes & 0xff] & 0xff
                | (table[bytes >>> 8 & 0xff] & 0xff) << 8
                | (table[bytes >>> 16 & 0xff] & 0xff) << 16
                | table[bytes >>> 24] << 24;
    }

    private static long pair(int low, int high) {
        return low & 0xffff_ffffL | (long) high << 32;
    }
}
