package nestbox.app.l0;

import nestbox.app.board.Board;
import nestbox.app.board.Outcome;
import nestbox.app.console.Endpoint;
import nestbox.app.session.Software;
import nestbox.boot.BootException;
import nestbox.boot.BootImages;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.Version;
import nestbox.devices.BoardMap;
import nestbox.hypervisor.Hypervisor;
import nestbox.hypervisor.Loader;
import nestbox.hypervisor.Vm;
import nestbox.hypervisor.VmState;
import nestbox.hypervisor.vuart.Vuart;
import nestbox.platform.ByteSink;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.Hypervisor.Debug;
import nestbox.scenario.Scenario;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/// A scenario as what a board runs: L0, its console, and the virtual machines.
public final class ScenarioSoftware implements Software {
    private static final String HALTED = "Halted for good, with interrupts disabled: %s.";
    private static final int CONSOLE = 0;
    private static final int API_MAJOR = 1;
    private static final int API_MINOR = 0;

    private final Plan plan;
    private final Function<VmPlan, BootImages> images;
    private final String version;
    private final TerminalUser user = new TerminalUser();

    // Of the present run; all is made anew after a reset.
    private Optional<Hypervisor> hypervisor = Optional.empty();
    private Optional<HypervisorConsole> console = Optional.empty();

    private volatile Runnable wake = () -> {};

    /// What is to run.
    ///
    /// @param board as the scenario's board file has it
    /// @param firstConsole the VM whose console has L0's line at first, in place of the scenario's
    public record Plan(
            Scenario scenario,
            nestbox.scenario.board.Board board,
            Allocation allocation,
            OptionalInt firstConsole) {
        private Debug debug() {
            return scenario.hypervisor().debug();
        }

        /// The ports of L0's console: one of the board's COM1 and COM2, in a debug build.
        private OptionalInt consolePort() {
            if (debug().release() || debug().serialConsole().isEmpty()) {
                return OptionalInt.empty();
            }
            boolean second =
                    board.serialPort(debug().serialConsole())
                            .filter(port -> port.portIo() && port.base() == BoardMap.COM2)
                            .isPresent();
            return OptionalInt.of(second ? BoardMap.COM2 : BoardMap.COM1);
        }

        /// The VM that the scenario gives the console to at first.
        private OptionalInt consoleVm() {
            return firstConsole.isPresent()
                    ? firstConsole
                    : scenario.vm(debug().consoleVm()).stream()
                            .mapToInt(nestbox.scenario.Vm::index)
                            .findFirst();
        }
    }

    /// @param images for each VM that L0 starts
    /// @param version of this program
    public ScenarioSoftware(Plan plan, Function<VmPlan, BootImages> images, String version) {
        this.plan = plan;
        this.images = images;
        this.version = version;
    }

    /// The virtual machines of the present run.
    public List<Vm> vms() {
        return hypervisor.map(Hypervisor::vms).orElse(List.of());
    }

    @Override
    public void start(Board board, Consoles consoles) {
        console.ifPresent(HypervisorConsole::stop);
        wake = board::wake;
        OptionalInt port = plan.consolePort();
        Hypervisor started = hypervisor(board, port);
        hypervisor = Optional.of(started);
        console =
                port.isPresent()
                        ? Optional.of(console(board, started, port.getAsInt()))
                        : Optional.empty();
        Wires wires = new Wires(board, consoles);
        wires.connect(vms());
        started.listen(wires);
        board.onStandstill(this::standstill);
        console.ifPresent(shell -> welcome(shell.log(), board));
        started.start();
        console.ifPresent(shell -> shell.start(plan.consoleVm()));
    }

    /// Leads the consoles of VMs to where they are wanted, or else to L0's line, also those of VMs
    /// that device models make; and what L0 has to say of these to its log.
    private final class Wires implements Hypervisor.Listener {
        private final Board board;
        private final Consoles consoles;
        private final Map<Integer, RemoteConsole> remote = new TreeMap<>();

        Wires(Board board, Consoles consoles) {
            this.board = board;
            this.consoles = consoles;
        }

        void connect(List<Vm> vms) {
            vms.forEach(this::connect);
            board.onWake(() -> remote.values().forEach(RemoteConsole::deliver));
            board.wake();
        }

        private void connect(Vm vm) {
            Optional<Vuart> port = vm.vuart(CONSOLE);
            Optional<Endpoint> endpoint = consoles.elsewhere(vm.id());
            if (port.isPresent() && endpoint.isPresent()) {
                Endpoint end = endpoint.get();
                ByteSink output = consoles.watched(end);
                remote.put(vm.id(), RemoteConsole.connect(port.get(), end, output));
                console.ifPresent(shell -> shell.elsewhere(vm.id(), end.place()));
                end.onInput(board::wake);
            } else if (port.isPresent()) {
                console.ifPresent(shell -> shell.connect(vm.id(), port.get(), consoles));
            }
        }

        @Override
        public void created(Vm vm) {
            connect(vm);
        }

        @Override
        public void stopped(Vm vm, String why) {
            log(vm, why);
        }

        @Override
        public void refused(Vm service, String why) {
            log(service, why);
        }

        private void log(Vm vm, String message) {
            String thread = "vm%d:vcpu0".formatted(vm.id());
            console.ifPresent(shell -> shell.log().write(HypervisorLog.ERROR, thread, message));
        }
    }

    private Optional<Outcome> standstill() {
        boolean deaf =
                vms().stream()
                        .flatMap(vm -> vm.vcpus().stream())
                        .allMatch(vcpu -> vcpu.inspection().isDeaf());
        String halted =
                vms().stream()
                        .filter(vm -> vm.state() != VmState.POWERED_OFF)
                        .map(vm -> "VM %d (%s)".formatted(vm.id(), vm.name()))
                        .collect(Collectors.joining(", "));
        return deaf
                ? Optional.of(new Outcome.Deadlocked(HALTED.formatted(halted)))
                : Optional.empty();
    }

    private Hypervisor hypervisor(Board board, OptionalInt port) {
        Loader loader = (vm, ram, layout) -> images.apply(vm).load(ram, layout);
        try {
            return new Hypervisor(
                    board.machine(), new Hypervisor.Setup(plan.allocation(), port, loader));
        } catch (IllegalArgumentException e) {
            // The scenario asks for more than this machine has; the message says what to do.
            throw new BootException(String.valueOf(e.getMessage()), e);
        }
    }

    private HypervisorConsole console(Board board, Hypervisor started, int port) {
        Debug debug = plan.debug();
        LogLevels levels =
                new LogLevels(debug.consoleLogLevel(), debug.memoryLogLevel(), debug.npkLogLevel());
        int limit = Math.max(plan.scenario().hypervisor().capacities().vms(), vmCount(started));
        return new HypervisorConsole(
                board,
                started,
                port,
                new HypervisorSubject.Identity(version(), limit),
                levels,
                user);
    }

    private static int vmCount(Hypervisor started) {
        return started.vms().stream().mapToInt(Vm::id).max().orElse(0) + 1;
    }

    private Version version() {
        String release = plan.scenario().edition().release().substring(1);
        return new Version(
                release,
                "nestbox",
                version,
                true,
                "",
                plan.scenario().name(),
                plan.board().name(),
                "nestbox",
                "",
                API_MAJOR,
                API_MINOR);
    }

    private void welcome(HypervisorLog log, Board board) {
        Version me = version();
        log.write(
                HypervisorLog.ALWAYS,
                "HV version %s-%s-%s DBG (daily tag:%s) %s@%s build by %s, start time %dus"
                        .formatted(
                                me.release(),
                                me.built(),
                                me.commit(),
                                me.tag(),
                                me.scenario(),
                                me.board(),
                                me.user(),
                                board.machine().clock().nanos() / 1000));
        log.write(HypervisorLog.ALWAYS, "API version %d.%d".formatted(API_MAJOR, API_MINOR));
        log.write(
                HypervisorLog.ALWAYS,
                "Detect processor: " + board.processors().bootstrap().brand());
        for (Vm vm : vms()) {
            log.write(
                    HypervisorLog.ALWAYS,
                    "Start VM id: %x name: %s".formatted(vm.id(), new VmSubject(vm).name()));
        }
    }

    @Override
    public void inputEnded() {
        user.leave();
    }

    @Override
    public Optional<Runnable> nextConsole() {
        return console.map(
                _ ->
                        () -> {
                            user.switchConsole();
                            wake.run();
                        });
    }
}
