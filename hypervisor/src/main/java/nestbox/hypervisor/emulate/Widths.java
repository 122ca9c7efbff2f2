package nestbox.hypervisor.emulate;

/// Values of 1, 2, 4 or 8 bytes in a `long`.
final class Widths {
    private Widths() {}

    /// As many ones as the width has bits.
    static long mask(int width) {
        return -1L >>> 64 - 8 * width;
    }

    static long signExtend(long value, int width) {
        int shift = 64 - 8 * width;
        return value << shift >> shift;
    }
}
