package nestbox.cpu.simd;

import static nestbox.cpu.simd.Packed.load;
import static nestbox.cpu.simd.Packed.store;
import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

/// Instructions that move lanes to other places: shuffles, alignment, blends, extensions, and the
/// two searches (PHMINPOSUW, MPSADBW) that look across a register.
///
/// Operands are offsets as in [Packed]; source and destination may be the same register.
public final class Shuffles {
    private Shuffles() {}

    // Shuffles

    public static void pshufb(long dst, long src, int bytes) {
        if (bytes == 8) {
            long data = load(dst);
            // Only three index bits count, so both halves of the table are the same word.
            store(dst, chooseBytes(data, data, load(src)));
            return;
        }
        for (int i = 0; i < bytes; i += 16) {
            long low = load(dst + i);
            long high = load(dst + i + 8);
            long lowIndexes = load(src + i);
            long highIndexes = load(src + i + 8);
            store(dst + i, chooseBytes(low, high, lowIndexes));
            store(dst + i + 8, chooseBytes(low, high, highIndexes));
        }
    }

    private static long chooseBytes(long low, long high, long indexes) {
        long result = 0;
        for (int shift = 0; shift < 64; shift += 8) {
            int index = (int) (indexes >>> shift);
            if ((index & 0x80) == 0) {
                long half = (index & 8) == 0 ? low : high;
                result |= (half >>> 8 * (index & 7) & 0xff) << shift;
            }
        }
        return result;
    }

    /// The four words of `a` in the order `imm` asks for: PSHUFW, and half of PSHUFLW, PSHUFHW.
    public static long chooseWords(long a, int imm) {
        return a >>> 16 * (imm & 3) & 0xffff
                | (a >>> 16 * (imm >>> 2 & 3) & 0xffff) << 16
                | (a >>> 16 * (imm >>> 4 & 3) & 0xffff) << 32
                | a >>> 16 * (imm >>> 6 & 3) << 48;
    }

    public static void pshufw(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            store(dst + i, chooseWords(load(src + i), imm));
        }
    }

    public static void pshuflw(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            store(dst + i, chooseWords(load(src + i), imm));
            store(dst + i + 8, load(src + i + 8));
        }
    }

    public static void pshufhw(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            store(dst + i, load(src + i));
            store(dst + i + 8, chooseWords(load(src + i + 8), imm));
        }
    }

    public static void pshufd(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            long low = load(src + i);
            long high = load(src + i + 8);
            store(dst + i, chooseDword(low, high, imm) | chooseDword(low, high, imm >>> 2) << 32);
            store(
                    dst + i + 8,
                    chooseDword(low, high, imm >>> 4) | chooseDword(low, high, imm >>> 6) << 32);
        }
    }

    private static long chooseDword(long low, long high, int index) {
        long half = (index & 2) == 0 ? low : high;
        return half >>> 32 * (index & 1) & 0xffff_ffffL;
    }

    // Shifts of whole registers by bytes

    /// Bytes `distance` to `distance + 7` of a row of words that is zero after `low` and `high`.
    private static long bytesAt(long low, long high, int distance) {
        int shift = 8 * distance;
        if (distance == 0) {
            return low;
        }
        if (distance < 8) {
            return low >>> shift | high << 64 - shift;
        }
        return distance < 16 ? high >>> shift - 64 : 0;
    }

    public static void psrldq(long dst, int distance, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            long low = load(dst + i);
            long high = load(dst + i + 8);
            store(dst + i, bytesAt(low, high, distance));
            store(dst + i + 8, bytesAt(high, 0, distance));
        }
    }

    public static void pslldq(long dst, int distance, int bytes) {
        int start = 16 - Math.min(distance, 16);
        for (int i = 0; i < bytes; i += 16) {
            long low = load(dst + i);
            long high = load(dst + i + 8);
            store(dst + i, bytesAt(0, 0, low, high, start));
            store(dst + i + 8, bytesAt(0, low, high, 0, start));
        }
    }

    /// The source is the low part, the destination the high part of the row that is shifted.
    public static void palignr(long dst, long src, int distance, int bytes) {
        if (bytes == 8) {
            store(dst, bytesAt(load(src), load(dst), distance));
            return;
        }
        for (int i = 0; i < bytes; i += 16) {
            long w0 = load(src + i);
            long w1 = load(src + i + 8);
            long w2 = load(dst + i);
            long w3 = load(dst + i + 8);
            store(dst + i, bytesAt(w0, w1, w2, w3, distance));
            store(dst + i + 8, bytesAt(w1, w2, w3, 0, distance));
        }
    }

    private static long bytesAt(long w0, long w1, long w2, long w3, int distance) {
        return switch (distance >>> 3) {
            case 0 -> bytesAt(w0, w1, distance);
            case 1 -> bytesAt(w1, w2, distance - 8);
            case 2 -> bytesAt(w2, w3, distance - 16);
            case 3 -> bytesAt(w3, 0, distance - 24);
            default -> 0;
        };
    }

    // Blends

    /// Bit n of `imm` takes word n from the source; wider registers use it once per 128 bits.
    public static void pblendw(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            long mask = wordMask(imm >>> (i >> 1 & 4));
            store(dst + i, Lanes.select(mask, load(src + i), load(dst + i)));
        }
    }

    private static long wordMask(int bits) {
        long signs = (bits & 1L) << 15 | (bits & 2L) << 30 | (bits & 4L) << 45 | (bits & 8L) << 60;
        return Lanes.fill(signs, Lanes.WORDS);
    }

    /// The highest bit of every byte at `mask`, for PBLENDVB register XMM0, takes it from `src`.
    public static void pblendvb(long dst, long src, long mask, int bytes) {
        for (int i = 0; i < bytes; i += 8) {
            long selected = Lanes.fill(load(mask + i) & Lanes.BYTES, Lanes.BYTES);
            store(dst + i, Lanes.select(selected, load(src + i), load(dst + i)));
        }
    }

    // Extensions; `bytes` is the size of the destination, and the source is a fraction of it

    public static void pmovsxbw(long dst, long src, int bytes) {
        for (int i = bytes - 2; i >= 0; i -= 2) {
            SPACE.set(I16, dst + i, SPACE.get(I8, src + (i >> 1)));
        }
    }

    public static void pmovsxbd(long dst, long src, int bytes) {
        for (int i = bytes - 4; i >= 0; i -= 4) {
            SPACE.set(I32, dst + i, SPACE.get(I8, src + (i >> 2)));
        }
    }

    public static void pmovsxbq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, SPACE.get(I8, src + (i >> 3)));
        }
    }

    public static void pmovsxwd(long dst, long src, int bytes) {
        for (int i = bytes - 4; i >= 0; i -= 4) {
            SPACE.set(I32, dst + i, SPACE.get(I16, src + (i >> 1)));
        }
    }

    public static void pmovsxwq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, SPACE.get(I16, src + (i >> 2)));
        }
    }

    public static void pmovsxdq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, SPACE.get(I32, src + (i >> 1)));
        }
    }

    public static void pmovzxbw(long dst, long src, int bytes) {
        for (int i = bytes - 2; i >= 0; i -= 2) {
            SPACE.set(I16, dst + i, (short) Byte.toUnsignedInt(SPACE.get(I8, src + (i >> 1))));
        }
    }

    public static void pmovzxbd(long dst, long src, int bytes) {
        for (int i = bytes - 4; i >= 0; i -= 4) {
            SPACE.set(I32, dst + i, Byte.toUnsignedInt(SPACE.get(I8, src + (i >> 2))));
        }
    }

    public static void pmovzxbq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, Byte.toUnsignedLong(SPACE.get(I8, src + (i >> 3))));
        }
    }

    public static void pmovzxwd(long dst, long src, int bytes) {
        for (int i = bytes - 4; i >= 0; i -= 4) {
            SPACE.set(I32, dst + i, Short.toUnsignedInt(SPACE.get(I16, src + (i >> 1))));
        }
    }

    public static void pmovzxwq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, Short.toUnsignedLong(SPACE.get(I16, src + (i >> 2))));
        }
    }

    public static void pmovzxdq(long dst, long src, int bytes) {
        for (int i = bytes - 8; i >= 0; i -= 8) {
            store(dst + i, Integer.toUnsignedLong(SPACE.get(I32, src + (i >> 1))));
        }
    }

    // Searches

    /// The smallest of eight unsigned words and, above it, where it is first found.
    public static void phminposuw(long dst, long src) {
        long low = load(src);
        long high = load(src + 8);
        long least = 0xffff;
        long position = 0;
        for (int i = 7; i >= 0; i--) {
            long word = (i < 4 ? low : high) >>> 16 * (i & 3) & 0xffff;
            if (word <= least) {
                least = word;
                position = i;
            }
        }
        store(dst, least | position << 16);
        store(dst + 8, 0);
    }

    /// Eight sums of absolute differences: one group of four source bytes, chosen by bits 1:0 of
    /// `imm`, against each group that starts at byte 0 to 7 past the one chosen by bit 2.
    public static void mpsadbw(long dst, long src, int imm, int bytes) {
        for (int i = 0; i < bytes; i += 16) {
            int choice = imm >>> 3 * (i >>> 4);
            int block = SPACE.get(I32, src + i + 4 * (choice & 3));
            long low = load(dst + i);
            long high = load(dst + i + 8);
            int start = choice & 4;
            store(dst + i, differences(low, high, block, start));
            store(dst + i + 8, differences(low, high, block, start + 4));
        }
    }

    private static long differences(long low, long high, int block, int start) {
        long b = block & 0xffff_ffffL;
        long result = 0;
        for (int i = 0; i < 4; i++) {
            long a = bytesAt(low, high, start + i) & 0xffff_ffffL;
            result |= Products.psadbw(a, b) << 16 * i;
        }
        return result;
    }
}
