package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.Hypervisor;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vm.Region;
import nestbox.scenario.board.Board;

import java.util.List;
import java.util.OptionalLong;

/// The memory of the hypervisor and of the VMs.
final class MemoryRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("memory.hypervisor", ERROR, "The hypervisor's memory starts and ends at 2 MB boundaries and is 1 GB at most.", MemoryRules::hypervisor),
            rule("memory.prelaunched", ERROR, "A pre-launched VM has memory: a start and a size, or in v3.x a size.", MemoryRules::preLaunched),
            rule("memory.overlap", ERROR, "The memory of a pre-launched VM overlaps with no other.", MemoryRules::overlap),
            rule("memory.ram", WARNING, "The memory of a pre-launched VM is RAM of the board.", MemoryRules::ram),
            rule("memory.host", WARNING, "The VMs' memory in all is less than the board has.", MemoryRules::host),
            rule("memory.platform", WARNING, "PLATFORM_RAM_SIZE is at least the board's RAM (v2.5 to v2.7).", MemoryRules::platform),
            rule("epc.aligned", ERROR, "An enclave page cache starts and ends at page boundaries.", MemoryRules::epcAligned),
            rule("epc.prelaunched", ERROR, "A pre-launched VM has no enclave page cache.", MemoryRules::epcPreLaunched));
    // spotless:on

    private static final long PAGE = 0x1000;
    private static final long LARGE_PAGE = 0x20_0000;
    private static final long MOST = 0x4000_0000;

    private MemoryRules() {}

    private static void hypervisor(Scenario scenario, Board board, Report report) {
        Hypervisor.Memory memory = scenario.hypervisor().memory();
        aligned(report, memory.start(), "start", "HV_RAM_START");
        aligned(report, memory.size(), "size", "HV_RAM_SIZE");
        if (memory.size().orElse(0) > MOST) {
            report.at(
                    "hv/memory/size",
                    "HV_RAM_SIZE is 0x%x, more than 0x%x. Write less, or nothing to have it worked out.",
                    memory.size().getAsLong(),
                    MOST);
        }
    }

    private static void aligned(Report report, OptionalLong value, String part, String name) {
        if (value.orElse(0) % LARGE_PAGE != 0) {
            report.at(
                    "hv/memory/" + part,
                    "%s is 0x%x, which is no multiple of 2 MB. Write 0x%x.",
                    name,
                    value.getAsLong(),
                    value.getAsLong() / LARGE_PAGE * LARGE_PAGE + LARGE_PAGE);
        }
    }

    private static void preLaunched(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            boolean v3 = scenario.edition() == Edition.V3;
            boolean missing = v3 ? vm.memory().size() == 0 : vm.memory().regions().isEmpty();
            if (vm.isPreLaunched() && missing) {
                report.at(
                        vm.path("memory"),
                        "The pre-launched VM \"%s\" has no memory. Write %s.",
                        vm.name(),
                        v3 ? "memory/size in MB" : "start_hpa and size");
            }
        }
    }

    private static void overlap(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            for (int i = 0; vm.isPreLaunched() && i < vm.memory().regions().size(); i++) {
                Region region = vm.memory().regions().get(i);
                for (Vm other : scenario.vms().subList(0, vm.index() + 1)) {
                    if (other.isPreLaunched() && overlaps(region, i, vm, other)) {
                        report.at(
                                vm.path("memory/region/" + i),
                                "0x%x to 0x%x of VM \"%s\" overlaps with memory of VM \"%s\". Move it.",
                                region.start(),
                                region.end() - 1,
                                vm.name(),
                                other.name());
                        break;
                    }
                }
            }
        }
    }

    private static boolean overlaps(Region region, int index, Vm vm, Vm other) {
        List<Region> regions = other.memory().regions();
        int before = other == vm ? index : regions.size();
        return regions.subList(0, before).stream()
                .anyMatch(
                        r ->
                                Long.compareUnsigned(r.start(), region.end()) < 0
                                        && Long.compareUnsigned(region.start(), r.end()) < 0);
    }

    private static void ram(Scenario scenario, Board board, Report report) {
        if (board.memory().isEmpty()) {
            return;
        }
        for (Vm vm : scenario.vms()) {
            for (int i = 0; vm.isPreLaunched() && i < vm.memory().regions().size(); i++) {
                Region region = vm.memory().regions().get(i);
                if (board.memory().stream()
                        .noneMatch(range -> range.contains(region.start(), region.end()))) {
                    report.at(
                            vm.path("memory/region/" + i),
                            "0x%x to 0x%x of VM \"%s\" is not RAM of board %s throughout. Move it.",
                            region.start(),
                            region.end() - 1,
                            vm.name(),
                            board.name());
                }
            }
        }
    }

    private static void host(Scenario scenario, Board board, Report report) {
        // Sizes in MB, as a hostile file could make the sum of bytes overflow.
        long wanted = 0;
        String path = "";
        for (Vm vm : scenario.vms()) {
            boolean counted =
                    vm.isPreLaunched() || (scenario.edition() == Edition.V3 && !vm.isService());
            if (counted) {
                wanted += vm.memory().size() >>> 20;
                path = vm.path("memory");
            }
        }
        if (board.ramBytes() > 0 && wanted >= board.ramBytes() >>> 20) {
            report.at(
                    path,
                    "The VMs have %d MB of memory, but board %s has %d MB. Give them less.",
                    wanted,
                    board.name(),
                    board.ramBytes() >>> 20);
        }
    }

    private static void platform(Scenario scenario, Board board, Report report) {
        long size = scenario.hypervisor().memory().platformRamSize();
        if (scenario.edition() != Edition.V3 && board.ramBytes() > size) {
            report.at(
                    "hv/memory/platformRamSize",
                    "PLATFORM_RAM_SIZE is 0x%x, but board %s has 0x%x bytes of RAM, so page tables can"
                            + " run out. Raise it.",
                    size,
                    board.name(),
                    board.ramBytes());
        }
    }

    private static void epcAligned(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.memory().epcBase() % PAGE != 0) {
                report.at(
                        vm.path("epc/base"),
                        "The EPC of VM \"%s\" starts at 0x%x. Write a multiple of 0x1000.",
                        vm.name(),
                        vm.memory().epcBase());
            }
            if (vm.memory().epcSize() % PAGE != 0) {
                report.at(
                        vm.path("epc/size"),
                        "The EPC of VM \"%s\" has 0x%x bytes. Write a multiple of 0x1000.",
                        vm.name(),
                        vm.memory().epcSize());
            }
        }
    }

    private static void epcPreLaunched(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.isPreLaunched() && vm.memory().epcSize() != 0) {
                report.at(
                        vm.path("epc/size"),
                        "The pre-launched VM \"%s\" has an EPC, which is not supported. Write size 0.",
                        vm.name());
            }
        }
    }
}
