package nestbox.devices;

import nestbox.platform.Clock;

/// An alarm that knows for when it is set, so that a device's state can hold it.
public final class Deadline {
    public static final long NEVER = Long.MAX_VALUE;

    private final Clock.Alarm alarm;
    private long when = NEVER;

    public Deadline(Clock clock, Runnable action) {
        alarm =
                clock.alarm(
                        () -> {
                            when = NEVER;
                            action.run();
                        });
    }

    /// Sets the alarm in place of any earlier setting; [#NEVER] cancels it.
    public void at(long nanos) {
        when = nanos;
        if (nanos == NEVER) {
            alarm.cancel();
        } else {
            alarm.at(nanos);
        }
    }

    public void cancel() {
        at(NEVER);
    }

    /// For when it is set; [#NEVER] if it isn't.
    public long when() {
        return when;
    }

    public boolean isSet() {
        return when != NEVER;
    }
}
