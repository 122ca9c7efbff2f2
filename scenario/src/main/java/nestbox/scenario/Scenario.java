package nestbox.scenario;

import nestbox.scenario.Hypervisor.Scheduler;
import nestbox.scenario.board.Board;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// What an ACRN scenario file says, the same whichever format said it, with defaults filled in.
///
/// @param board the name of the board that the file is for, empty if it doesn't say
/// @param foreignNames names in the file that the edition doesn't have, with their paths
public record Scenario(
        Edition edition,
        String board,
        String name,
        Hypervisor hypervisor,
        List<Vm> vms,
        Map<String, String> foreignNames,
        Locations locations) {
    public Scenario {
        vms = List.copyOf(vms);
        foreignNames = Map.copyOf(foreignNames);
    }

    public Optional<Vm> serviceVm() {
        return vms.stream().filter(Vm::isService).findFirst();
    }

    /// The VM that the file gives this id.
    public Optional<Vm> vm(int id) {
        return vms.stream().filter(vm -> vm.id() == id).findFirst();
    }

    public Optional<Vm> vm(String name) {
        return vms.stream().filter(vm -> vm.name().equals(name)).findFirst();
    }

    public Stream<Vm> nestedVms() {
        return vms.stream().filter(Vm::nested);
    }

    public boolean sharesCpus() {
        Scheduler scheduler = hypervisor.features().scheduler();
        return scheduler.shares();
    }

    /// The pCPUs that a VM runs on: the ones it names, or for a Service VM that names none, those
    /// of the board that no pre-launched VM has.
    public List<Integer> cpusOf(Vm vm, Board board) {
        if (!vm.cpus().affinity().isEmpty() || !vm.isService()) {
            return vm.cpus().affinity();
        }
        Set<Integer> taken = new HashSet<>();
        vms.stream()
                .filter(Vm::isPreLaunched)
                .forEach(other -> taken.addAll(other.cpus().affinity()));
        return board.cpuIds().stream().filter(cpu -> !taken.contains(cpu)).toList();
    }

    /// Whether the file itself has a part, rather than a default having taken its place.
    public boolean says(String path) {
        return locations.positions().containsKey(path);
    }

    /// The same without the places, to compare what two files say.
    public Scenario withoutLocations() {
        return new Scenario(
                edition, board, name, hypervisor, vms, foreignNames, new Locations("", Map.of()));
    }
}
