package nestbox.cpu.fp;

/// Encodings of the rounding-control field (RC), the same in the x87 control word, MXCSR and the
/// immediate of ROUNDPS.
///
/// SDM Vol. 1, "Rounding", Table 4-8.
public final class RoundingControl {
    public static final int NEAREST = 0;
    public static final int DOWN = 1;
    public static final int UP = 2;
    public static final int TOWARD_ZERO = 3;

    private RoundingControl() {}
}
