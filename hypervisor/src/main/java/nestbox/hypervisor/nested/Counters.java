package nestbox.hypervisor.nested;

import nestbox.x86.vmx.ExitReason;

import java.util.EnumMap;
import java.util.Map;

/// How often things happened to a vCPU's guests, for the shell.
final class Counters {
    private final Map<ExitReason, Long> reflected = new EnumMap<>(ExitReason.class);
    private final Map<ExitReason, Long> handled = new EnumMap<>(ExitReason.class);
    private final Map<ExitReason, Long> instructions = new EnumMap<>(ExitReason.class);
    private long entries;
    private long failedEntries;

    void instruction(ExitReason reason) {
        instructions.merge(reason, 1L, Long::sum);
    }

    void entry() {
        entries++;
    }

    void failedEntry() {
        failedEntries++;
    }

    void reflected(ExitReason reason) {
        reflected.merge(reason, 1L, Long::sum);
    }

    void handled(ExitReason reason) {
        handled.merge(reason, 1L, Long::sum);
    }

    long entries() {
        return entries;
    }

    long failedEntries() {
        return failedEntries;
    }

    Map<ExitReason, Long> reflected() {
        return Map.copyOf(reflected);
    }

    Map<ExitReason, Long> handled() {
        return Map.copyOf(handled);
    }

    Map<ExitReason, Long> instructions() {
        return Map.copyOf(instructions);
    }
}
