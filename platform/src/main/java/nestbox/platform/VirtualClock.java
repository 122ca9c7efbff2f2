package nestbox.platform;

import java.util.Comparator;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/// A clock that moves only when it is told to: the run loop advances it by what the processors
/// retired, or straight to the next alarm when all of them are halted. Two runs that retire the
/// same instructions see the same times.
public final class VirtualClock implements Clock {
    private static final Comparator<Entry> ORDER =
            Comparator.<Entry>comparingLong(e -> e.deadline).thenComparingLong(e -> e.sequence);

    private final TreeSet<Entry> set = new TreeSet<>(ORDER);
    private LongSupplier progress = () -> 0;
    private Runnable earlier = () -> {};
    private long base;
    private long sequence;

    @Override
    public long nanos() {
        return base + progress.getAsLong();
    }

    /// While a processor runs, nanoseconds since the clock was last advanced.
    public void progress(LongSupplier nanosSinceAdvance) {
        progress = nanosSinceAdvance;
    }

    /// Run when an alarm is set for a time before all others: a running processor must stop
    /// earlier than was planned.
    public void onEarlierDeadline(Runnable action) {
        earlier = action;
    }

    /// Time of the next alarm; `Long.MAX_VALUE` when none is set.
    public long nextDeadline() {
        return set.isEmpty() ? Long.MAX_VALUE : set.first().deadline;
    }

    /// Moves the time on and rings what is due, in the order of times and, at the same time, of
    /// setting. Must not be called while a processor runs.
    public void advanceTo(long nanos) {
        base = Math.max(base, nanos);
        while (!set.isEmpty() && set.first().deadline <= base) {
            Entry due = set.pollFirst();
            due.isSet = false;
            due.action.run();
        }
    }

    @Override
    public Alarm alarm(Runnable action) {
        return new Entry(action);
    }

    private final class Entry implements Alarm {
        private final Runnable action;
        private long deadline;
        private long sequence;
        private boolean isSet;

        Entry(Runnable action) {
            this.action = action;
        }

        @Override
        public void at(long nanos) {
            cancel();
            boolean first = nanos < nextDeadline();
            deadline = nanos;
            sequence = VirtualClock.this.sequence++;
            isSet = true;
            set.add(this);
            if (first) {
                earlier.run();
            }
        }

        @Override
        public void cancel() {
            if (isSet) {
                set.remove(this);
                isSet = false;
            }
        }
    }
}
