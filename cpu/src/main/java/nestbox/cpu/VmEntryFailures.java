package nestbox.cpu;

/// The VM entries of one processor that failed.
///
/// @param processor its number
/// @param count at least 1
/// @param nanos the board's time at the one that matters: the last that was refused because of the
///     contents of its VMCS, or the first of all
/// @param what happened to that one and why, as one sentence without its full stop
public record VmEntryFailures(int processor, long count, long nanos, String what) {}
