package nestbox.hypervisor;

import nestbox.x86.vmx.ExitReason;

import java.util.EnumMap;
import java.util.Map;

/// How often a vCPU has exited to L0, by reason, for each level of guest.
public final class ExitCounters {
    private final long[] byL1 = new long[ExitReason.values().length];
    private final long[] byL2 = new long[ExitReason.values().length];

    void count(ExitReason reason, boolean inL2) {
        (inL2 ? byL2 : byL1)[reason.ordinal()]++;
    }

    /// Exits while the vCPU itself ran.
    public Map<ExitReason, Long> ofL1() {
        return map(byL1);
    }

    /// Exits while its guest ran, reflected to L1 or not.
    public Map<ExitReason, Long> ofL2() {
        return map(byL2);
    }

    private static Map<ExitReason, Long> map(long[] counts) {
        Map<ExitReason, Long> map = new EnumMap<>(ExitReason.class);
        for (ExitReason reason : ExitReason.values()) {
            if (counts[reason.ordinal()] != 0) {
                map.put(reason, counts[reason.ordinal()]);
            }
        }
        return map;
    }
}
