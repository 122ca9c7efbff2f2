package nestbox.app.l0;

import nestbox.console.subject.LogLevels;
import nestbox.platform.Clock;

import java.util.Locale;
import java.util.function.Consumer;

/// L0's log, as far as it gets to the console. Its lines look as ACRN's do.
final class HypervisorLog {
    static final int FATAL = 1;
    static final int ALWAYS = 2;
    static final int ERROR = 3;

    /// A longer line is cut.
    private static final int LONGEST = 320;

    private final Clock clock;
    private final Consumer<String> console;
    private LogLevels levels;
    private int sequence;

    HypervisorLog(Clock clock, LogLevels levels, Consumer<String> console) {
        this.clock = clock;
        this.levels = levels;
        this.console = console;
    }

    LogLevels levels() {
        return levels;
    }

    void levels(LogLevels wanted) {
        levels = wanted;
    }

    /// A message of L0 itself.
    void write(int severity, String message) {
        write(severity, "idle0", message);
    }

    /// @param thread who says it, such as `vm0:vcpu1`
    void write(int severity, String thread, String message) {
        sequence++;
        if (severity > levels.console()) {
            return;
        }
        String line =
                String.format(
                        Locale.ROOT,
                        "[%dus][cpu=0][%s thread][sev=%d][seq=%d]:%s",
                        clock.nanos() / 1000,
                        thread,
                        severity,
                        sequence,
                        message);
        console.accept(line.substring(0, Math.min(line.length(), LONGEST)) + "\n");
    }
}
