package nestbox.cpu.fp;

import java.util.SplittableRandom;

/// Random operands that favour the edges: runs of ones and zeros, extreme exponents, neighbours.
final class Operands {
    private final SplittableRandom random;

    Operands(long seed) {
        random = new SplittableRandom(seed);
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean flip() {
        return random.nextBoolean();
    }

    long bits() {
        return random.nextLong();
    }

    /// A significand with its top bit set.
    long significand() {
        long s =
                switch (below(8)) {
                    case 0 -> 0;
                    case 1 -> -1L;
                    case 2 -> below(4);
                    case 3 -> -1L - below(4);
                    case 4 -> Long.MIN_VALUE >> below(64);
                    case 5 -> bits() << below(64);
                    default -> bits();
                };
        return s | Long.MIN_VALUE;
    }

    private int sign() {
        return flip() ? Extended.SIGN : 0;
    }

    /// Sign and exponent of a normal number.
    int signExponent() {
        return sign()
                | switch (below(8)) {
                    case 0 -> 1 + below(70);
                    case 1 -> 0x7FFE - below(70);
                    case 2 -> 1 + below(0x7FFE);
                    default -> Extended.BIAS - 66 + below(133);
                };
    }

    /// A significand that goes with exponent zero.
    long denormal() {
        long s = significand() >>> 1 + below(62);
        return below(4) == 0 ? s | Long.MIN_VALUE : s;
    }

    long binary64() {
        long f = significand() << 1 >>> 12;
        int e =
                switch (below(6)) {
                    case 0 -> below(60);
                    case 1 -> 0x7FF - below(60);
                    case 2 -> 1023 - 150 + below(300);
                    default -> 1023 - 6 + below(70);
                };
        return (flip() ? Long.MIN_VALUE : 0) | (long) e << 52 | f;
    }

    int binary32() {
        int f = (int) (significand() << 1 >>> 41);
        int e =
                switch (below(6)) {
                    case 0 -> below(30);
                    case 1 -> 0xFF - below(30);
                    default -> 127 - 6 + below(70);
                };
        return (flip() ? Integer.MIN_VALUE : 0) | e << 23 | f;
    }
}
