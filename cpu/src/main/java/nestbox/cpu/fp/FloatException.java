package nestbox.cpu.fp;

/// Floating-point exceptions, at the bit positions that the x87 status and control words and MXCSR
/// share.
///
/// One set of constants serves both units, so that flags pass between them and the registers as
/// they are. SDM Vol. 1, "Overview of Floating-Point Exceptions".
public final class FloatException {
    public static final int INVALID = 0x01;
    public static final int DENORMAL = 0x02;
    public static final int ZERO_DIVIDE = 0x04;
    public static final int OVERFLOW = 0x08;
    public static final int UNDERFLOW = 0x10;
    public static final int PRECISION = 0x20;

    public static final int ALL = 0x3F;

    /// Those that are found before a result is computed; unmasked, they leave the destination
    /// alone.
    public static final int PRE_COMPUTATION = INVALID | DENORMAL | ZERO_DIVIDE;

    private FloatException() {}
}
