package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Hypervisor.Rdt;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.VmKind;
import nestbox.scenario.board.Board;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Resource director technology and software SRAM.
final class CacheRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("rdt.ssram", ERROR, "RDT and software SRAM are not both enabled.", CacheRules::ssram),
            rule("rdt.cdp.ssram", ERROR, "Code and data prioritization and software SRAM are not both enabled.", CacheRules::cdpSsram),
            rule("ssram.region", WARNING, "Software SRAM for a pre-launched real-time VM is not where the VM has its PCI devices.", CacheRules::ssramRegion),
            rule("rdt.board", WARNING, "RDT is enabled only on a board that has it.", CacheRules::board),
            rule("rdt.masks", ERROR, "With RDT there is a CLOS_MASK for each class of service, or two for each of half as many with CDP (v2.5 to v2.7).", CacheRules::masks),
            rule("rdt.mask", ERROR, "With RDT each CLOS_MASK is one run of ones that the board's cache has (v2.5 to v2.7).", CacheRules::mask),
            rule("rdt.clos.count", ERROR, "With RDT a VM has a class of service for each pCPU (v2.5 to v2.7).", CacheRules::closCount),
            rule("rdt.clos.range", ERROR, "With RDT a class of service is one that the board has (v2.5 to v2.7).", CacheRules::closRange),
            rule("rdt.vcat", ERROR, "Virtual CAT is enabled only with RDT and without CDP.", CacheRules::vcat),
            rule("rdt.vcat.vm", ERROR, "A VM has virtual CAT only if RDT and virtual CAT are enabled.", CacheRules::vcatVm),
            rule("rdt.vcat.clos", ERROR, "A VM with virtual CAT has two or more classes of service of its own, and not class 0 (v2.7).", CacheRules::vcatClos));

    // spotless:on

    /// Of the guest-physical addresses of a pre-launched VM.
    private static final long PCI_HOLE_START = 0x8000_0000L;

    private static final long PCI_HOLE_END = 0xF800_0000L;

    private CacheRules() {}

    private static Rdt rdt(Scenario scenario) {
        return scenario.hypervisor().features().rdt();
    }

    /// Whether the old format's numbers for RDT are in effect.
    private static boolean inEffect(Scenario scenario) {
        return scenario.edition() != Edition.V3 && rdt(scenario).enabled();
    }

    private static void ssram(Scenario scenario, Board board, Report report) {
        if (rdt(scenario).enabled() && scenario.hypervisor().features().softwareSram()) {
            report.at(
                    "hv/features/softwareSram",
                    "Software SRAM and RDT can't both be enabled. Write SSRAM_ENABLED n or RDT_ENABLED"
                            + " n.");
        }
    }

    private static void cdpSsram(Scenario scenario, Board board, Report report) {
        if (rdt(scenario).cdp() && scenario.hypervisor().features().softwareSram()) {
            report.at(
                    "hv/features/rdt/cdp",
                    "CDP and software SRAM can't both be enabled. Write CDP_ENABLED n or SSRAM_ENABLED"
                            + " n.");
        }
    }

    private static void ssramRegion(Scenario scenario, Board board, Report report) {
        boolean wanted =
                scenario.vms().stream()
                        .anyMatch(vm -> vm.isPreLaunched() && vm.kind() == VmKind.REAL_TIME);
        if (!wanted || !scenario.hypervisor().features().softwareSram()) {
            return;
        }
        board.softwareSram()
                .filter(r -> r.last() >= PCI_HOLE_START && r.start() < PCI_HOLE_END)
                .ifPresent(
                        region ->
                                report.at(
                                        "hv/features/softwareSram",
                                        "The software SRAM of board %s at 0x%x to 0x%x overlaps with the"
                                                + " PCI devices of pre-launched VMs at 0x%x to 0x%x."
                                                + " Write SSRAM_ENABLED n.",
                                        board.name(),
                                        region.start(),
                                        region.last(),
                                        PCI_HOLE_START,
                                        PCI_HOLE_END - 1));
    }

    private static void board(Scenario scenario, Board board, Report report) {
        if (rdt(scenario).enabled() && board.knowsCpus() && board.closMax(false) == 0) {
            report.at(
                    "hv/features/rdt/enabled",
                    "Board %s has no RDT, so RDT_ENABLED y is ignored. Write n.",
                    board.name());
        }
    }

    private static void masks(Scenario scenario, Board board, Report report) {
        int classes = board.closMax(rdt(scenario).cdp());
        int wanted = classes * (rdt(scenario).cdp() ? 2 : 1);
        int found = rdt(scenario).closMasks().size();
        if (inEffect(scenario) && wanted > 0 && found != wanted) {
            report.at(
                    "hv/features/rdt/closMasks",
                    "There are %d CLOS_MASKs, but board %s has %d classes of service%s. Write %d.",
                    found,
                    board.name(),
                    classes,
                    rdt(scenario).cdp()
                            ? " with CDP, each with a mask for code and one for data"
                            : "",
                    wanted);
        }
    }

    private static void mask(Scenario scenario, Board board, Report report) {
        List<Long> masks = rdt(scenario).closMasks();
        for (int i = 0; inEffect(scenario) && i < masks.size(); i++) {
            long mask = masks.get(i);
            long run = mask >>> Long.numberOfTrailingZeros(mask);
            if (mask == 0 || (run & (run + 1)) != 0) {
                report.at(
                        "hv/features/rdt/closMasks/" + i,
                        "The ones of CLOS_MASK 0x%x don't stand together. Write a mask such as 0xf0.",
                        mask);
            } else if (board.maskMax() > 0 && mask > board.maskMax()) {
                report.at(
                        "hv/features/rdt/closMasks/" + i,
                        "CLOS_MASK 0x%x is wider than the cache of board %s. Write 0x%x at most.",
                        mask,
                        board.name(),
                        board.maskMax());
            }
        }
    }

    private static void closCount(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            int cpus = vm.cpus().affinity().size();
            if (inEffect(scenario)
                    && !vm.has(GuestFlag.VCAT_ENABLED)
                    && cpus > 0
                    && vm.cpus().clos().size() != cpus) {
                report.at(
                        vm.path("clos"),
                        "VM \"%s\" has %d pCPUs, but %d classes of service. Write a vcpu_clos for each"
                                + " pCPU.",
                        vm.name(),
                        cpus,
                        vm.cpus().clos().size());
            }
        }
    }

    private static void closRange(Scenario scenario, Board board, Report report) {
        int most = board.closMax(rdt(scenario).cdp());
        if (!inEffect(scenario) || most == 0) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (int i = 0; i < vm.cpus().clos().size(); i++) {
                if (vm.cpus().clos().get(i) >= most) {
                    report.at(
                            vm.path("clos/vcpu/" + i),
                            "VM \"%s\" has class of service %d, but board %s has 0 to %d.",
                            vm.name(),
                            vm.cpus().clos().get(i),
                            board.name(),
                            most - 1);
                }
            }
        }
    }

    private static void vcat(Scenario scenario, Board board, Report report) {
        Rdt rdt = rdt(scenario);
        if (rdt.vcat() && (!rdt.enabled() || rdt.cdp())) {
            report.at(
                    "hv/features/rdt/vcat",
                    "Virtual CAT needs RDT without CDP. Write %s, or VCAT_ENABLED n.",
                    rdt.enabled() ? "CDP_ENABLED n" : "RDT_ENABLED y");
        }
    }

    private static void vcatVm(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.has(GuestFlag.VCAT_ENABLED)
                    && !(rdt(scenario).enabled() && rdt(scenario).vcat())) {
                report.at(
                        vm.path("flags/" + GuestFlag.VCAT_ENABLED),
                        "VM \"%s\" has virtual CAT, but the hypervisor has it not. Write RDT_ENABLED y"
                                + " and VCAT_ENABLED y, or take it from the VM.",
                        vm.name());
            }
        }
    }

    private static void vcatClos(Scenario scenario, Board board, Report report) {
        if (!inEffect(scenario) || !rdt(scenario).vcat()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            if (!vm.has(GuestFlag.VCAT_ENABLED)) {
                continue;
            }
            List<Integer> clos = vm.cpus().clos();
            Set<Integer> others = new HashSet<>();
            scenario.vms().stream()
                    .filter(other -> other != vm)
                    .forEach(other -> others.addAll(other.cpus().clos()));
            String wrong =
                    clos.size() < 2
                            ? "has only one class of service"
                            : clos.contains(0)
                                    ? "has class 0, which is the hypervisor's"
                                    : new HashSet<>(clos).size() != clos.size()
                                            ? "has a class twice"
                                            : clos.stream().anyMatch(others::contains)
                                                    ? "has a class that another VM has"
                                                    : "";
            if (!wrong.isEmpty()) {
                report.at(
                        vm.path("clos"),
                        "VM \"%s\" with virtual CAT %s. Write two or more classes that nobody else has.",
                        vm.name(),
                        wrong);
            }
        }
    }
}
