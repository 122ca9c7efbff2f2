package nestbox.conformance.oracle;

import java.util.SplittableRandom;

/// Operand values: random ones, and those at the edges of every number format.
final class Values {
    /// What an XMM or MMX register, or a piece of memory, is meant to hold.
    enum Flavour {
        INTEGER,
        SINGLE,
        DOUBLE,
        EXTENDED
    }

    private static final int[] SINGLES = {
        0,
        1,
        0x007F_FFFF,
        0x0080_0000,
        0x0080_0001,
        0x7F7F_FFFF,
        0x7F80_0000,
        0x7F80_0001,
        0x7FBF_FFFF,
        0x7FC0_0000,
        0x7FC1_2345,
        0x7FFF_FFFF,
        0x3F80_0000,
        0x3F7F_FFFF,
        0x3F80_0001,
        0x4000_0000,
        0x3F00_0000,
        0x3EFF_FFFF,
        0x3FC0_0000,
        0x4020_0000,
        0x4EFF_FFFF,
        0x4F00_0000,
        0x4F00_0001,
        0x4F80_0000,
        0x5EFF_FFFF,
        0x5F00_0000,
        0x4B00_0001,
    };

    private static final long[] DOUBLES = {
        0L,
        1L,
        0x000F_FFFF_FFFF_FFFFL,
        0x0010_0000_0000_0000L,
        0x0010_0000_0000_0001L,
        0x7FEF_FFFF_FFFF_FFFFL,
        0x7FF0_0000_0000_0000L,
        0x7FF0_0000_0000_0001L,
        0x7FF7_FFFF_FFFF_FFFFL,
        0x7FF8_0000_0000_0000L,
        0x7FF8_1234_5678_9ABCL,
        0x7FFF_FFFF_FFFF_FFFFL,
        0x3FF0_0000_0000_0000L,
        0x3FEF_FFFF_FFFF_FFFFL,
        0x3FF0_0000_0000_0001L,
        0x4000_0000_0000_0000L,
        0x3FE0_0000_0000_0000L,
        0x3FDF_FFFF_FFFF_FFFFL,
        0x3FF8_0000_0000_0000L,
        0x4004_0000_0000_0000L,
        0x41DF_FFFF_FFC0_0000L,
        0x41E0_0000_0000_0000L,
        0x41E0_0000_0010_0000L,
        0x41DF_FFFF_FFE0_0000L,
        0x43DF_FFFF_FFFF_FFFFL,
        0x43E0_0000_0000_0000L,
        0x36A0_0000_0000_0000L,
        0x3690_0000_0000_0000L,
        0x380F_FFFF_F000_0000L,
        0x47EF_FFFF_E000_0000L,
        0x47EF_FFFF_F000_0000L,
        0x4330_0000_0000_0001L,
    };

    /// Exponents and significands, each with each, so that unnormals, pseudo-denormals,
    /// pseudo-infinities and pseudo-NaNs are among them.
    private static final int[] EXPONENTS = {
        0, 1, 2, 0x3FBE, 0x3FFD, 0x3FFE, 0x3FFF, 0x4000, 0x4001, 0x400D, 0x400E, 0x401D, 0x401E,
        0x403C, 0x403D, 0x403E, 0x403F, 0x3F81, 0x3F6A, 0x407E, 0x407F, 0x3C01, 0x3BCD, 0x43FE,
        0x43FF, 0x7FFE, 0x7FFF, 0x7FFF,
    };

    private static final long[] SIGNIFICANDS = {
        0L,
        1L,
        0x7FFF_FFFF_FFFF_FFFFL,
        0x8000_0000_0000_0000L,
        0x8000_0000_0000_0001L,
        0x9FFF_FFFF_FFFF_FFFFL,
        0xBFFF_FFFF_FFFF_FFFFL,
        0xC000_0000_0000_0000L,
        0xC000_0000_0000_0001L,
        0xFFFF_FFFF_FFFF_FFFFL,
        0xFFFF_FF00_0000_0000L,
        0xFFFF_FF80_0000_0000L,
        0xFFFF_FFFF_FFFF_F800L,
        0xFFFF_FFFF_FFFF_FC00L,
        0xC90F_DAA2_2168_C235L,
        0x4000_0000_0000_0000L,
        0xA000_0000_0000_0000L,
    };

    private final SplittableRandom random;

    Values(SplittableRandom random) {
        this.random = random;
    }

    boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    /// A 64-bit pattern whose low 8, 16, 32 or 64 bits are often at an edge of their range.
    long integer() {
        return switch (random.nextInt(8)) {
            case 0, 1 -> edge();
            case 2 -> random.nextInt(-17, 18);
            case 3 -> (1L << random.nextInt(64)) + random.nextInt(-1, 2);
            case 4 -> random.nextLong() & random.nextLong() & random.nextLong();
            case 5 -> random.nextLong() >> random.nextInt(64);
            default -> random.nextLong();
        };
    }

    private long edge() {
        int bits = 8 << random.nextInt(4);
        long min = -1L << bits - 1;
        long value =
                switch (random.nextInt(8)) {
                    case 0 -> 0;
                    case 1 -> 1;
                    case 2 -> -1;
                    case 3 -> min;
                    case 4 -> ~min;
                    case 5 -> min + 1;
                    case 6 -> ~min - 1;
                    default -> -1L >>> 64 - bits;
                };
        if (bits < 64 && oneIn(2)) {
            long low = -1L >>> 64 - bits;
            value = value & low | random.nextLong() & ~low;
        }
        return value;
    }

    int single() {
        int sign = random.nextInt() & 0x8000_0000;
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> sign | SINGLES[random.nextInt(SINGLES.length)];
            case 3 -> random.nextInt();
            case 4 -> Float.floatToRawIntBits(random.nextInt(-1000, 1000));
            case 5 -> sign | random.nextInt(0x0100_0000);
            default -> sign | random.nextInt(100, 155) << 23 | random.nextInt(1 << 23);
        };
    }

    long doublePrecision() {
        long sign = random.nextLong() & Long.MIN_VALUE;
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> sign | DOUBLES[random.nextInt(DOUBLES.length)];
            case 3 -> random.nextLong();
            case 4 -> Double.doubleToRawLongBits(random.nextInt(-1000, 1000));
            case 5 -> sign | random.nextLong(1L << 53);
            default -> sign | random.nextLong(970, 1080) << 52 | random.nextLong(1L << 52);
        };
    }

    /// Sets ST(st) to a double extended value, supported by the format or not.
    void extended(State state, int st) {
        byte[] value = extended();
        long significand = 0;
        for (int i = 0; i < 8; i++) {
            significand |= (value[i] & 0xFFL) << 8 * i;
        }
        state.st(st, value[8] & 0xFF | (value[9] & 0xFF) << 8, significand);
    }

    private byte[] extended() {
        int sign = random.nextInt() & 0x8000;
        int exponent;
        long significand;
        switch (random.nextInt(8)) {
            case 0, 1 -> {
                exponent = EXPONENTS[random.nextInt(EXPONENTS.length)];
                significand = SIGNIFICANDS[random.nextInt(SIGNIFICANDS.length)];
            }
            case 2 -> {
                exponent = EXPONENTS[random.nextInt(EXPONENTS.length)];
                significand = random.nextLong() | Long.MIN_VALUE;
            }
            case 3 -> {
                exponent = random.nextInt(0x8000);
                significand = random.nextLong() | Long.MIN_VALUE;
            }
            case 4 -> {
                int integer = random.nextInt(1, 1000);
                int shift = Integer.numberOfLeadingZeros(integer);
                exponent = 0x3FFF + 31 - shift;
                significand = (long) integer << shift + 32;
            }
            case 5 -> {
                exponent = random.nextInt(2) * 0x7FFF;
                significand = integer();
            }
            default -> {
                exponent = 0x3FFF + random.nextInt(-70, 70);
                significand = random.nextLong() << random.nextInt(64) | Long.MIN_VALUE;
            }
        }
        byte[] value = new byte[10];
        put(value, 0, significand, 8);
        put(value, 8, sign | exponent, 2);
        return value;
    }

    /// Eighteen decimal digits and a sign, as FBLD reads them.
    private byte[] packedDecimal() {
        byte[] value = new byte[10];
        for (int i = 0; i < 9; i++) {
            value[i] = (byte) (random.nextInt(10) << 4 | random.nextInt(10));
        }
        value[9] = (byte) (oneIn(2) ? 0x80 : 0);
        return value;
    }

    /// A quadword of the given flavour, for half an XMM register or an MMX register.
    long quadword(Flavour flavour) {
        return switch (flavour) {
            case SINGLE -> (long) single() << 32 | single() & 0xFFFF_FFFFL;
            case DOUBLE -> doublePrecision();
            case INTEGER, EXTENDED -> packedIntegers();
        };
    }

    private long packedIntegers() {
        int bits = 8 << random.nextInt(4);
        long value = 0;
        for (int i = 0; i < 64; i += bits) {
            value |= (integer() & -1L >>> 64 - bits) << i;
        }
        return value;
    }

    /// The content of a memory operand.
    byte[] memory(int size, Flavour flavour) {
        if (size == 10) {
            return oneIn(3) ? packedDecimal() : extended();
        }
        byte[] value = new byte[(size + 7) / 8 * 8];
        for (int i = 0; i < value.length; i += 8) {
            long quadword = quadword(flavour);
            if (size < 8 && flavour == Flavour.INTEGER) {
                quadword = integer();
            }
            put(value, i, quadword, 8);
        }
        return java.util.Arrays.copyOf(value, size);
    }

    static void put(byte[] to, int offset, long value, int size) {
        for (int i = 0; i < size; i++) {
            to[offset + i] = (byte) (value >> 8 * i);
        }
    }
}
