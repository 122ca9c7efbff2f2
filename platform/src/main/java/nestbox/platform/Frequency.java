package nestbox.platform;

/// The rate of a counter, and the exact conversion between its ticks and the board's nanoseconds.
///
/// Tick 0 is at nanosecond 0. Rounding errors would accumulate in a counter that runs for days, so
/// both directions compute on whole seconds and a remainder: nothing is lost.
///
/// @param hertz 1 to 9,000,000,000, so that no product of the conversions overflows
public record Frequency(long hertz) {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    private static final long MAX_HERTZ = 9_000_000_000L;

    public Frequency {
        if (hertz < 1 || hertz > MAX_HERTZ) {
            throw new IllegalArgumentException("frequency " + hertz + " Hz");
        }
    }

    /// Ticks that have happened by a time: the largest `t` with `nanos(t) <= nanos`.
    public long ticks(long nanos) {
        long seconds = Math.floorDiv(nanos, NANOS_PER_SECOND);
        long rest = Math.floorMod(nanos, NANOS_PER_SECOND);
        return seconds * hertz + rest * hertz / NANOS_PER_SECOND;
    }

    /// The first nanosecond at which a tick has happened; `Long.MAX_VALUE` beyond the end of time.
    public long nanos(long ticks) {
        long seconds = Math.floorDiv(ticks, hertz);
        long rest = Math.floorMod(ticks, hertz);
        if (seconds >= Long.MAX_VALUE / NANOS_PER_SECOND) {
            return Long.MAX_VALUE;
        }
        return seconds * NANOS_PER_SECOND + (rest * NANOS_PER_SECOND + hertz - 1) / hertz;
    }
}
