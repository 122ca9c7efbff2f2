package nestbox.app.l0;

import java.util.concurrent.atomic.AtomicInteger;

/// What the user at the terminal does besides typing; from any thread.
final class TerminalUser {
    private final AtomicInteger switches = new AtomicInteger();
    private volatile boolean gone;

    /// Wants the next console.
    void switchConsole() {
        switches.incrementAndGet();
    }

    /// How often the next console was wanted since this was last asked.
    int takeSwitches() {
        return switches.getAndSet(0);
    }

    /// Won't type any more.
    void leave() {
        gone = true;
    }

    boolean isGone() {
        return gone;
    }
}
