package nestbox.cpu.core;

import nestbox.platform.NativeSpace;

/// The cache line that MONITOR has armed, and what it held then.
///
/// A store shows in the contents, as long as it changes them for longer than a processor's turn.
/// SDM Vol. 2B, "MONITOR—Set Up Monitor Address".
public final class MonitoredLine {
    private static final int WORDS = 8;
    private static final long NONE = -1;

    private final long[] contents = new long[WORDS];
    private long place = NONE;

    /// @param host where a byte of the line lies in the address space reservation; −1 if it isn't
    ///     RAM, which can't be monitored
    public void arm(long host) {
        place = host == NONE ? NONE : host & -8L * WORDS;
        if (place != NONE) {
            for (int i = 0; i < WORDS; i++) {
                contents[i] = word(i);
            }
        }
    }

    public void disarm() {
        place = NONE;
    }

    public boolean isArmed() {
        return place != NONE;
    }

    /// Whether a line is armed and still holds what it held.
    boolean isUnchanged() {
        if (place == NONE) {
            return false;
        }
        for (int i = 0; i < WORDS; i++) {
            if (contents[i] != word(i)) {
                return false;
            }
        }
        return true;
    }

    private long word(int i) {
        return NativeSpace.SPACE.get(NativeSpace.I64, place + 8L * i);
    }
}
