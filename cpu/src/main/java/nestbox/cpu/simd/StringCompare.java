package nestbox.cpu.simd;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

/// PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM: two strings of bytes or words in, a set of
/// positions out.
///
/// The immediate says what the elements are and how the strings are compared. SDM Vol. 1,
/// "Imm8 Control Byte Operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM".
///
/// Instead of the manual's matrix of 256 comparisons, of which half is overridden, this keeps one
/// set of positions, an int, and combines whole sets: an element of the first string against all
/// of the second at a time.
public final class StringCompare {
    private static final int WORDS = 1;
    private static final int SIGNED = 2;
    private static final int MOST_SIGNIFICANT_OR_EXPANDED = 0x40;

    private StringCompare() {}

    /// How many elements a register has.
    static int elements(int imm) {
        return (imm & WORDS) == 0 ? 16 : 8;
    }

    /// The length that EAX or EDX states: its absolute value, no more than the register holds.
    public static int explicitLength(long register, int imm) {
        int elements = elements(imm);
        return register > -elements && register < elements ? (int) Math.abs(register) : elements;
    }

    /// The length of a string that ends before its first null element.
    public static int implicitLength(long string, int imm) {
        long signs = (imm & WORDS) == 0 ? Lanes.BYTES : Lanes.WORDS;
        int lane = (imm & WORDS) == 0 ? 8 : 16;
        long low = Lanes.equal(SPACE.get(I64, string), 0, signs);
        if (low != 0) {
            return Long.numberOfTrailingZeros(low) / lane;
        }
        long high = Lanes.equal(SPACE.get(I64, string + 8), 0, signs);
        return (64 + Long.numberOfTrailingZeros(high)) / lane;
    }

    /// The manual's IntRes2: bit n stands for element n of the second string, except that in an
    /// ordered search it stands for a match of the whole first string that begins there.
    public static int positions(
            long first, int firstLength, long second, int secondLength, int imm) {
        int all = (1 << elements(imm)) - 1;
        int result =
                switch (imm >>> 2 & 3) {
                    case 0 -> equalAny(first, firstLength, second, secondLength, imm);
                    case 1 -> ranges(first, firstLength, second, secondLength, imm);
                    case 2 -> equalEach(first, firstLength, second, secondLength, imm);
                    default -> equalOrdered(first, firstLength, second, secondLength, imm);
                };
        return switch (imm >>> 4 & 3) {
            case 1 -> result ^ all;
            case 3 -> result ^ (1 << secondLength) - 1;
            default -> result;
        };
    }

    /// What PCMPESTRI and PCMPISTRI leave in ECX.
    public static int index(int positions, int imm) {
        if (positions == 0) {
            return elements(imm);
        }
        return (imm & MOST_SIGNIFICANT_OR_EXPANDED) == 0
                ? Integer.numberOfTrailingZeros(positions)
                : 31 - Integer.numberOfLeadingZeros(positions);
    }

    /// What PCMPESTRM and PCMPISTRM leave in XMM0: the bits, or an element of ones for each.
    public static void mask(long dst, int positions, int imm) {
        if ((imm & MOST_SIGNIFICANT_OR_EXPANDED) == 0) {
            SPACE.set(I64, dst, positions);
            SPACE.set(I64, dst + 8, 0);
        } else if ((imm & WORDS) == 0) {
            for (int i = 0; i < 16; i++) {
                SPACE.set(I8, dst + i, (byte) -(positions >>> i & 1));
            }
        } else {
            for (int i = 0; i < 8; i++) {
                SPACE.set(I16, dst + 2 * i, (short) -(positions >>> i & 1));
            }
        }
    }

    private static int equalAny(long first, int n, long second, int m, int imm) {
        int found = 0;
        for (int i = 0; i < n; i++) {
            found |= equal(element(first, i, imm), second, m, imm);
        }
        return found;
    }

    /// Elements of the first string are pairs of bounds; one without its partner has no effect.
    private static int ranges(long first, int n, long second, int m, int imm) {
        int found = 0;
        for (int i = 0; i + 1 < n; i += 2) {
            int least = element(first, i, imm);
            int greatest = element(first, i + 1, imm);
            for (int j = 0; j < m; j++) {
                int x = element(second, j, imm);
                if (x >= least && x <= greatest) {
                    found |= 1 << j;
                }
            }
        }
        return found;
    }

    /// Two elements past the ends of both strings are equal; past the end of one, different.
    private static int equalEach(long first, int n, long second, int m, int imm) {
        int both = Math.min(n, m);
        int found = (1 << elements(imm)) - (1 << Math.max(n, m));
        for (int i = 0; i < both; i++) {
            if (element(first, i, imm) == element(second, i, imm)) {
                found |= 1 << i;
            }
        }
        return found;
    }

    /// A match may run past the end of the register, but not past the end of the second string.
    private static int equalOrdered(long first, int n, long second, int m, int imm) {
        int all = (1 << elements(imm)) - 1;
        int found = all;
        for (int i = 0; i < n; i++) {
            int here = equal(element(first, i, imm), second, m, imm);
            int pastRegister = ~(all >>> i);
            found &= here >>> i | pastRegister;
        }
        return found & all;
    }

    private static int equal(int x, long string, int length, int imm) {
        int found = 0;
        for (int j = 0; j < length; j++) {
            if (element(string, j, imm) == x) {
                found |= 1 << j;
            }
        }
        return found;
    }

    private static int element(long string, int i, int imm) {
        return switch (imm & (WORDS | SIGNED)) {
            case 0 -> SPACE.get(I8, string + i) & 0xff;
            case WORDS -> SPACE.get(I16, string + 2 * i) & 0xffff;
            case SIGNED -> SPACE.get(I8, string + i);
            default -> SPACE.get(I16, string + 2 * i);
        };
    }
}
