package nestbox.cpu.system;

import nestbox.platform.Clock;

/// The TSC of one processor: the board's clock at the model's rate, plus what software wrote.
/// SDM Vol. 3B, "Time-Stamp Counter".
public final class TimeStampCounter {
    private static final long NANOS = 1_000_000_000L;

    private final Clock clock;
    private final long hertz;
    private long offset;
    private long adjust;

    /// What software has read last.
    private long last;

    private Runnable onWrite = () -> {};

    public TimeStampCounter(Clock clock, long hertz) {
        this.clock = clock;
        this.hertz = hertz;
    }

    public void reset() {
        offset = 0;
        adjust = 0;
        last = 0;
    }

    /// Ticks per second.
    public long hertz() {
        return hertz;
    }

    public long now() {
        return ticks(clock.nanos()) + offset;
    }

    /// What software reads: a greater value each time, although the board's clock stands still
    /// while a block of instructions runs. SDM Vol. 3B, "Time-Stamp Counter".
    public long read() {
        long now = now();
        last = now - last > 0 ? now : last + 1;
        return last;
    }

    private long ticks(long nanos) {
        return nanos / NANOS * hertz + nanos % NANOS * hertz / NANOS;
    }

    /// When the counter reaches a value, in nanoseconds of the board's clock, rounded up.
    public long nanosAt(long value) {
        long ticks = value - offset;
        if (ticks <= 0) {
            return value - now() <= 0 ? clock.nanos() : Long.MAX_VALUE;
        }
        long seconds = ticks / hertz;
        if (seconds >= Long.MAX_VALUE / NANOS) {
            return Long.MAX_VALUE;
        }
        return seconds * NANOS + (ticks % hertz * NANOS + hertz - 1) / hertz;
    }

    /// Sets what is told when software writes the counter.
    public void onWrite(Runnable action) {
        onWrite = action;
    }

    public void write(long value) {
        shift(value - now());
    }

    public long adjust() {
        return adjust;
    }

    public void adjust(long value) {
        shift(value - adjust);
    }

    private void shift(long by) {
        offset += by;
        adjust += by;
        last += by;
        onWrite.run();
    }
}
