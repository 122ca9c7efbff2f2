package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.board.Board;

import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/// Where nested virtualization can work: what the tutorial says in prose and no tool looks at.
final class NestedRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("nested.service", ERROR, "Only the Service VM has nested virtualization.", NestedRules::service),
            rule("nested.lapic", ERROR, "A VM with nested virtualization has local APIC pass-through.", NestedRules::lapic),
            rule("nested.scheduler", ERROR, "With nested virtualization the scheduler is SCHED_NOOP.", NestedRules::scheduler),
            rule("nested.build", ERROR, "With a VM that has GUEST_FLAG_NVMX_ENABLED, the hypervisor is built with NVMX_ENABLED (v2.5 to v2.7).", NestedRules::build),
            rule("nested.unused", WARNING, "A hypervisor built with NVMX_ENABLED has a VM that uses it (v2.5 to v2.7).", NestedRules::unused),
            rule("nested.ept", WARNING, "The kernel of a VM with nested virtualization isn't told to turn EPT off in KVM.", NestedRules::ept),
            rule("nested.processor", ERROR, "The board's processor has VMX.", NestedRules::processor),
            rule("nested.platform", WARNING, "The board is of a generation on which nested virtualization has been tested: Kaby Lake or Tiger Lake.", NestedRules::platform));
    // spotless:on

    private static final Pattern WITHOUT_EPT =
            Pattern.compile("(^|\\s)kvm[-_]intel\\.(ept|unrestricted_guest)=(0|n|N)(\\s|$)");

    /// Models of family 6: Kaby Lake mobile and desktop, Tiger Lake U and H.
    private static final Set<Integer> TESTED = Set.of(0x8E, 0x9E, 0x8C, 0x8D);

    private NestedRules() {}

    private static String flag(Vm vm) {
        return vm.path("flags/" + GuestFlag.NVMX_ENABLED);
    }

    private static void service(Scenario scenario, Board board, Report report) {
        scenario.nestedVms()
                .filter(vm -> !vm.isService())
                .forEach(
                        vm ->
                                report.at(
                                        flag(vm),
                                        "Nested virtualization works in the Service VM only, and VM"
                                                + " \"%s\" is a %s VM. Turn it off here.",
                                        vm.name(),
                                        VmRules.describe(vm)));
    }

    private static void lapic(Scenario scenario, Board board, Report report) {
        scenario.nestedVms()
                .filter(vm -> vm.isService() && !vm.lapicPassthrough())
                .forEach(
                        vm ->
                                report.at(
                                        flag(vm),
                                        "VM \"%s\" has nested virtualization without local APIC"
                                                + " pass-through. Add %s.",
                                        vm.name(),
                                        scenario.edition() == Edition.V3
                                                ? "lapic_passthrough y"
                                                : GuestFlag.LAPIC_PASSTHROUGH.word()));
    }

    private static void scheduler(Scenario scenario, Board board, Report report) {
        boolean nested =
                scenario.hypervisor().features().nestedVmx()
                        || scenario.nestedVms().findAny().isPresent();
        if (nested && scenario.sharesCpus()) {
            report.at(
                    "hv/features/scheduler",
                    "Nested virtualization needs pCPUs that are not shared, but the scheduler is %s."
                            + " Write SCHEDULER SCHED_NOOP.",
                    scenario.hypervisor().features().scheduler());
        }
    }

    private static void build(Scenario scenario, Board board, Report report) {
        if (scenario.edition() != Edition.V3 && !scenario.hypervisor().features().nestedVmx()) {
            scenario.nestedVms()
                    .filter(Vm::isService)
                    .forEach(
                            vm ->
                                    report.at(
                                            flag(vm),
                                            "VM \"%s\" has nested virtualization, but the hypervisor is"
                                                    + " built without it. Write y in"
                                                    + " hv/FEATURES/NVMX_ENABLED.",
                                            vm.name()));
        }
    }

    private static void unused(Scenario scenario, Board board, Report report) {
        if (scenario.edition() != Edition.V3
                && scenario.hypervisor().features().nestedVmx()
                && scenario.nestedVms().findAny().isEmpty()) {
            report.at(
                    "hv/features/nestedVmx",
                    "No VM uses nested virtualization. Add GUEST_FLAG_NVMX_ENABLED to the Service"
                            + " VM, or write NVMX_ENABLED n.");
        }
    }

    private static void ept(Scenario scenario, Board board, Report report) {
        scenario.nestedVms()
                .forEach(
                        vm -> {
                            boolean inBoard = WITHOUT_EPT.matcher(vm.os().boardArguments()).find();
                            if (inBoard || WITHOUT_EPT.matcher(vm.os().bootArguments()).find()) {
                                report.at(
                                        vm.path(
                                                inBoard
                                                        ? "board/boardArguments"
                                                        : "os/bootArguments"),
                                        "KVM in VM \"%s\" is told not to use EPT or unrestricted guests,"
                                                + " which nested guests need. Remove the kvm-intel"
                                                + " parameter.",
                                        vm.name());
                            }
                        });
    }

    private static void processor(Scenario scenario, Board board, Report report) {
        if (board.processor().lacks("vmx")) {
            scenario.nestedVms()
                    .forEach(
                            vm ->
                                    report.at(
                                            flag(vm),
                                            "The processor of board %s has no VMX. Choose another board.",
                                            board.name()));
        }
    }

    private static void platform(Scenario scenario, Board board, Report report) {
        if (board.processor().model().isPresent()
                && !TESTED.contains(board.processor().model().getAsInt())) {
            scenario.nestedVms()
                    .forEach(
                            vm ->
                                    report.at(
                                            flag(vm),
                                            "Nested virtualization has been tested on Kaby Lake and Tiger"
                                                    + " Lake only, and board %s has processor model 0x%X."
                                                    + " Expect trouble.",
                                            board.name(),
                                            board.processor().model().getAsInt()));
        }
    }
}
