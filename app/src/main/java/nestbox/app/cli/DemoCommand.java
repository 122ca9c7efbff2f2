package nestbox.app.cli;

import nestbox.app.console.StandardStreams;
import nestbox.app.l0.ScenarioSoftware;
import nestbox.app.session.Ending;
import nestbox.app.session.Session;
import nestbox.scenario.Vm;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;

/// `nestbox demo`: all levels at once, from power-on to the login prompt of a guest's guest.
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        sortOptions = false,
        description = {
            "Shows nested virtualization: a hypervisor (L0) starts Debian in its Service VM (L1),",
            "whose KVM and QEMU start another Debian (L2), up to its login prompt.",
            "Guest images are built from Debian packages first if they are not there yet."
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:L2 has reached its login prompt",
            "1:the machine went off before",
            "2:something to correct: an option, a file, the host",
            "3:the hypervisor had to stop the Service VM",
            "4:--timeout came first",
            "70:an error in Nestbox itself"
        })
final class DemoCommand implements Callable<Integer> {
    private static final String PROMPT = "login: ";

    /// With the messages of both kernels, by which their starts are seen.
    private static final String APPEND = "loglevel=6";

    private static final List<Milestones.Step> STEPS =
            List.of(
                    new Milestones.Step("L1 kernel", "Linux version"),
                    new Milestones.Step("L1 user space, starts QEMU", "starting the inner guest"),
                    new Milestones.Step("L2 kernel", "Linux version"),
                    new Milestones.Step("L2 login prompt", PROMPT));

    private static final List<String> DOING =
            List.of(
                    "booting the Service VM (L1)",
                    "L1's kernel runs",
                    "KVM and QEMU start L2",
                    "L2's kernel runs",
                    "done");

    @Option(names = "--attach", description = "Stay at L2's prompt; Ctrl-A x leaves.")
    private boolean attach;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = WallTime.class,
            description = "End with status 4 after this time, such as 20m.")
    private Optional<Duration> timeout = Optional.empty();

    @Spec private CommandSpec spec;

    private final StandardStreams streams;

    DemoCommand(StandardStreams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        RunOptions run = new RunOptions();
        run.timeout = timeout;
        run.until = attach ? Optional.empty() : Optional.of(PROMPT);
        Curtain curtain = new Curtain(streams.out());
        SessionSetup setup = new SessionSetup(new MachineOptions(), run, behind(curtain));
        ScenarioFile scenario = ScenarioFile.nested();
        List<Vm> vms = scenario.scenario().scenario().orElseThrow().vms();
        GuestChoice guest = GuestChoice.builtIn(VmGuestOptions.NESTING_GUEST).appending(APPEND);
        try (VmImages images = VmImages.open(Map.of(vms.getFirst().index(), guest), err);
                ProgressLine progress = new ProgressLine(err, isTerminal())) {
            MemorySize memory = images.memory(vms);
            ScenarioPlan plan =
                    ScenarioPlan.of(scenario, Optional.empty(), memory, OptionalInt.of(0));
            ScenarioSoftware software =
                    new ScenarioSoftware(plan.plan(), images::of, Nestbox.Version.number());
            Milestones milestones =
                    new Milestones(
                            software,
                            STEPS,
                            all -> {
                                progress.doing(DOING.get(all.size() - 1));
                                if (attach && all.size() == DOING.size()) {
                                    progress.end();
                                    raise(curtain);
                                }
                            });
            Ending ending;
            try (Session session = setup.open(milestones, memory, plan.processors())) {
                ending = RunCommand.failed(session.run(), software);
            }
            progress.end();
            raise(curtain);
            PrintWriter out = spec.commandLine().getOut();
            out.print("\n\n" + new DemoSummary(milestones.reached(), software.vms()).text());
            out.flush();
            return new Conclusion(run, err).status(ending);
        }
    }

    /// Only one who stays types.
    private StandardStreams behind(Curtain curtain) {
        return attach
                ? new StandardStreams(streams.in(), curtain, streams.err(), streams.mayBeTerminal())
                : StandardStreams.of(InputStream.nullInputStream(), curtain, streams.err());
    }

    private boolean isTerminal() {
        Console console = streams.mayBeTerminal() ? System.console() : null;
        return console != null && console.isTerminal();
    }

    private static void raise(Curtain curtain) {
        try {
            curtain.raise();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
