package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Allocation;
import nestbox.scenario.Edition;
import nestbox.scenario.Hypervisor.Connection;
import nestbox.scenario.Hypervisor.Endpoint;
import nestbox.scenario.Hypervisor.SharedMemory;
import nestbox.scenario.Hypervisor.Sharer;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vuart;
import nestbox.scenario.Vuart.Target;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.board.Board;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Virtual serial ports, their ends and their addresses.
final class VuartRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("vuart.given", ERROR, "Every VM has legacy_vuart 0 and 1, in use or not (v2.5 to v2.7).", VuartRules::given),
            rule("vuart.legacy", ERROR, "In v2.5 and v2.6 there are no legacy vUARTs but 0 and 1.", VuartRules::legacy),
            rule("vuart.id", ERROR, "No two vUARTs of a kind have the same id in a VM.", VuartRules::id),
            rule("vuart.count", ERROR, "A VM has at most eight vUARTs.", VuartRules::count),
            rule("vuart.both", ERROR, "Legacy vUART N and PCI vUART N of a VM are not both in use.", VuartRules::both),
            rule("vuart.target", ERROR, "A communication vUART leads to one of another VM that is in use.", VuartRules::target),
            rule("vuart.reciprocal", ERROR, "The other end of a communication vUART leads back.", VuartRules::reciprocal),
            rule("vuart.port", ERROR, "No two legacy vUARTs of a VM have the same I/O port.", VuartRules::port),
            rule("vuart.connection.vm", ERROR, "A connection has its ends in two VMs of the file (v3.x).", VuartRules::connectionVm),
            rule("vuart.connection.place", ERROR, "The ends of a legacy connection have an I/O port, those of a PCI connection an address (v3.x).", VuartRules::connectionPlace),
            rule("vbdf.repeated", ERROR, "No two virtual PCI functions of a VM have the same address (v3.x).", VuartRules::repeatedAddress),
            rule("vbdf.native", ERROR, "No virtual PCI function of the Service VM has the address of a device of the board (v3.x).", VuartRules::nativeAddress),
            rule("vbdf.postlaunched", ERROR, "Virtual PCI functions of post-launched VMs are devices 03 to 1e (v3.x).", VuartRules::postLaunchedAddress));
    // spotless:on

    private static final int MOST = 8;
    private static final int FIRST_FREE = 0x03;
    private static final int LAST_FREE = 0x1E;

    private VuartRules() {}

    private static String path(Vm vm, Vuart vuart) {
        return vm.path("vuart/" + vuart.transport() + "/" + vuart.index());
    }

    private static String name(Vuart vuart) {
        return vuart.transport() == Transport.LEGACY
                ? "legacy_vuart " + vuart.index()
                : vuart.isConsole() ? "console_vuart 0" : "communication_vuart " + vuart.index();
    }

    private static void given(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (int wanted = 0; wanted <= 1; wanted++) {
                int index = wanted;
                if (vm.vuarts().stream()
                        .noneMatch(v -> v.transport() == Transport.LEGACY && v.index() == index)) {
                    report.at(
                            vm.path(""),
                            "VM \"%s\" has no legacy_vuart %d. Add it, with base INVALID_COM_BASE if it"
                                    + " is not to be used.",
                            vm.name(),
                            index);
                }
            }
        }
    }

    private static void legacy(Scenario scenario, Board board, Report report) {
        if (scenario.edition() != Edition.V2_5) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vuart vuart : vm.vuarts()) {
                if (vuart.transport() == Transport.LEGACY && vuart.index() > 1) {
                    report.at(
                            path(vm, vuart),
                            "legacy_vuart %d exists from v2.7 on. Remove it from VM \"%s\", or use a"
                                    + " communication_vuart.",
                            vuart.index(),
                            vm.name());
                }
            }
        }
    }

    private static void id(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            Set<String> seen = new HashSet<>();
            Map<String, Integer> rows = new HashMap<>();
            for (Vuart vuart : vm.vuarts()) {
                String kind = name(vuart).replaceFirst("_vuart.*", "");
                int row = rows.merge(kind, 1, Integer::sum) - 1;
                if (!seen.add(name(vuart))) {
                    report.at(
                            vm.path(kind + "/" + row),
                            "VM \"%s\" has %s twice. Give one another id.",
                            vm.name(),
                            name(vuart));
                }
            }
        }
    }

    private static void count(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            long used = vm.vuarts().stream().filter(Vuart::enabled).count();
            boolean tooHigh = vm.vuarts().stream().anyMatch(v -> v.enabled() && v.index() >= MOST);
            if (used > MOST || tooHigh) {
                report.at(
                        vm.path("vuart/" + Transport.LEGACY),
                        "VM \"%s\" has %d vUARTs, where %d with the console are possible. Remove some.",
                        vm.name(),
                        used,
                        MOST);
            }
        }
    }

    private static void both(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vuart pci : vm.vuarts()) {
                if (pci.transport() != Transport.PCI || !pci.enabled()) {
                    continue;
                }
                vm.vuarts().stream()
                        .filter(v -> v.transport() == Transport.LEGACY && v.enabled())
                        .filter(v -> v.index() == pci.index())
                        .findFirst()
                        .ifPresent(
                                legacy ->
                                        report.at(
                                                path(vm, pci),
                                                "VM \"%s\" has both %s and %s. Write base"
                                                        + " INVALID_COM_BASE or INVALID_PCI_BASE in one.",
                                                vm.name(),
                                                name(legacy),
                                                name(pci)));
            }
        }
    }

    /// The communication ports that are in use.
    private static List<Vuart> lines(Vm vm) {
        return vm.vuarts().stream().filter(v -> v.enabled() && !v.isConsole()).toList();
    }

    private static Optional<Vuart> other(Scenario scenario, Vuart vuart) {
        return vuart.target()
                .flatMap(
                        target ->
                                scenario.vm(target.vmId())
                                        .flatMap(
                                                vm ->
                                                        vm.vuarts().stream()
                                                                .filter(Vuart::enabled)
                                                                .filter(
                                                                        v ->
                                                                                v.transport()
                                                                                                == vuart
                                                                                                        .transport()
                                                                                        && v.index()
                                                                                                == target
                                                                                                        .index())
                                                                .findFirst()));
    }

    private static void target(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vuart vuart : lines(vm)) {
                Target target = vuart.target().orElse(new Target(-1, -1));
                String wrong =
                        target.vmId() < 0 || target.index() < 0
                                ? "has no target"
                                : target.vmId() == vm.id()
                                        ? "leads to its own VM"
                                        : scenario.vm(target.vmId()).isEmpty()
                                                ? "leads to VM %d, which doesn't exist"
                                                        .formatted(target.vmId())
                                                : target.index() == 0
                                                        ? "leads to a console"
                                                        : other(scenario, vuart).isEmpty()
                                                                ? "leads to vUART %d of VM %d, which is not in use"
                                                                        .formatted(
                                                                                target.index(),
                                                                                target.vmId())
                                                                : "";
                if (!wrong.isEmpty()) {
                    report.at(
                            path(vm, vuart),
                            "%s of VM \"%s\" %s. Correct target_vm_id and target_uart_id, or write base"
                                    + " %s.",
                            name(vuart),
                            vm.name(),
                            wrong,
                            vuart.transport() == Transport.LEGACY
                                    ? "INVALID_COM_BASE"
                                    : "INVALID_PCI_BASE");
                }
            }
        }
    }

    private static void reciprocal(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vuart vuart : lines(vm)) {
                Optional<Target> back = other(scenario, vuart).flatMap(Vuart::target);
                Target here = new Target(vm.id(), vuart.index());
                boolean toItself = vuart.target().filter(t -> t.vmId() == vm.id()).isPresent();
                if (back.isPresent() && !back.get().equals(here) && !toItself) {
                    report.at(
                            path(vm, vuart),
                            "%s of VM \"%s\" leads to vUART %d of VM %d, which leads to vUART %d of VM %d"
                                    + " instead of back. Correct the targets.",
                            name(vuart),
                            vm.name(),
                            vuart.target().orElseThrow().index(),
                            vuart.target().orElseThrow().vmId(),
                            back.get().index(),
                            back.get().vmId());
                }
            }
        }
    }

    private static void port(Scenario scenario, Board board, Report report) {
        for (Allocation.VmPlan plan : Allocation.of(scenario, board).vms()) {
            Map<Integer, Vuart> seen = new HashMap<>();
            for (Allocation.Port port : plan.ports()) {
                if (port.vuart().transport() != Transport.LEGACY) {
                    continue;
                }
                Vuart first = seen.putIfAbsent(port.ioPort(), port.vuart());
                if (first != null) {
                    report.at(
                            place(scenario, plan.vm(), port.vuart()),
                            "VM \"%s\" has two legacy vUARTs at port 0x%X. Give one another.",
                            plan.vm().name(),
                            port.ioPort());
                }
            }
        }
    }

    /// Where a port stands: in a v3.x file, in a connection.
    private static String place(Scenario scenario, Vm vm, Vuart vuart) {
        if (scenario.edition() != Edition.V3 || vuart.isConsole()) {
            return path(vm, vuart);
        }
        int index = 0;
        List<Connection> connections = scenario.hypervisor().connections();
        for (int i = 0; i < connections.size(); i++) {
            for (int end = 0; end < connections.get(i).endpoints().size(); end++) {
                boolean here = connections.get(i).endpoints().get(end).vmName().equals(vm.name());
                if (here && ++index == vuart.index()) {
                    return endpoint(i, end);
                }
            }
        }
        return "hv/connections";
    }

    private static String endpoint(int connection, int end) {
        return "hv/connections/connection/%d/endpoint/%d".formatted(connection, end);
    }

    private static void connectionVm(Scenario scenario, Board board, Report report) {
        List<Connection> connections = scenario.hypervisor().connections();
        for (int i = 0; i < connections.size(); i++) {
            List<Endpoint> ends = connections.get(i).endpoints();
            for (int end = 0; end < ends.size(); end++) {
                String vm = ends.get(end).vmName();
                String wrong =
                        vm.isEmpty()
                                ? "names no VM"
                                : scenario.vm(vm).isEmpty()
                                        ? "names VM \"%s\", which doesn't exist".formatted(vm)
                                        : end == 1 && ends.getFirst().vmName().equals(vm)
                                                ? "leads from VM \"%s\" to itself".formatted(vm)
                                                : "";
                if (!wrong.isEmpty()) {
                    report.at(
                            endpoint(i, end),
                            "The connection \"%s\" %s. Write the name of another VM in vm_name.",
                            connections.get(i).name(),
                            wrong);
                }
            }
        }
    }

    private static void connectionPlace(Scenario scenario, Board board, Report report) {
        List<Connection> connections = scenario.hypervisor().connections();
        for (int i = 0; i < connections.size(); i++) {
            Connection connection = connections.get(i);
            boolean legacy = connection.transport() == Transport.LEGACY;
            for (int end = 0; end < connection.endpoints().size(); end++) {
                Endpoint endpoint = connection.endpoints().get(end);
                boolean given =
                        legacy
                                ? endpoint.port().isPresent()
                                        && endpoint.port().getAsLong() > 0
                                        && endpoint.port().getAsLong() <= 0xFFF8
                                : endpoint.address().isPresent();
                if (!given) {
                    report.at(
                            endpoint(i, end),
                            "An end of the %s connection \"%s\" has no %s. Add %s.",
                            legacy ? "legacy" : "PCI",
                            connection.name(),
                            legacy ? "I/O port" : "address",
                            legacy ? "io_port 0x9200" : "vbdf 00:10.0");
                }
            }
        }
    }

    /// A virtual PCI function whose address stands in the file.
    private record Placed(Vm vm, Bdf address, String path, String what) {}

    private static List<Placed> placed(Scenario scenario) {
        List<Placed> list = new ArrayList<>();
        List<Connection> connections = scenario.hypervisor().connections();
        for (int i = 0; i < connections.size(); i++) {
            Connection connection = connections.get(i);
            for (int end = 0; end < connection.endpoints().size(); end++) {
                Endpoint endpoint = connection.endpoints().get(end);
                Optional<Vm> vm = scenario.vm(endpoint.vmName());
                if (connection.transport() == Transport.PCI
                        && vm.isPresent()
                        && endpoint.address().isPresent()) {
                    list.add(
                            new Placed(
                                    vm.get(),
                                    endpoint.address().get(),
                                    endpoint(i, end) + "/bdf",
                                    "The vUART of connection \"" + connection.name() + "\""));
                }
            }
        }
        List<SharedMemory> regions = scenario.hypervisor().sharedMemory();
        for (int i = 0; i < regions.size(); i++) {
            for (int j = 0; j < regions.get(i).sharers().size(); j++) {
                Sharer sharer = regions.get(i).sharers().get(j);
                Optional<Vm> vm = scenario.vm(sharer.vmId());
                if (vm.isPresent() && sharer.address().isPresent()) {
                    list.add(
                            new Placed(
                                    vm.get(),
                                    sharer.address().get(),
                                    SharedMemoryRules.region(i) + "/sharers/vm/" + j + "/address",
                                    "The shared memory \"" + regions.get(i).name() + "\""));
                }
            }
        }
        return list;
    }

    private static void repeatedAddress(Scenario scenario, Board board, Report report) {
        Set<String> seen = new HashSet<>();
        for (Placed placed : placed(scenario)) {
            if (!seen.add(placed.vm().index() + "/" + placed.address())) {
                report.at(
                        placed.path(),
                        "%s is at %s of VM \"%s\", where another virtual function is. Give it another"
                                + " address.",
                        placed.what(),
                        placed.address(),
                        placed.vm().name());
            }
        }
    }

    private static void nativeAddress(Scenario scenario, Board board, Report report) {
        for (Placed placed : placed(scenario)) {
            if (placed.vm().isService() && board.hasPci(placed.address())) {
                report.at(
                        placed.path(),
                        "%s is at %s of the Service VM, where board %s has a device. Give it another"
                                + " address.",
                        placed.what(),
                        placed.address(),
                        board.name());
            }
        }
    }

    private static void postLaunchedAddress(Scenario scenario, Board board, Report report) {
        for (Placed placed : placed(scenario)) {
            int device = placed.address().device();
            if (placed.vm().isPostLaunched() && (device < FIRST_FREE || device > LAST_FREE)) {
                report.at(
                        placed.path(),
                        "%s is at %s of the post-launched VM \"%s\". Choose a device from 03 to 1e.",
                        placed.what(),
                        placed.address(),
                        placed.vm().name());
            }
        }
    }
}
