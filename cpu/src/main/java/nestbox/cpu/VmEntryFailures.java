package nestbox.cpu;

/// The VM entries of one processor that failed.
///
/// @param processor its number
/// @param count at least 1
/// @param nanos the board's time at the last of them
/// @param last why that failed, as one sentence without its full stop
public record VmEntryFailures(int processor, long count, long nanos, String last) {}
