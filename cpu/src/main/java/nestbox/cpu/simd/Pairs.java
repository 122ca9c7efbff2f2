package nestbox.cpu.simd;

/// Instructions that make one 64-bit word out of two: packs and horizontal arithmetic take two
/// neighbouring words of an operand, unpacks take one word of each operand.
///
/// Where the two words come from is the same for all instructions of a kind and so is left to
/// [Packed]; here is only what happens to them.
public final class Pairs {
    private static final long EVEN_BYTES = 0x00ff_00ff_00ff_00ffL;
    private static final long EVEN_WORDS = 0x0000_ffff_0000_ffffL;
    private static final long LOW_DWORD = 0xffff_ffffL;

    private Pairs() {}

    // Moving lanes together and apart

    /// Bytes 0, 2, 4 and 6 of `a`, in the low half.
    private static long evenBytes(long a) {
        long x = a & EVEN_BYTES;
        x = (x | x >>> 8) & EVEN_WORDS;
        return (x | x >>> 16) & LOW_DWORD;
    }

    /// Words 0 and 2 of `a`, in the low half.
    private static long evenWords(long a) {
        long x = a & EVEN_WORDS;
        return (x | x >>> 16) & LOW_DWORD;
    }

    private static long evenBytes(long low, long high) {
        return evenBytes(low) | evenBytes(high) << 32;
    }

    private static long evenWords(long low, long high) {
        return evenWords(low) | evenWords(high) << 32;
    }

    private static long evenDwords(long low, long high) {
        return low & LOW_DWORD | high << 32;
    }

    private static long oddWords(long low, long high) {
        return evenWords(low >>> 16, high >>> 16);
    }

    private static long oddDwords(long low, long high) {
        return low >>> 32 | high & ~LOW_DWORD;
    }

    /// The inverse of [#evenBytes(long)].
    private static long spreadBytes(long a) {
        long x = a & LOW_DWORD;
        x = (x | x << 16) & EVEN_WORDS;
        return (x | x << 8) & EVEN_BYTES;
    }

    /// The inverse of [#evenWords(long)].
    private static long spreadWords(long a) {
        long x = a & LOW_DWORD;
        return (x | x << 16) & EVEN_WORDS;
    }

    // Pack with saturation: low and high half of the result

    private static long clamp(long a, long least, long greatest, long signs) {
        return Lanes.minSigned(Lanes.maxSigned(a, least, signs), greatest, signs);
    }

    private static long signedByte(long words) {
        return clamp(words, 0xff80_ff80_ff80_ff80L, 0x007f_007f_007f_007fL, Lanes.WORDS);
    }

    private static long unsignedByte(long words) {
        return clamp(words, 0, EVEN_BYTES, Lanes.WORDS);
    }

    private static long signedWord(long dwords) {
        return clamp(dwords, 0xffff_8000_ffff_8000L, 0x0000_7fff_0000_7fffL, Lanes.DWORDS);
    }

    private static long unsignedWord(long dwords) {
        return clamp(dwords, 0, EVEN_WORDS, Lanes.DWORDS);
    }

    public static long packsswb(long low, long high) {
        return evenBytes(signedByte(low), signedByte(high));
    }

    public static long packuswb(long low, long high) {
        return evenBytes(unsignedByte(low), unsignedByte(high));
    }

    public static long packssdw(long low, long high) {
        return evenWords(signedWord(low), signedWord(high));
    }

    public static long packusdw(long low, long high) {
        return evenWords(unsignedWord(low), unsignedWord(high));
    }

    // Horizontal arithmetic: low and high half of the result

    public static long phaddw(long low, long high) {
        return Lanes.paddw(evenWords(low, high), oddWords(low, high));
    }

    public static long phaddd(long low, long high) {
        return Lanes.paddd(evenDwords(low, high), oddDwords(low, high));
    }

    public static long phaddsw(long low, long high) {
        return Lanes.paddsw(evenWords(low, high), oddWords(low, high));
    }

    public static long phsubw(long low, long high) {
        return Lanes.psubw(evenWords(low, high), oddWords(low, high));
    }

    public static long phsubd(long low, long high) {
        return Lanes.psubd(evenDwords(low, high), oddDwords(low, high));
    }

    public static long phsubsw(long low, long high) {
        return Lanes.psubsw(evenWords(low, high), oddWords(low, high));
    }

    // Interleave the low halves of two words; [Packed] passes high halves shifted down

    public static long interleaveBytes(long a, long b) {
        return spreadBytes(a) | spreadBytes(b) << 8;
    }

    public static long interleaveWords(long a, long b) {
        return spreadWords(a) | spreadWords(b) << 16;
    }

    public static long interleaveDwords(long a, long b) {
        return a & LOW_DWORD | b << 32;
    }
}
