package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.VmKind;
import nestbox.scenario.board.Board;
import nestbox.scenario.board.Board.Cpu;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Which pCPUs a VM may have, and which it may share.
final class CpuRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("cpu.exists", ERROR, "Every pCPU named in a VM's affinity exists on the board.", CpuRules::exists),
            rule("cpu.repeated", ERROR, "A VM names a pCPU only once.", CpuRules::repeated),
            rule("cpu.assigned", ERROR, "Every VM but the Service VM names at least one pCPU.", CpuRules::assigned),
            rule("cpu.service", ERROR, "The Service VM has pCPUs left over when it names none.", CpuRules::service),
            rule("cpu.type", ERROR, "All pCPUs of a VM are of one core type.", CpuRules::type),
            rule("cpu.sharing", ERROR, "Under SCHED_NOOP no two VMs name the same pCPU.", CpuRules::sharing),
            rule("cpu.sharing.rest", WARNING, "Under SCHED_NOOP a Service VM that names no pCPU shares none with a post-launched VM.", CpuRules::sharingTheRest),
            rule("cpu.prelaunched", ERROR, "A pre-launched VM shares no pCPU with another VM (v2.5 to v2.7).", CpuRules::preLaunched),
            rule("cpu.exclusive", ERROR, "A real-time VM or a VM that owns its pCPUs shares none, but with its companion (v3.x).", CpuRules::exclusive),
            rule("cpu.realtime", ERROR, "No real-time VM has pCPU 0 (v3.x).", CpuRules::realTime));

    // spotless:on

    private CpuRules() {}

    private static void exists(Scenario scenario, Board board, Report report) {
        if (!board.knowsCpus()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            List<Integer> affinity = vm.cpus().affinity();
            for (int i = 0; i < affinity.size(); i++) {
                if (board.cpu(affinity.get(i)).isEmpty()) {
                    report.at(
                            vm.path("affinity/cpu/" + i),
                            "pCPU %d does not exist on board %s, which has pCPUs %s. Remove it from"
                                    + " VM \"%s\".",
                            affinity.get(i),
                            board.name(),
                            Rules.and(board.cpuIds().stream()),
                            vm.name());
                }
            }
        }
    }

    private static void repeated(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            Set<Integer> seen = new HashSet<>();
            List<Integer> affinity = vm.cpus().affinity();
            for (int i = 0; i < affinity.size(); i++) {
                if (!seen.add(affinity.get(i))) {
                    report.at(
                            vm.path("affinity/cpu/" + i),
                            "VM \"%s\" names pCPU %d twice. Remove one.",
                            vm.name(),
                            affinity.get(i));
                }
            }
        }
    }

    private static void assigned(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (!vm.isService() && vm.cpus().affinity().isEmpty()) {
                report.at(
                        vm.path("affinity"),
                        "VM \"%s\" has no pCPU. Name one in cpu_affinity.",
                        vm.name());
            }
        }
    }

    private static void service(Scenario scenario, Board board, Report report) {
        Optional<Vm> service = scenario.serviceVm();
        if (service.isPresent()
                && board.knowsCpus()
                && scenario.cpusOf(service.get(), board).isEmpty()) {
            report.at(
                    service.get().path("affinity"),
                    "The pre-launched VMs have all pCPUs of board %s; none is left for the Service"
                            + " VM. Take one away from them.",
                    board.name());
        }
    }

    private static void type(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.isService() && scenario.edition() == Edition.V3) {
                continue;
            }
            Set<String> types = new LinkedHashSet<>();
            for (int id : vm.cpus().affinity()) {
                board.cpu(id).map(Cpu::coreType).filter(t -> !t.isEmpty()).ifPresent(types::add);
            }
            if (types.size() > 1) {
                report.at(
                        vm.path("affinity"),
                        "The pCPUs of VM \"%s\" are of the core types %s. Keep those of one type.",
                        vm.name(),
                        Rules.and(types.stream()));
            }
        }
    }

    private static void sharing(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            for (Vm other : earlier(scenario, vm)) {
                // A pair that the rule for pre-launched VMs reports needs no second report.
                boolean reported =
                        scenario.edition() != Edition.V3
                                && (vm.isPreLaunched() || other.isPreLaunched());
                Set<Integer> shared = shared(scenario, board, vm, other);
                if (!scenario.sharesCpus()
                        && !shared.isEmpty()
                        && !takesTheRest(vm)
                        && !takesTheRest(other)
                        && !reported) {
                    report.at(
                            vm.path("affinity"),
                            "VM \"%s\" and VM \"%s\" both have pCPU %s, but SCHED_NOOP lets a pCPU run"
                                    + " one VM only. Give one of them other pCPUs, or remove it.",
                            vm.name(),
                            other.name(),
                            Rules.and(shared.stream()));
                }
            }
        }
    }

    /// Whether a VM has pCPUs without naming them.
    private static boolean takesTheRest(Vm vm) {
        return vm.isService() && vm.cpus().affinity().isEmpty();
    }

    private static void sharingTheRest(Scenario scenario, Board board, Report report) {
        Optional<Vm> service = scenario.serviceVm().filter(CpuRules::takesTheRest);
        if (scenario.sharesCpus() || service.isEmpty()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            Set<Integer> shared = shared(scenario, board, vm, service.get());
            if (vm.isPostLaunched() && !shared.isEmpty()) {
                report.at(
                        vm.path("affinity"),
                        "The Service VM names no pCPU and has all that are left, so it shares pCPU %s with"
                                + " VM \"%s\", which SCHED_NOOP can't do. Name pCPUs in the Service VM,"
                                + " or remove VM \"%s\".",
                        Rules.and(shared.stream()),
                        vm.name(),
                        vm.name());
            }
        }
    }

    private static List<Vm> earlier(Scenario scenario, Vm vm) {
        return scenario.vms().subList(0, vm.index());
    }

    private static Set<Integer> shared(Scenario scenario, Board board, Vm vm, Vm other) {
        Set<Integer> shared = new TreeSet<>(scenario.cpusOf(vm, board));
        shared.retainAll(new HashSet<>(scenario.cpusOf(other, board)));
        return shared;
    }

    private static void preLaunched(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vm other : earlier(scenario, vm)) {
                Set<Integer> shared = shared(scenario, board, vm, other);
                if ((vm.isPreLaunched() || other.isPreLaunched()) && !shared.isEmpty()) {
                    report.at(
                            vm.path("affinity"),
                            "VM \"%s\" has pCPU %s, as VM \"%s\" has, but a pre-launched VM can't"
                                    + " share. Give one of them other pCPUs.",
                            vm.name(),
                            Rules.and(shared.stream()),
                            other.name());
                }
            }
        }
    }

    private static boolean ownsCpus(Vm vm) {
        return vm.kind() == VmKind.REAL_TIME || vm.cpus().exclusive();
    }

    private static void exclusive(Scenario scenario, Board board, Report report) {
        if (scenario.edition() != Edition.V3) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (Vm other : earlier(scenario, vm)) {
                Set<Integer> shared = new TreeSet<>(vm.cpus().affinity());
                shared.retainAll(new HashSet<>(other.cpus().affinity()));
                boolean companions =
                        vm.cpus().companion() == other.id() || other.cpus().companion() == vm.id();
                // Under SCHED_NOOP another rule reports every VM that shares.
                if (!shared.isEmpty()
                        && !companions
                        && scenario.sharesCpus()
                        && (ownsCpus(vm) || ownsCpus(other))) {
                    Vm owner = ownsCpus(vm) ? vm : other;
                    report.at(
                            vm.path("affinity"),
                            "VM \"%s\" has pCPU %s, as VM \"%s\" has, but VM \"%s\" must have its pCPUs"
                                    + " for itself. Give one of them other pCPUs.",
                            vm.name(),
                            Rules.and(shared.stream()),
                            other.name(),
                            owner.name());
                }
            }
        }
    }

    private static void realTime(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (scenario.edition() == Edition.V3
                    && vm.kind() == VmKind.REAL_TIME
                    && vm.cpus().affinity().contains(0)) {
                report.at(
                        vm.path("affinity/cpu/" + vm.cpus().affinity().indexOf(0)),
                        "The real-time VM \"%s\" has pCPU 0, which the hypervisor works on. Give it"
                                + " another.",
                        vm.name());
            }
        }
    }
}
