package nestbox.app.cli;

import nestbox.app.board.Board;
import nestbox.app.board.Outcome;
import nestbox.app.session.Ending;

import java.io.PrintWriter;
import java.util.Locale;

/// What a run comes to for the user: an exit status, and what standard error says.
///
/// @param run what was asked for
record Conclusion(RunOptions run, PrintWriter err) {
    /// Says what the run took, as far as it was asked for or may explain its end.
    void report(Ending ending, Board.Statistics statistics, long hostNanos) {
        if (run.stats) {
            err.println(describe(statistics, hostNanos));
            err.print(VmxSummary.exits(statistics.vmExits()));
        }
        if (run.stats || run.traced().isPresent() || isBadEnd(ending)) {
            err.print(VmxSummary.failures(statistics.vmEntryFailures()));
        }
        err.flush();
    }

    /// Whether a VM entry that failed may be why the run ended so.
    private static boolean isBadEnd(Ending ending) {
        return switch (ending) {
            case Ending.ByGuest(Outcome.Crashed _), Ending.ByGuest(Outcome.Deadlocked _) -> true;
            case Ending.TimeLimit() -> true;
            case Ending.ByGuest _, Ending.TextSeen _, Ending.Left _ -> false;
            case Ending.OutputLost _, Ending.TraceLost _ -> false;
        };
    }

    int status(Ending ending) {
        return switch (ending) {
            case Ending.TextSeen(), Ending.Left() -> ExitStatus.SUCCESS.code();
            case Ending.TimeLimit() -> {
                err.println("nestbox: The time limit came before the end of the run.");
                yield ExitStatus.TIME_LIMIT.code();
            }
            case Ending.OutputLost(String reason) -> {
                err.println("nestbox: The guest's output can't be written: %s.".formatted(reason));
                yield ExitStatus.USER_MISTAKE.code();
            }
            case Ending.TraceLost(String reason) -> {
                err.println("nestbox: The trace can't be written: %s.".formatted(reason));
                yield ExitStatus.USER_MISTAKE.code();
            }
            case Ending.ByGuest(Outcome outcome) -> status(outcome);
        };
    }

    private int status(Outcome outcome) {
        return switch (outcome) {
            case Outcome.PoweredOff() -> ended("switched the power off");
            case Outcome.Reset() -> ended("reset the machine");
            case Outcome.Stopped() -> ended("was stopped");
            case Outcome.GuestExit(int status) -> status & 0xFF;
            case Outcome.Crashed(String message) -> crashed(message);
            case Outcome.Deadlocked(String message) -> crashed(message);
        };
    }

    /// The guest has come to a regular end, which is a finding if a text was waited for.
    private int ended(String how) {
        if (run.until.isEmpty()) {
            return ExitStatus.SUCCESS.code();
        }
        err.println(
                "nestbox: The guest %s before the console had shown \"%s\"."
                        .formatted(how, run.until.get()));
        return ExitStatus.FINDINGS.code();
    }

    private int crashed(String message) {
        err.println("nestbox: " + message.stripTrailing());
        return ExitStatus.GUEST_CRASHED.code();
    }

    private static String describe(Board.Statistics statistics, long hostNanos) {
        double hostSeconds = hostNanos / 1e9;
        return String.format(
                Locale.ROOT,
                "nestbox: %,d instructions, %.3f s of the guest's time, %.3f s of the"
                        + " host's, %.1f million instructions per second",
                statistics.instructions(),
                statistics.nanos() / 1e9,
                hostSeconds,
                statistics.instructions() / hostSeconds / 1e6);
    }
}
