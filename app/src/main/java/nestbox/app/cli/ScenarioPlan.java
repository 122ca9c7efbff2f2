package nestbox.app.cli;

import nestbox.app.l0.ScenarioSoftware;
import nestbox.cpu.Processors;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Board;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// A scenario that passed its checks, fitted to the machine that is going to run it.
///
/// @param processors of the machine
record ScenarioPlan(ScenarioSoftware.Plan plan, int processors) {
    private static final MemorySize SMALLEST_MEMORY = MemorySize.ofMebibytes(64);
    private static final String PCI_CONSOLE = "console=ttyS4";
    private static final String SERIAL_PORTS = "8250.nr_uarts=";

    /// Linux numbers a PCI port behind the four of a PC.
    private static final int PORTS_WITH_PCI = 5;

    /// @param processors as the user wants them
    /// @param firstConsole the VM whose console the terminal shows at first
    static ScenarioPlan of(
            ScenarioFile file,
            Optional<Integer> processors,
            MemorySize memory,
            OptionalInt firstConsole) {
        Scenario scenario = file.scenario().scenario().orElseThrow();
        // What depends on the board's memory is worked out for what there is.
        Board board = file.board().orElseThrow().withMemory(memory.bytes() >> 10);
        if (memory.bytes() < SMALLEST_MEMORY.bytes()) {
            throw new UserMistake(
                    "The hypervisor and its VMs need at least 64M of memory: give them more with"
                            + " --memory.");
        }
        int count = processors.orElse(Math.max(1, board.cpuIds().size()));
        check(scenario, board, count);
        Allocation allocation = Allocation.of(scenario, board);
        return new ScenarioPlan(
                new ScenarioSoftware.Plan(scenario, board, allocation, firstConsole), count);
    }

    private static void check(Scenario scenario, Board board, int count) {
        if (count > Processors.MOST) {
            throw new UserMistake(
                    "The board %s has %d processors, and a machine has at most %d: say with --cpus how"
                                    .formatted(board.name(), count, Processors.MOST)
                            + " many it is to have.");
        }
        for (Vm vm : scenario.vms()) {
            List<Integer> beyond =
                    scenario.cpusOf(vm, board).stream().filter(cpu -> cpu >= count).toList();
            if (!beyond.isEmpty()) {
                throw new UserMistake(
                        "VM \"%s\" has pCPU %d, and the machine has %d: give it more with --cpus, or"
                                        .formatted(vm.name(), beyond.getFirst(), count)
                                + " change its cpu_affinity.");
            }
        }
    }

    /// The command line of a VM's kernel, as the scenario and its console want it: a console on PCI
    /// needs a driver that knows enough ports.
    static String commandLine(VmPlan vm) {
        String line = vm.commandLine();
        boolean pci = vm.vm().vuart(0).filter(v -> v.transport() == Transport.PCI).isPresent();
        if (!pci) {
            return line;
        }
        StringBuilder more = new StringBuilder(line);
        if (!Allocation.namesPciConsole(line)) {
            more.append(' ').append(PCI_CONSOLE);
        }
        if (!line.contains(SERIAL_PORTS)) {
            more.append(' ').append(SERIAL_PORTS).append(PORTS_WITH_PCI);
        }
        return more.toString().strip();
    }
}
