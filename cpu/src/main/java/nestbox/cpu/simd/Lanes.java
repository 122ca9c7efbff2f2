package nestbox.cpu.simd;

/// Packed integer arithmetic, comparison and logic on the lanes of one 64-bit word.
///
/// Every instruction here treats each 64-bit part of its operands alike, so one function serves
/// MMX, SSE and wider registers, and none has to take a word apart.
///
/// How lanes are kept apart. A lane's highest bit is its *sign*; the constant that has all signs
/// set (`BYTES`, `WORDS`, …) names the division into lanes. An addition that leaves the signs out
/// cannot carry into the next lane, and the missing sign is an exclusive or afterwards. Carry,
/// borrow, overflow and order all come out as a word in which only signs may be set, and
/// [#fill] turns each set sign into a lane of ones, which then selects between results.
public final class Lanes {
    static final long BYTES = 0x8080_8080_8080_8080L;
    static final long WORDS = 0x8000_8000_8000_8000L;
    static final long DWORDS = 0x8000_0000_8000_0000L;
    static final long QWORD = 0x8000_0000_0000_0000L;

    private Lanes() {}

    // Lane-generic operations

    /// The lowest bit of every lane.
    static long units(long signs) {
        return signs >>> Long.numberOfTrailingZeros(signs);
    }

    /// A lane of ones for every sign set in `flags`, which must have no other bit set.
    static long fill(long flags, long signs) {
        return (flags << 1) - (flags >>> Long.numberOfTrailingZeros(signs));
    }

    static long select(long mask, long ifSet, long ifClear) {
        return ifClear ^ (ifClear ^ ifSet) & mask;
    }

    static long add(long a, long b, long signs) {
        return (a & ~signs) + (b & ~signs) ^ (a ^ b) & signs;
    }

    static long sub(long a, long b, long signs) {
        return (a | signs) - (b & ~signs) ^ ~(a ^ b) & signs;
    }

    static long addSigned(long a, long b, long signs) {
        long sum = add(a, b, signs);
        long overflow = ~(a ^ b) & (a ^ sum) & signs;
        return select(fill(overflow, signs), farthest(a, signs), sum);
    }

    static long subSigned(long a, long b, long signs) {
        long difference = sub(a, b, signs);
        long overflow = (a ^ b) & (a ^ difference) & signs;
        return select(fill(overflow, signs), farthest(a, signs), difference);
    }

    static long addUnsigned(long a, long b, long signs) {
        long sum = add(a, b, signs);
        long carry = (a & b | (a | b) & ~sum) & signs;
        return sum | fill(carry, signs);
    }

    static long subUnsigned(long a, long b, long signs) {
        long difference = sub(a, b, signs);
        long borrow = (~a & b | ~(a ^ b) & difference) & signs;
        return difference & ~fill(borrow, signs);
    }

    /// The largest positive or the smallest negative number, whichever has the sign of `a`.
    private static long farthest(long a, long signs) {
        return ~signs + ((a & signs) >>> Long.numberOfTrailingZeros(signs));
    }

    /// Ones in every lane where `a` is below `b`, both signed.
    static long lessSigned(long a, long b, long signs) {
        return fill((a & ~b | ~(a ^ b) & sub(a, b, signs)) & signs, signs);
    }

    /// Ones in every lane where `a` is below `b`, both unsigned.
    static long lessUnsigned(long a, long b, long signs) {
        return fill((~a & b | ~(a ^ b) & sub(a, b, signs)) & signs, signs);
    }

    static long equal(long a, long b, long signs) {
        long x = a ^ b;
        long different = (x & ~signs) + ~signs | x;
        return fill(~different & signs, signs);
    }

    static long minSigned(long a, long b, long signs) {
        return select(lessSigned(a, b, signs), a, b);
    }

    static long maxSigned(long a, long b, long signs) {
        return select(lessSigned(a, b, signs), b, a);
    }

    static long minUnsigned(long a, long b, long signs) {
        return select(lessUnsigned(a, b, signs), a, b);
    }

    static long maxUnsigned(long a, long b, long signs) {
        return select(lessUnsigned(a, b, signs), b, a);
    }

    /// Half the sum, rounded up, without the ninth or seventeenth bit the sum would need.
    private static long average(long a, long b, long signs) {
        return (a | b) - (((a ^ b) & ~units(signs)) >>> 1);
    }

    private static long absolute(long a, long signs) {
        long negative = fill(a & signs, signs);
        return sub(a ^ negative, negative, signs);
    }

    private static long applySign(long a, long sign, long signs) {
        long negative = fill(sign & signs, signs);
        return sub(a ^ negative, negative, signs) & ~equal(sign, 0, signs);
    }

    // Addition and subtraction

    public static long paddb(long a, long b) {
        return add(a, b, BYTES);
    }

    public static long paddw(long a, long b) {
        return add(a, b, WORDS);
    }

    public static long paddd(long a, long b) {
        return add(a, b, DWORDS);
    }

    public static long paddq(long a, long b) {
        return a + b;
    }

    public static long psubb(long a, long b) {
        return sub(a, b, BYTES);
    }

    public static long psubw(long a, long b) {
        return sub(a, b, WORDS);
    }

    public static long psubd(long a, long b) {
        return sub(a, b, DWORDS);
    }

    public static long psubq(long a, long b) {
        return a - b;
    }

    public static long paddsb(long a, long b) {
        return addSigned(a, b, BYTES);
    }

    public static long paddsw(long a, long b) {
        return addSigned(a, b, WORDS);
    }

    public static long psubsb(long a, long b) {
        return subSigned(a, b, BYTES);
    }

    public static long psubsw(long a, long b) {
        return subSigned(a, b, WORDS);
    }

    public static long paddusb(long a, long b) {
        return addUnsigned(a, b, BYTES);
    }

    public static long paddusw(long a, long b) {
        return addUnsigned(a, b, WORDS);
    }

    public static long psubusb(long a, long b) {
        return subUnsigned(a, b, BYTES);
    }

    public static long psubusw(long a, long b) {
        return subUnsigned(a, b, WORDS);
    }

    public static long pavgb(long a, long b) {
        return average(a, b, BYTES);
    }

    public static long pavgw(long a, long b) {
        return average(a, b, WORDS);
    }

    // Absolute value and sign; PABS has one operand, so its destination doesn't matter

    public static long pabsb(long a, long b) {
        return absolute(b, BYTES);
    }

    public static long pabsw(long a, long b) {
        return absolute(b, WORDS);
    }

    public static long pabsd(long a, long b) {
        return absolute(b, DWORDS);
    }

    public static long psignb(long a, long b) {
        return applySign(a, b, BYTES);
    }

    public static long psignw(long a, long b) {
        return applySign(a, b, WORDS);
    }

    public static long psignd(long a, long b) {
        return applySign(a, b, DWORDS);
    }

    // Comparison

    public static long pcmpeqb(long a, long b) {
        return equal(a, b, BYTES);
    }

    public static long pcmpeqw(long a, long b) {
        return equal(a, b, WORDS);
    }

    public static long pcmpeqd(long a, long b) {
        return equal(a, b, DWORDS);
    }

    public static long pcmpeqq(long a, long b) {
        return a == b ? -1 : 0;
    }

    public static long pcmpgtb(long a, long b) {
        return lessSigned(b, a, BYTES);
    }

    public static long pcmpgtw(long a, long b) {
        return lessSigned(b, a, WORDS);
    }

    public static long pcmpgtd(long a, long b) {
        return lessSigned(b, a, DWORDS);
    }

    public static long pcmpgtq(long a, long b) {
        return a > b ? -1 : 0;
    }

    // Minimum and maximum

    public static long pminub(long a, long b) {
        return minUnsigned(a, b, BYTES);
    }

    public static long pminuw(long a, long b) {
        return minUnsigned(a, b, WORDS);
    }

    public static long pminud(long a, long b) {
        return minUnsigned(a, b, DWORDS);
    }

    public static long pminsb(long a, long b) {
        return minSigned(a, b, BYTES);
    }

    public static long pminsw(long a, long b) {
        return minSigned(a, b, WORDS);
    }

    public static long pminsd(long a, long b) {
        return minSigned(a, b, DWORDS);
    }

    public static long pmaxub(long a, long b) {
        return maxUnsigned(a, b, BYTES);
    }

    public static long pmaxuw(long a, long b) {
        return maxUnsigned(a, b, WORDS);
    }

    public static long pmaxud(long a, long b) {
        return maxUnsigned(a, b, DWORDS);
    }

    public static long pmaxsb(long a, long b) {
        return maxSigned(a, b, BYTES);
    }

    public static long pmaxsw(long a, long b) {
        return maxSigned(a, b, WORDS);
    }

    public static long pmaxsd(long a, long b) {
        return maxSigned(a, b, DWORDS);
    }

    // Logic

    public static long pand(long a, long b) {
        return a & b;
    }

    public static long pandn(long a, long b) {
        return ~a & b;
    }

    public static long por(long a, long b) {
        return a | b;
    }

    public static long pxor(long a, long b) {
        return a ^ b;
    }

    /// The highest bit of each byte, gathered in the low eight bits.
    static int byteSigns(long a) {
        // The multiplier moves bit 8i to bit 56 + i, and no two products meet.
        return (int) (((a & BYTES) >>> 7) * 0x0102_0408_1020_4080L >>> 56);
    }
}
