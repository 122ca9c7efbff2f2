package nestbox.platform;

/// The board's time, and alarms on it.
public interface Clock {
    /// Nanoseconds since power-on; never goes back.
    long nanos();

    /// Makes an alarm, not yet set.
    ///
    /// @param action run on the board's thread, at or soon after the time for which it was set
    Alarm alarm(Runnable action);

    /// One alarm: set for at most one time.
    interface Alarm {
        /// Sets the alarm, in place of any earlier setting; a time in the past rings at once.
        void at(long nanos);

        void cancel();
    }
}
