package nestbox.app.cli;

import nestbox.app.board.Board;
import nestbox.app.console.StandardStreams;
import nestbox.app.session.Ending;
import nestbox.app.session.Session;
import nestbox.boot.BootImages;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
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
        GuestFiles files = GuestFiles.of(guest.choice(), err);
        long started = System.nanoTime();
        Ending ending;
        Board.Statistics statistics;
        try (BootImages images = files.images();
                Session session =
                        new SessionSetup(machine, run, streams)
                                .open(
                                        (board, _) -> board.start(images.load(board.memory())),
                                        files.defaultMemory(),
                                        machine.processors.orElse(1))) {
            ending = session.run();
            statistics = session.statistics();
        }
        Conclusion conclusion = new Conclusion(run, err);
        int status = conclusion.status(ending);
        conclusion.report(ending, statistics, System.nanoTime() - started);
        return status;
    }
}
