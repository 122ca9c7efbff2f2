package nestbox.cpu.apic;

/// A processor's time-stamp counter, related to the board's clock. It includes what software wrote
/// to IA32_TIME_STAMP_COUNTER and IA32_TSC_ADJUST.
public interface TscClock {
    /// The counter now.
    long tsc();

    /// When, in nanoseconds of the board's clock, the counter reaches a value: the time now or
    /// before if it has, `Long.MAX_VALUE` if it won't in the clock's range.
    ///
    /// @param tsc unsigned
    long nanosAt(long tsc);
}
