package nestbox.cpu.system;

import nestbox.platform.Clock;
import nestbox.platform.Frequency;

/// The TSC of one processor: the board's clock at the model's rate, plus what software wrote.
/// SDM Vol. 3B, "Time-Stamp Counter".
public final class TimeStampCounter {
    private final Clock clock;
    private final Frequency rate;
    private long offset;
    private long adjust;

    /// What software has read last.
    private long last;

    private Runnable onWrite = () -> {};

    public TimeStampCounter(Clock clock, long hertz) {
        this.clock = clock;
        rate = new Frequency(hertz);
    }

    public void reset() {
        offset = 0;
        adjust = 0;
        last = 0;
    }

    public long now() {
        return rate.ticks(clock.nanos()) + offset;
    }

    /// What software reads: a greater value each time, although the board's clock stands still
    /// while a block of instructions runs. SDM Vol. 3B, "Time-Stamp Counter".
    public long read() {
        long now = now();
        last = now - last > 0 ? now : last + 1;
        return last;
    }

    /// When the counter reaches a value, in nanoseconds of the board's clock, rounded up.
    public long nanosAt(long value) {
        long ticks = value - offset;
        if (ticks <= 0) {
            return value - now() <= 0 ? clock.nanos() : Long.MAX_VALUE;
        }
        return rate.nanos(ticks);
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
