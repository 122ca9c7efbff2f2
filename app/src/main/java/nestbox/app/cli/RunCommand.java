package nestbox.app.cli;

import nestbox.app.board.Outcome;
import nestbox.app.console.EndpointSpec;
import nestbox.app.console.StandardStreams;
import nestbox.app.l0.ScenarioSoftware;
import nestbox.app.session.Ending;
import nestbox.app.session.Session;
import nestbox.scenario.Vm;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/// `nestbox run`: the hypervisor of an ACRN scenario on a board of its own, with its VMs.
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        sortOptions = false,
        abbreviateSynopsis = true,
        description = {
            "Runs an ACRN scenario: a hypervisor, with the virtual machines that the file describes.",
            "The terminal is the hypervisor's console, with its shell and the consoles of the VMs.",
            "On a terminal, Ctrl-A s switches consoles, Ctrl-A x leaves and Ctrl-A h helps."
        })
final class RunCommand implements Callable<Integer> {
    @Mixin(name = "The scenario")
    private final ScenarioOptions scenario = new ScenarioOptions();

    @Mixin(name = "What the VMs boot")
    private final VmGuestOptions guest = new VmGuestOptions();

    @Mixin(name = "Where VMs have their consoles")
    private final ConsoleOptions consoles = new ConsoleOptions();

    @Mixin(name = "The machine")
    private final MachineOptions machine = new MachineOptions();

    @Mixin(name = "The run")
    private final RunOptions run = new RunOptions();

    @Spec private CommandSpec spec;

    private final StandardStreams streams;

    RunCommand(StandardStreams streams) {
        this.streams = streams;
    }

    @Override
    public Integer call() throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        machine.check();
        ScenarioFile file = ScenarioFile.read(scenario.file, scenario.board);
        Verdict verdict = Verdict.of(scenario.file, file);
        if (!verdict.findings().isEmpty()) {
            err.print(verdict.text());
            err.flush();
        }
        if (verdict.errors() > 0) {
            return ExitStatus.USER_MISTAKE.code();
        }
        List<Vm> vms = file.scenario().scenario().orElseThrow().vms();
        VmNames names = new VmNames(vms);
        Map<Integer, EndpointSpec> places = consoles.places(names);
        long started = System.nanoTime();
        try (VmImages images = VmImages.open(guest.choices(names), err)) {
            MemorySize memory = machine.memory.orElse(images.memory(vms));
            ScenarioPlan plan =
                    ScenarioPlan.of(file, machine.processors, memory, OptionalInt.empty());
            ScenarioSoftware software =
                    new ScenarioSoftware(plan.plan(), images::of, Nestbox.Version.number());
            SessionSetup setup = new SessionSetup(machine, run, places, streams);
            try (Session session = setup.open(software, memory, plan.processors())) {
                Ending ending = failed(session.run(), software);
                Conclusion conclusion = new Conclusion(run, err);
                int status = conclusion.status(ending);
                conclusion.report(ending, session.statistics(), System.nanoTime() - started);
                return status;
            }
        }
    }

    /// A power-off is a crash if a VM went off because L0 had to stop it.
    static Ending failed(Ending ending, ScenarioSoftware software) {
        String failures =
                software.vms().stream()
                        .filter(vm -> vm.failure().isPresent())
                        .map(RunCommand::failure)
                        .collect(Collectors.joining("\n"));
        return failures.isEmpty() || !ending.equals(new Ending.ByGuest(new Outcome.PoweredOff()))
                ? ending
                : new Ending.ByGuest(new Outcome.Crashed(failures));
    }

    private static String failure(nestbox.hypervisor.Vm vm) {
        return "The hypervisor stopped VM %d (%s): %s."
                .formatted(vm.id(), vm.name(), vm.failure().orElse(""));
    }
}
