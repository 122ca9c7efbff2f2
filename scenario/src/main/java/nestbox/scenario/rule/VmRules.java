package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Hypervisor.Debug;
import nestbox.scenario.LoadOrder;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.VmKind;
import nestbox.scenario.board.Board;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// Which VMs there may be, in what order and by what names.
final class VmRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("scenario.board", ERROR, "The scenario is for the board that it is checked against.", VmRules::board),
            rule("scenario.names", ERROR, "A file uses the names of one release.", VmRules::names),
            rule("vm.id", ERROR, "Every VM has an id of its own.", VmRules::id),
            rule("vm.name", ERROR, "From v2.7 on every VM has a name of its own.", VmRules::name),
            rule("vm.count", ERROR, "There are no more VMs than the hypervisor has room for.", VmRules::count),
            rule("vm.type", ERROR, "There are no more VMs of a type than the release has identities for (v2.5).", VmRules::type),
            rule("vm.service", ERROR, "There is at most one Service VM.", VmRules::service),
            rule("vm.order", ERROR, "Pre-launched VMs come first, then the Service VM, then post-launched VMs.", VmRules::order),
            rule("vm.severity", ERROR, "Beside a Service VM, a pre-launched VM is a safety VM or a real-time VM (v2.5 to v2.7).", VmRules::severity),
            rule("vm.launcher", WARNING, "Post-launched VMs have a Service VM that launches them.", VmRules::launcher),
            rule("vm.realtime.one", WARNING, "At most one pre-launched VM is a real-time VM (v3.x).", VmRules::oneRealTime),
            rule("vm.realtime.mixed", WARNING, "Pre-launched and post-launched real-time VMs don't stand together (v3.x).", VmRules::mixedRealTime),
            rule("vm.companion", ERROR, "A VM's companion is another VM of the file.", VmRules::companion),
            rule("flag.postlaunched", WARNING, "A post-launched VM has only flags that the device model can set.", VmRules::postLaunchedFlags));
    // spotless:on

    private static final int PRE_LAUNCHED_LIMIT = 4;
    private static final Set<GuestFlag> DEVICE_MODEL_FLAGS =
            EnumSet.of(
                    GuestFlag.SECURE_WORLD_ENABLED,
                    GuestFlag.LAPIC_PASSTHROUGH,
                    GuestFlag.RT,
                    GuestFlag.IO_COMPLETION_POLLING);

    private VmRules() {}

    private static void board(Scenario scenario, Board board, Report report) {
        if (!scenario.board().isEmpty()
                && !board.name().isEmpty()
                && !scenario.board().equals(board.name())) {
            report.at(
                    "",
                    "The scenario is for board %s, but the board file is of %s. Write board=\"%s\","
                            + " or check it with the other board's file.",
                    scenario.board(),
                    board.name(),
                    board.name());
        }
    }

    private static void names(Scenario scenario, Board board, Report report) {
        scenario.foreignNames()
                .forEach(
                        (name, path) ->
                                report.at(
                                        path,
                                        "%s is not a name of %s, which other names of this file"
                                                + " belong to.%s",
                                        name,
                                        scenario.edition() == Edition.V2_5
                                                ? "v2.5 or v2.6"
                                                : "v2.7",
                                        substitute(name)));
    }

    private static String substitute(String name) {
        return switch (name) {
            case "KATA_VM" -> " Remove the VM.";
            case "SCHED_PRIO" -> " Choose another scheduler.";
            case "GUEST_FLAG_VCAT_ENABLED" -> " Remove the flag.";
            case "SOS_VM" -> " Write SERVICE_VM.";
            case "SERVICE_VM" -> " Write SOS_VM.";
            case "SOS_VM_BOOTARGS" -> " Write SERVICE_VM_OS_BOOTARGS.";
            case "SERVICE_VM_OS_BOOTARGS" -> " Write SOS_VM_BOOTARGS.";
            default ->
                    name.startsWith("SOS_COM")
                            ? " Write " + name.replaceFirst("SOS", "SERVICE_VM") + "."
                            : " Write " + name.replaceFirst("SERVICE_VM", "SOS") + ".";
        };
    }

    private static void id(Scenario scenario, Board board, Report report) {
        Map<Integer, String> seen = new HashMap<>();
        for (Vm vm : scenario.vms()) {
            String first = seen.putIfAbsent(vm.id(), vm.name());
            if (first != null) {
                report.at(
                        vm.path(""),
                        "VM \"%s\" has id %d, as VM \"%s\" has. Give it another.",
                        vm.name(),
                        vm.id(),
                        first);
            }
        }
    }

    private static void name(Scenario scenario, Board board, Report report) {
        Set<String> seen = new HashSet<>();
        for (Vm vm : scenario.vms()) {
            if (scenario.edition() == Edition.V2_7 && !scenario.says(vm.path("name"))) {
                report.at(vm.path(""), "VM %d has no name. Add one.", vm.id());
            } else if (!seen.add(vm.name()) && scenario.edition() != Edition.V2_5) {
                report.at(
                        vm.path("name"),
                        "Two VMs are called \"%s\". Give this one another name.",
                        vm.name());
            }
        }
    }

    private static void count(Scenario scenario, Board board, Report report) {
        int most = scenario.hypervisor().capacities().vms();
        if (scenario.vms().size() > most) {
            report.at(
                    scenario.vms().get(most).path(""),
                    "There are %d VMs, but no more than %d are possible. Remove some%s.",
                    scenario.vms().size(),
                    most,
                    scenario.edition() == Edition.V2_5 ? "" : ", or raise MAX_VM_NUM");
        }
    }

    private static void type(Scenario scenario, Board board, Report report) {
        if (scenario.edition() != Edition.V2_5) {
            return;
        }
        Map<String, Integer> count = new HashMap<>();
        int preLaunched = 0;
        for (Vm vm : scenario.vms()) {
            int most = most(vm);
            String kind = describe(vm);
            if (!vm.isService() && count.merge(kind, 1, Integer::sum) == most + 1) {
                report.at(
                        vm.path("type"),
                        "There may be %d %s VM%s at most. Remove VM \"%s\".",
                        most,
                        kind,
                        most == 1 ? "" : "s",
                        vm.name());
            }
            if (vm.isPreLaunched() && ++preLaunched == PRE_LAUNCHED_LIMIT + 1) {
                report.at(
                        vm.path("type"),
                        "There may be %d pre-launched VMs at most. Remove VM \"%s\".",
                        PRE_LAUNCHED_LIMIT,
                        vm.name());
            }
        }
    }

    private static int most(Vm vm) {
        return switch (vm.kind()) {
            case STANDARD ->
                    switch (vm.loadOrder()) {
                        case PRE_LAUNCHED -> 2;
                        case SERVICE -> 1;
                        case POST_LAUNCHED -> 5;
                    };
            case REAL_TIME, SAFETY, KATA, TEE, REE -> 1;
        };
    }

    /// Such as "post-launched real-time".
    static String describe(Vm vm) {
        String kind = vm.kind().name().toLowerCase(Locale.ROOT).replace('_', '-');
        return vm.isService() ? "Service" : vm.loadOrder().word() + " " + kind;
    }

    private static void service(Scenario scenario, Board board, Report report) {
        scenario.vms().stream()
                .filter(Vm::isService)
                .skip(1)
                .forEach(
                        vm ->
                                report.at(
                                        vm.path("type"),
                                        "VM \"%s\" is a second Service VM. Make it a pre-launched or"
                                                + " post-launched VM, or remove it.",
                                        vm.name()));
    }

    private static void order(Scenario scenario, Board board, Report report) {
        boolean byId = scenario.edition() == Edition.V3;
        for (Vm vm : scenario.vms()) {
            for (Vm other : scenario.vms()) {
                boolean before = byId ? other.id() < vm.id() : other.index() < vm.index();
                boolean compared = !byId || vm.isService() != other.isService();
                if (before && compared && other.loadOrder().compareTo(vm.loadOrder()) > 0) {
                    report.at(
                            vm.path(""),
                            "The %s VM \"%s\" %s the %s VM \"%s\". %s",
                            vm.loadOrder().word(),
                            vm.name(),
                            byId ? "has a higher id than" : "stands behind",
                            other.loadOrder().word(),
                            other.name(),
                            byId ? "Exchange the ids." : "Move it before.");
                    break;
                }
            }
        }
    }

    private static void severity(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3 || scenario.serviceVm().isEmpty()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            if (vm.isPreLaunched() && vm.kind() == VmKind.STANDARD) {
                report.at(
                        vm.path("type"),
                        "VM \"%s\" would be less important than the Service VM, which the hypervisor"
                                + " refuses. Write SAFETY_VM or PRE_RT_VM, or remove the Service VM.",
                        vm.name());
            }
        }
    }

    private static void launcher(Scenario scenario, Board board, Report report) {
        if (scenario.serviceVm().isEmpty()) {
            scenario.vms().stream()
                    .filter(Vm::isPostLaunched)
                    .findFirst()
                    .ifPresent(
                            vm ->
                                    report.at(
                                            vm.path(""),
                                            "Nothing launches the post-launched VM \"%s\". Add a"
                                                    + " Service VM, or remove it.",
                                            vm.name()));
        }
    }

    private static void oneRealTime(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            scenario.vms().stream()
                    .filter(vm -> vm.isPreLaunched() && vm.kind() == VmKind.REAL_TIME)
                    .skip(1)
                    .forEach(
                            vm ->
                                    report.at(
                                            vm.path("type"),
                                            "VM \"%s\" is a second pre-launched real-time VM. Write"
                                                    + " STANDARD_VM.",
                                            vm.name()));
        }
    }

    private static void mixedRealTime(Scenario scenario, Board board, Report report) {
        boolean pre =
                scenario.vms().stream()
                        .anyMatch(vm -> vm.isPreLaunched() && vm.kind() == VmKind.REAL_TIME);
        if (pre && scenario.edition() == Edition.V3) {
            scenario.vms().stream()
                    .filter(vm -> vm.loadOrder() == LoadOrder.POST_LAUNCHED)
                    .filter(vm -> vm.kind() == VmKind.REAL_TIME)
                    .forEach(
                            vm ->
                                    report.at(
                                            vm.path("type"),
                                            "VM \"%s\" is a post-launched real-time VM beside a"
                                                    + " pre-launched one. Write STANDARD_VM in one.",
                                            vm.name()));
        }
    }

    private static void companion(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            int companion = vm.cpus().companion();
            if (companion != Debug.NO_VM
                    && (companion == vm.id() || scenario.vm(companion).isEmpty())) {
                report.at(
                        vm.path("companion"),
                        "The companion of VM \"%s\" is VM %d, which is %s. Write another VM's id, or"
                                + " 65535 for none.",
                        vm.name(),
                        companion,
                        companion == vm.id() ? "the VM itself" : "not in the file");
            }
        }
    }

    private static void postLaunchedFlags(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            if (!vm.isPostLaunched()) {
                continue;
            }
            for (GuestFlag flag : GuestFlag.values()) {
                // What a nested VM needs has rules of its own.
                if (vm.has(flag)
                        && flag != GuestFlag.NVMX_ENABLED
                        && !DEVICE_MODEL_FLAGS.contains(flag)) {
                    report.at(
                            vm.path("flags/" + flag),
                            "%s has no effect in the post-launched VM \"%s\", as the device model"
                                    + " can't set it. Remove it.",
                            flag.word(),
                            vm.name());
                }
            }
        }
    }
}
