package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.platform.NativeSpace;

import java.util.SplittableRandom;

/// Vector operands for property tests: lanes are random or at the edge of their range, because
/// carries, saturation and ties hardly ever come about by chance.
final class Operands {
    /// Three registers of 32 bytes, for destination, source and a third operand.
    static final long DST = NativeSpace.allocate(4096);

    static final long SRC = DST + 32;
    static final long THIRD = DST + 64;

    private final SplittableRandom random;

    Operands(long seed) {
        System.out.println("seed " + seed);
        random = new SplittableRandom(seed);
    }

    long word() {
        int width = 8 << random.nextInt(4);
        long result = 0;
        for (int i = 0; i < 64; i += width) {
            result |= (lane(width) & -1L >>> 64 - width) << i;
        }
        return result;
    }

    private long lane(int width) {
        long greatest = -1L >>> 65 - width;
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> greatest;
            case 2 -> ~greatest;
            case 3 -> random.nextInt(-2, 3);
            default -> random.nextLong();
        };
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    void fill(long offset, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            SPACE.set(I64, offset + i, word());
        }
    }

    /// Bytes from a small alphabet, so that strings contain each other.
    void fillText(long offset, int alphabet) {
        for (int i = 0; i < 16; i++) {
            SPACE.set(I8, offset + i, (byte) (random.nextInt(alphabet) * 0x3f));
        }
    }

    static byte[] bytes(long offset, int bytes) {
        return SPACE.asSlice(offset, bytes).toArray(I8);
    }

    /// Lane `i` of a register, sign-extended.
    static long signed(byte[] register, int width, int i) {
        long value = 0;
        for (int k = 0; k < width / 8; k++) {
            value |= (register[i * width / 8 + k] & 0xffL) << 8 * k;
        }
        return value << 64 - width >> 64 - width;
    }

    static long unsigned(byte[] register, int width, int i) {
        return signed(register, width, i) & -1L >>> 64 - width;
    }

    static void put(byte[] register, int width, int i, long value) {
        for (int k = 0; k < width / 8; k++) {
            register[i * width / 8 + k] = (byte) (value >>> 8 * k);
        }
    }
}
