package nestbox.cpu.vmx;

import nestbox.x86.vmx.ExitReason;

import java.util.EnumMap;
import java.util.Map;

/// How often guests exited, by reason: the first thing that one wants to know of a slow guest.
final class ExitCounts {
    private static final ExitReason[] REASONS = ExitReason.values();

    private final long[] counts = new long[REASONS.length];

    void add(ExitReason reason) {
        counts[reason.ordinal()]++;
    }

    /// The reasons that occurred.
    Map<ExitReason, Long> all() {
        Map<ExitReason, Long> occurred = new EnumMap<>(ExitReason.class);
        for (ExitReason reason : REASONS) {
            if (counts[reason.ordinal()] != 0) {
                occurred.put(reason, counts[reason.ordinal()]);
            }
        }
        return occurred;
    }
}
