package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.VmKind;
import nestbox.scenario.Vuart;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Board;

import java.util.List;
import java.util.regex.Pattern;

/// What a VM must be, and can't have, when it gets the physical local APICs.
final class LapicRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("lapic.service", ERROR, "The Service VM has local APIC pass-through only with nested virtualization.", LapicRules::service),
            rule("lapic.realtime", ERROR, "A pre-launched or post-launched VM with local APIC pass-through is a real-time VM.", LapicRules::realTime),
            rule("lapic.prelaunched", ERROR, "A pre-launched real-time VM has local APIC pass-through (v3.x).", LapicRules::preLaunched),
            rule("lapic.intx", ERROR, "A VM with local APIC pass-through has no interrupt pins passed through.", LapicRules::intx),
            rule("lapic.vuart", WARNING, "A VM with local APIC pass-through has no legacy vUART with an interrupt.", LapicRules::vuart),
            rule("lapic.x2apic", WARNING, "The kernel of a VM with local APIC pass-through isn't told not to use x2APIC.", LapicRules::x2apic),
            rule("lapic.processor", ERROR, "With local APIC pass-through the board's processors have x2APIC.", LapicRules::processor));
    // spotless:on

    private static final Pattern WITHOUT_X2APIC =
            Pattern.compile("(^|\\s)(nox2apic|nolapic|disableapic)(\\s|$)");

    private LapicRules() {}

    private static String flag(Vm vm) {
        return vm.path("flags/" + GuestFlag.LAPIC_PASSTHROUGH);
    }

    private static void service(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.isService() && vm.lapicPassthrough() && !vm.nested()) {
                report.at(
                        flag(vm),
                        "The Service VM has local APIC pass-through, which is for nested virtualization"
                                + " only. Add %s, or turn it off.",
                        scenario.edition() == Edition.V3
                                ? "nested_virtualization_support y"
                                : GuestFlag.NVMX_ENABLED.word());
            }
        }
    }

    private static void realTime(Scenario scenario, Board board, Report report) {
        boolean v3 = scenario.edition() == Edition.V3;
        for (Vm vm : scenario.vms()) {
            boolean asked = v3 ? vm.isPostLaunched() : !vm.isService();
            // A nested VM here has its own report; more would distract from it.
            if (asked && vm.lapicPassthrough() && !vm.has(GuestFlag.RT) && !vm.nested()) {
                report.at(
                        flag(vm),
                        "VM \"%s\" has local APIC pass-through and is no real-time VM. %s, or turn it"
                                + " off.",
                        vm.name(),
                        v3 ? "Write vm_type RTVM" : "Add " + GuestFlag.RT.word());
            }
        }
    }

    private static void preLaunched(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (scenario.edition() == Edition.V3
                    && vm.isPreLaunched()
                    && vm.kind() == VmKind.REAL_TIME
                    && !vm.lapicPassthrough()) {
                report.at(
                        flag(vm),
                        "The pre-launched real-time VM \"%s\" has no local APIC pass-through. Write"
                                + " lapic_passthrough y.",
                        vm.name());
            }
        }
    }

    private static void intx(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.lapicPassthrough() && !vm.devices().intx().isEmpty()) {
                report.at(
                        vm.path("intx"),
                        "Interrupt pins can't reach VM \"%s\", as it has local APIC pass-through. Remove"
                                + " pt_intx, or turn pass-through off.",
                        vm.name());
            }
        }
    }

    private static void vuart(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (!vm.lapicPassthrough()) {
                continue;
            }
            for (Vuart vuart : vm.vuarts()) {
                if (vuart.enabled()
                        && vuart.transport() == Transport.LEGACY
                        && vuart.irq().present()) {
                    report.at(
                            vm.path("vuart/LEGACY/" + vuart.index()),
                            "The interrupt of %s never reaches VM \"%s\", as it has local APIC"
                                    + " pass-through%s. %s",
                            vuart.isConsole()
                                    ? "the legacy console vUART"
                                    : "legacy vUART " + vuart.index(),
                            vm.name(),
                            vuart.isConsole() ? "; its kernel may hang at boot" : "",
                            advice(scenario, vuart));
                }
            }
        }
    }

    private static String advice(Scenario scenario, Vuart vuart) {
        if (scenario.edition() == Edition.V3) {
            return vuart.isConsole()
                    ? "Write console_vuart PCI."
                    : "Write type pci in the connection.";
        }
        return vuart.isConsole()
                ? "Write base INVALID_COM_BASE here and PCI_VUART in console_vuart."
                : "Write base INVALID_COM_BASE here and use a communication_vuart.";
    }

    private static void x2apic(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (!vm.lapicPassthrough()) {
                continue;
            }
            boolean inBoard = WITHOUT_X2APIC.matcher(vm.os().boardArguments()).find();
            if (inBoard || WITHOUT_X2APIC.matcher(vm.os().bootArguments()).find()) {
                report.at(
                        vm.path(inBoard ? "board/boardArguments" : "os/bootArguments"),
                        "Local APIC pass-through begins when VM \"%s\" turns to x2APIC, which its"
                                + " command line forbids. Remove that parameter.",
                        vm.name());
            }
        }
    }

    private static void processor(Scenario scenario, Board board, Report report) {
        if (board.processor().lacks("x2apic")) {
            for (Vm vm : scenario.vms()) {
                if (vm.lapicPassthrough()) {
                    report.at(
                            flag(vm),
                            "The processors of board %s have no x2APIC, so VM \"%s\" can't have local"
                                    + " APIC pass-through. Turn it off.",
                            board.name(),
                            vm.name());
                }
            }
        }
    }
}
