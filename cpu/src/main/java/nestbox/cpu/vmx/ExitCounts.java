package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.platform.Clock;
import nestbox.x86.vmx.ExitReason;

/// How often guests exited and what the hypervisor did until it entered one again, by reason: the
/// first thing that one wants to know of a slow guest.
public final class ExitCounts {
    private static final ExitReason[] REASONS = ExitReason.values();
    private static final int NONE = -1;

    private final Cpu cpu;
    private final Clock clock;
    private final long[] counts = new long[REASONS.length];
    private final long[] instructions = new long[REASONS.length];
    private final long[] nanos = new long[REASONS.length];

    /// The reason of the exit that the hypervisor works on, and when it came.
    private int handled = NONE;

    private long executedAtExit;
    private long nanosAtExit;

    ExitCounts(Cpu cpu, Clock clock) {
        this.cpu = cpu;
        this.clock = clock;
    }

    void exited(ExitReason reason) {
        handled = reason.ordinal();
        counts[handled]++;
        executedAtExit = cpu.executed();
        nanosAtExit = clock.nanos();
    }

    /// The hypervisor has tried a VM entry.
    void entered() {
        if (handled != NONE) {
            instructions[handled] += cpu.executed() - executedAtExit;
            nanos[handled] += clock.nanos() - nanosAtExit;
            handled = NONE;
        }
    }

    /// The hypervisor won't come back to the guest that has exited.
    void abandoned() {
        handled = NONE;
    }

    /// Takes what is known about the exits for one reason.
    @FunctionalInterface
    public interface Visitor {
        void visit(ExitReason reason, long count, long instructions, long nanos);
    }

    /// Visits the reasons that occurred.
    public void forEach(Visitor visitor) {
        for (int i = 0; i < REASONS.length; i++) {
            if (counts[i] != 0) {
                visitor.visit(REASONS[i], counts[i], instructions[i], nanos[i]);
            }
        }
    }
}
