package nestbox.cpu.model;

import java.math.BigInteger;

/// The rate of a counter, and the exact conversion between its ticks and the board's nanoseconds.
///
/// Both directions work on the reduced fraction of hertz and nanoseconds, so that no rounding
/// error builds up however long a board runs.
public final class Frequency {
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final long MAX_HERTZ = 9_000_000_000L;

    private final long hertz;
    private final long ticks;
    private final long nanos;

    private Frequency(long hertz) {
        this.hertz = hertz;
        long divisor =
                BigInteger.valueOf(hertz).gcd(BigInteger.valueOf(NANOS_PER_SECOND)).longValue();
        ticks = hertz / divisor;
        nanos = NANOS_PER_SECOND / divisor;
    }

    /// @param hertz 1 to 9,000,000,000, so that no product of the conversions overflows
    public static Frequency of(long hertz) {
        if (hertz <= 0 || hertz > MAX_HERTZ) {
            throw new IllegalArgumentException("frequency of " + hertz + " Hz");
        }
        return new Frequency(hertz);
    }

    public long hertz() {
        return hertz;
    }

    /// Whole ticks in so many nanoseconds, at least 0.
    public long ticksIn(long nanoseconds) {
        return nanoseconds / nanos * ticks + nanoseconds % nanos * ticks / nanos;
    }

    /// The first nanosecond by which so many ticks have passed; `Long.MAX_VALUE` when that is
    /// beyond the range.
    ///
    /// @param count unsigned
    public long nanosUntil(long count) {
        if (count < 0) {
            return Long.MAX_VALUE;
        }
        long whole = count / ticks;
        if (whole >= Long.MAX_VALUE / nanos) {
            return Long.MAX_VALUE;
        }
        return whole * nanos + (count % ticks * nanos + ticks - 1) / ticks;
    }

    @Override
    public String toString() {
        return hertz + " Hz";
    }
}
