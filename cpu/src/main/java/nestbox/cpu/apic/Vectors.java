package nestbox.cpu.apic;

/// A set of interrupt vectors: one of the 256-bit registers ISR, TMR and IRR.
final class Vectors {
    private final long[] words = new long[4];

    void add(int vector) {
        words[vector >>> 6] |= 1L << vector;
    }

    void remove(int vector) {
        words[vector >>> 6] &= ~(1L << vector);
    }

    boolean contains(int vector) {
        return (words[vector >>> 6] >>> vector & 1) != 0;
    }

    /// The vector of highest priority; -1 if there is none.
    int highest() {
        for (int i = words.length - 1; i >= 0; i--) {
            if (words[i] != 0) {
                return (i << 6) + 63 - Long.numberOfLeadingZeros(words[i]);
            }
        }
        return -1;
    }

    /// The nth of the eight 32-bit registers that show the set.
    int register(int n) {
        return (int) (words[n >>> 1] >>> ((n & 1) << 5));
    }

    ApicState.Bits save() {
        return new ApicState.Bits(words[0], words[1], words[2], words[3]);
    }

    void restore(ApicState.Bits bits) {
        words[0] = bits.q0();
        words[1] = bits.q1();
        words[2] = bits.q2();
        words[3] = bits.q3();
    }
}
