package nestbox.devices.pit;

/// Everything a snapshot holds of one counter. Times are ticks of the timer's clock since
/// power-on, [Counter#NEVER] for none.
///
/// @param count the count register as written
/// @param lowByte the first byte of a two-byte count of which the second is still to come
/// @param latchedCount −1 when no count is latched; likewise the status
/// @param held what the counting element showed when it was last stopped by a control word
/// @param origin when the counting element was loaded with `reload`
public record CounterState(
        int mode,
        boolean bcd,
        int access,
        boolean gate,
        int count,
        boolean countWritten,
        boolean nullCount,
        int lowByte,
        boolean writeHigh,
        boolean readHigh,
        int latchedCount,
        int latchedStatus,
        int held,
        boolean loaded,
        boolean armed,
        boolean high,
        boolean newCount,
        long origin,
        int reload,
        long pausedAt,
        long loadAt,
        long syncedTo) {}
