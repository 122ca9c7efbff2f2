package nestbox.cpu.fp;

/// Where a result is rounded to: the bits of its significand, the range of its exponent, and by how
/// much an unmasked overflow or underflow adjusts the exponent.
///
/// Separate from the encodings, because the x87 precision control rounds to a shorter significand
/// within the same exponent range. An adjustment of zero says that nothing is stored after an
/// unmasked overflow or underflow. SDM Vol. 1, "Precision Control Field".
record Format(int precision, int maxExponent, int exponentAdjustment) {
    static final Format BINARY32 = new Format(24, 127, 0);
    static final Format BINARY64 = new Format(53, 1023, 0);
    static final Format EXTENDED = new Format(64, 16383, 24576);
    static final Format EXTENDED_TO_24_BITS = new Format(24, 16383, 24576);
    static final Format EXTENDED_TO_53_BITS = new Format(53, 16383, 24576);

    int minExponent() {
        return 1 - maxExponent;
    }

    int bias() {
        return maxExponent;
    }

    /// The biased exponent of infinities and NaNs.
    int topExponent() {
        return 2 * maxExponent + 1;
    }
}
