package nestbox.app.cli;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.app.console.StandardStreams;
import nestbox.app.session.Ending;
import nestbox.app.session.Session;
import nestbox.boot.BootImages;
import nestbox.devices.rtc.Rtc;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;

/// `nestbox boot`: a machine of its own for one guest, with this terminal as its serial console.
@Command(
        name = "boot",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        description = {
            "Boots a guest on a PC of its own; the terminal is its first serial port.",
            "On a terminal, Ctrl-A x leaves and Ctrl-A h helps."
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:as asked: the guest switched the power off, or --until was seen",
            "1:not as asked: the guest ended before --until was seen",
            "2:something to correct: an option, a file, the host",
            "3:the guest crashed (triple fault) or halted for good",
            "4:--timeout came first",
            "70:an error in Nestbox itself",
            "odd:a guest program wrote V to port 0xF4: the status is V * 2 + 1, modulo 256"
        })
final class BootCommand implements Callable<Integer> {
    @Mixin(name = "What to boot")
    private final GuestOptions guest = new GuestOptions();

    @Mixin(name = "The machine")
    private final MachineOptions machine = new MachineOptions();

    @Mixin(name = "The run")
    private final RunOptions run = new RunOptions();

    @Spec private CommandSpec spec;

    private final StandardStreams streams;

    BootCommand(StandardStreams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        machine.check();
        GuestFiles files = GuestFiles.of(guest, err);
        long started = System.nanoTime();
        Ending ending;
        Board.Statistics statistics;
        try (BootImages images = files.images();
                Session session = session(images, files)) {
            ending = session.run();
            statistics = session.statistics();
        }
        int status = status(ending, err);
        if (run.stats) {
            err.println(describe(statistics, System.nanoTime() - started));
            err.print(VmxSummary.exits(statistics.vmExits()));
        }
        if (run.stats || run.traced().isPresent() || isBadEnd(ending)) {
            err.print(VmxSummary.failures(statistics.vmEntryFailures()));
        }
        err.flush();
        return status;
    }

    private Session session(BootImages images, GuestFiles files) throws IOException {
        long memory = machine.memory.orElse(files.defaultMemory()).bytes();
        Session.Limits limits = new Session.Limits(run.until, run.timeout, !run.noReboot);
        Session.Outputs outputs =
                new Session.Outputs(run.serial2, run.debugConsole, run.virtioConsole, run.traced());
        try {
            return new Session(
                    streams,
                    images,
                    limits,
                    outputs,
                    sinks ->
                            new BoardConfiguration(
                                    memory,
                                    machine.processors,
                                    machine.model,
                                    machine.disks,
                                    machine.net,
                                    sinks.com1(),
                                    sinks.com2(),
                                    sinks.debugConsole(),
                                    sinks.virtioConsole(),
                                    Rtc.DEFAULT_START,
                                    machine.clock));
        } catch (IOException e) {
            throw explained(e);
        } catch (OutOfMemoryError e) {
            throw new UserMistake(
                    ("This host has no room for a guest with %d MiB of memory: give it"
                                    + " less with --memory.")
                            .formatted(memory >> 20),
                    e);
        }
    }

    private UserMistake explained(IOException e) {
        boolean trace =
                e instanceof FileSystemException failed
                        && run.traceFile.map(Path::toString).equals(file(failed));
        return trace ? UserMistake.of("Can't write the trace", e) : machine.explained(e);
    }

    private static Optional<String> file(FileSystemException e) {
        return Optional.ofNullable(e.getFile());
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

    private int status(Ending ending, PrintWriter err) {
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
            case Ending.ByGuest(Outcome outcome) -> status(outcome, err);
        };
    }

    private int status(Outcome outcome, PrintWriter err) {
        return switch (outcome) {
            case Outcome.PoweredOff() -> ended("switched the power off", err);
            case Outcome.Reset() -> ended("reset the machine", err);
            case Outcome.Stopped() -> ended("was stopped", err);
            case Outcome.GuestExit(int status) -> status & 0xFF;
            case Outcome.Crashed(String message) -> crashed(message, err);
            case Outcome.Deadlocked(String message) -> crashed(message, err);
        };
    }

    /// The guest has come to a regular end, which is a finding if a text was waited for.
    private int ended(String how, PrintWriter err) {
        if (run.until.isEmpty()) {
            return ExitStatus.SUCCESS.code();
        }
        err.println(
                "nestbox: The guest %s before the console had shown \"%s\"."
                        .formatted(how, run.until.get()));
        return ExitStatus.FINDINGS.code();
    }

    private static int crashed(String message, PrintWriter err) {
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
