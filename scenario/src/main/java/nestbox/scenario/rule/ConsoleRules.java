package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Allocation;
import nestbox.scenario.Edition;
import nestbox.scenario.Hypervisor.Debug;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vuart;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Board;

import java.util.List;
import java.util.Optional;

/// The hypervisor's console and the way from there to the VMs' consoles.
final class ConsoleRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("console.serial", ERROR, "A debug build has a serial console (v3.x).", ConsoleRules::serial),
            rule("console.port", ERROR, "The serial console is a serial port of the board.", ConsoleRules::port),
            rule("console.timer", WARNING, "No VM with local APIC pass-through has the pCPU whose timer polls the console.", ConsoleRules::timer),
            rule("console.timercpu", ERROR, "The pCPU whose timer polls the console exists on the board (v3.x).", ConsoleRules::timerCpu),
            rule("console.owner", ERROR, "The VM that owns the console at boot is a VM of the file (v3.x).", ConsoleRules::owner),
            rule("console.service", WARNING, "In a debug build the Service VM has a console vUART.", ConsoleRules::service),
            rule("console.kernel", WARNING, "The kernel of a VM with a PCI console vUART is told to use it.", ConsoleRules::kernel));

    // spotless:on

    private ConsoleRules() {}

    private static void serial(Scenario scenario, Board board, Report report) {
        Debug debug = scenario.hypervisor().debug();
        if (scenario.edition() == Edition.V3
                && !debug.release()
                && debug.serialConsole().isEmpty()) {
            report.at(
                    "hv/debug/serialConsole",
                    "A debug build needs a serial console. Write SERIAL_CONSOLE /dev/ttyS0, or"
                            + " BUILD_TYPE release.");
        }
    }

    private static void port(Scenario scenario, Board board, Report report) {
        String console = scenario.hypervisor().debug().serialConsole();
        if (console.contains("ttyS")
                && !board.serialPorts().isEmpty()
                && board.serialPort(console).isEmpty()) {
            report.at(
                    "hv/debug/serialConsole",
                    "Board %s has no serial port %s. It has %s.",
                    board.name(),
                    console.substring(console.lastIndexOf("ttyS")),
                    Rules.and(board.serialPorts().stream().map(Board.SerialPort::name)));
        }
    }

    private static void timer(Scenario scenario, Board board, Report report) {
        Debug debug = scenario.hypervisor().debug();
        if (debug.release() || debug.serialConsole().isEmpty()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            int index = vm.cpus().affinity().indexOf(debug.timerCpu());
            if (vm.lapicPassthrough() && scenario.cpusOf(vm, board).contains(debug.timerCpu())) {
                report.at(
                        index < 0 ? vm.path("affinity") : vm.path("affinity/cpu/" + index),
                        "VM \"%s\" has pCPU %d with its local APIC, so that the hypervisor's timer there"
                                + " no longer polls the console. %s",
                        vm.name(),
                        debug.timerCpu(),
                        scenario.edition() == Edition.V3
                                ? "Choose another pCPU here or in VUART_TIMER_PCPU."
                                : "Name other pCPUs in cpu_affinity, or make a release build.");
            }
        }
    }

    private static void timerCpu(Scenario scenario, Board board, Report report) {
        int cpu = scenario.hypervisor().debug().timerCpu();
        if (board.knowsCpus() && board.cpu(cpu).isEmpty()) {
            report.at(
                    "hv/debug/timerCpu",
                    "pCPU %d does not exist on board %s. Write one of %s.",
                    cpu,
                    board.name(),
                    Rules.and(board.cpuIds().stream()));
        }
    }

    private static void owner(Scenario scenario, Board board, Report report) {
        int vm = scenario.hypervisor().debug().consoleVm();
        if (vm != Debug.NO_VM && scenario.vm(vm).isEmpty()) {
            report.at(
                    "hv/debug/consoleVm",
                    "There is no VM %d. Write a VM's id, or 65535 for the hypervisor's shell.",
                    vm);
        }
    }

    private static void service(Scenario scenario, Board board, Report report) {
        Debug debug = scenario.hypervisor().debug();
        Optional<Vm> service = scenario.serviceVm();
        if (!debug.release()
                && !debug.serialConsole().isEmpty()
                && service.isPresent()
                && service.get().vuart(0).isEmpty()) {
            Vm vm = service.get();
            String advice =
                    vm.lapicPassthrough()
                            ? scenario.edition() == Edition.V3
                                    ? "Write console_vuart PCI."
                                    : "Write PCI_VUART in console_vuart."
                            : scenario.edition() == Edition.V3
                                    ? "Write console_vuart COM Port 1."
                                    : "Write a COM port in legacy_vuart 0, or PCI_VUART in"
                                            + " console_vuart.";
            report.at(
                    vm.path("vuart/" + Transport.PCI + "/0"),
                    "The Service VM \"%s\" has no console vUART, so the hypervisor's shell can't reach"
                            + " it. %s",
                    vm.name(),
                    advice);
        }
    }

    private static void kernel(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            Optional<Vuart> console = vm.vuart(0);
            if (vm.isPostLaunched()
                    || console.isEmpty()
                    || console.get().transport() != Transport.PCI
                    || !vm.os().given()) {
                continue;
            }
            boolean madeUp = Allocation.isPlaceholder(vm.os().bootArguments());
            String line = madeUp ? vm.os().boardArguments() : vm.os().bootArguments();
            if (!Allocation.namesPciConsole(line)) {
                report.at(
                        vm.path(madeUp ? "board/boardArguments" : "os/bootArguments"),
                        "The console of VM \"%s\" is a PCI vUART, which Linux calls ttyS4, but its kernel"
                                + " is not told so. Add console=ttyS4 %s.",
                        vm.name(),
                        madeUp ? "in board_private/bootargs" : "in os_config/bootargs");
            }
        }
    }
}
