package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vm.PciDevice;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.board.Board;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Devices that are passed through.
final class DeviceRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("pci.exists", ERROR, "Every PCI device that a VM gets exists on the board.", DeviceRules::exists),
            rule("pci.shared", ERROR, "No VM gets a PCI device that a pre-launched VM has.", DeviceRules::shared),
            rule("mmio.p2sb", ERROR, "Only a pre-launched VM gets the P2SB bridge; before v3.x only the first VM.", DeviceRules::p2sb),
            rule("mmio.hidden", ERROR, "The P2SB bridge is not hidden when a VM gets it (v3.x).", DeviceRules::hidden),
            rule("mmio.both", ERROR, "No VM gets both the TPM and the P2SB bridge (v3.x).", DeviceRules::both),
            rule("intx.prelaunched", ERROR, "Only a pre-launched VM gets interrupt pins.", DeviceRules::intxPreLaunched),
            rule("intx.board", ERROR, "Interrupt pins are passed through on boards ehl-crb-b and generic_board only (v2.5 to v2.7).", DeviceRules::intxBoard),
            rule("intx.repeated", ERROR, "An interrupt pin is passed through once.", DeviceRules::intxRepeated));
    // spotless:on

    private static final Set<String> INTX_BOARDS = Set.of("ehl-crb-b", "generic_board");
    private static final Bdf P2SB = new Bdf(0, 0x1F, 1);

    private DeviceRules() {}

    private static String place(Vm vm, PciDevice device) {
        return vm.path("pci/" + device.address());
    }

    private static void exists(Scenario scenario, Board board, Report report) {
        if (board.pci().isEmpty()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (PciDevice device : vm.devices().pci()) {
                if (!board.hasPci(device.address())) {
                    report.at(
                            place(vm, device),
                            "Board %s has no PCI device %s. Remove it from VM \"%s\".",
                            board.name(),
                            device.address(),
                            vm.name());
                }
            }
        }
    }

    private static void shared(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            for (Vm other : scenario.vms().subList(0, vm.index())) {
                for (PciDevice device : vm.devices().pci()) {
                    boolean both =
                            other.devices().pci().stream()
                                    .anyMatch(d -> d.address().equals(device.address()));
                    if (both && (vm.isPreLaunched() || other.isPreLaunched())) {
                        report.at(
                                place(vm, device),
                                "VM \"%s\" and VM \"%s\" both get the PCI device %s. Remove it from one.",
                                vm.name(),
                                other.name(),
                                device.address());
                    }
                }
            }
        }
    }

    private static void p2sb(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            boolean first = vm.index() == 0 || scenario.edition() == Edition.V3;
            if (vm.devices().p2sb() && !(vm.isPreLaunched() && first)) {
                report.at(
                        vm.path("mmio/p2sb"),
                        "VM \"%s\" can't get the P2SB bridge, as it is %s. Write p2sb n.",
                        vm.name(),
                        vm.isPreLaunched() ? "not the first VM" : "not pre-launched");
            }
        }
    }

    private static void hidden(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.isPreLaunched()
                    && vm.devices().p2sb()
                    && scenario.hypervisor().hiddenDevices().contains(P2SB)) {
                report.at(
                        vm.path("mmio/p2sb"),
                        "VM \"%s\" gets the P2SB bridge, but it is hidden. Remove %s from"
                                + " HIDDEN_PDEV_REGION, or write p2sb n.",
                        vm.name(),
                        P2SB);
            }
        }
    }

    private static void both(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (scenario.edition() == Edition.V3 && vm.devices().tpm2() && vm.devices().p2sb()) {
                report.at(
                        vm.path("mmio"),
                        "VM \"%s\" gets both the TPM and the P2SB bridge. Take one away.",
                        vm.name());
            }
        }
    }

    private static void intxPreLaunched(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (!vm.devices().intx().isEmpty() && !vm.isPreLaunched()) {
                report.at(
                        vm.path("intx"),
                        "VM \"%s\" is not pre-launched, so pt_intx has no effect. Remove it.",
                        vm.name());
            }
        }
    }

    private static void intxBoard(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (scenario.edition() != Edition.V3
                    && vm.isPreLaunched()
                    && !vm.devices().intx().isEmpty()
                    && !INTX_BOARDS.contains(scenario.board())) {
                report.at(
                        vm.path("intx"),
                        "pt_intx is not supported on board %s. Remove it from VM \"%s\".",
                        scenario.board(),
                        vm.name());
            }
        }
    }

    private static void intxRepeated(Scenario scenario, Board board, Report report) {
        Set<Integer> physical = new HashSet<>();
        for (Vm vm : scenario.vms()) {
            Set<Integer> virtual = new HashSet<>();
            for (Vm.Intx pin : vm.devices().intx()) {
                if (!physical.add(pin.physicalGsi())) {
                    report.at(
                            vm.path("intx"),
                            "The physical GSI %d is passed through twice. Remove one.",
                            pin.physicalGsi());
                } else if (!virtual.add(pin.virtualGsi())) {
                    report.at(
                            vm.path("intx"),
                            "VM \"%s\" has the virtual GSI %d twice. Choose another.",
                            vm.name(),
                            pin.virtualGsi());
                }
            }
        }
    }
}
