package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Hypervisor.SharedMemory;
import nestbox.scenario.Hypervisor.Sharer;
import nestbox.scenario.Scenario;
import nestbox.scenario.board.Board;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// Memory that VMs share.
final class SharedMemoryRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("ivshmem.count", ERROR, "There are at most eight shared regions.", SharedMemoryRules::count),
            rule("ivshmem.name", ERROR, "A shared region has a name of its own, of 32 characters at most.", SharedMemoryRules::name),
            rule("ivshmem.size", ERROR, "A shared region has 2 to 512 MB, a power of two.", SharedMemoryRules::size),
            rule("ivshmem.vms", ERROR, "A shared region belongs to VMs of the file, each named once.", SharedMemoryRules::vms));
    // spotless:on

    private static final int MOST = 8;
    private static final int LONGEST_NAME = 32;

    private SharedMemoryRules() {}

    static String region(int index) {
        return "hv/features/sharedMemory/region/" + index;
    }

    private static void count(Scenario scenario, Board board, Report report) {
        int count = scenario.hypervisor().sharedMemory().size();
        if (count > MOST) {
            report.at(
                    region(MOST),
                    "There are %d shared regions, where %d are possible. Remove some.",
                    count,
                    MOST);
        }
    }

    private static void name(Scenario scenario, Board board, Report report) {
        List<SharedMemory> regions = scenario.hypervisor().sharedMemory();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < regions.size(); i++) {
            String name = regions.get(i).name();
            if (name.length() > LONGEST_NAME) {
                report.at(
                        region(i),
                        "The name of a shared region has %d characters, more than %d. Shorten it.",
                        name.length(),
                        LONGEST_NAME);
            } else if (!seen.add(name)) {
                report.at(
                        region(i),
                        "Two shared regions are called \"%s\". Give one another name.",
                        name);
            }
        }
    }

    private static void size(Scenario scenario, Board board, Report report) {
        List<SharedMemory> regions = scenario.hypervisor().sharedMemory();
        for (int i = 0; i < regions.size(); i++) {
            int size = regions.get(i).megabytes();
            if (size < 2 || size > 512 || Integer.bitCount(size) != 1) {
                report.at(
                        region(i) + "/megabytes",
                        "The shared region \"%s\" has %d MB. Write 2, 4, 8, 16, 32, 64, 128, 256 or"
                                + " 512.",
                        regions.get(i).name(),
                        size);
            }
        }
    }

    private static void vms(Scenario scenario, Board board, Report report) {
        List<SharedMemory> regions = scenario.hypervisor().sharedMemory();
        for (int i = 0; i < regions.size(); i++) {
            Set<String> seen = new HashSet<>();
            List<Sharer> sharers = regions.get(i).sharers();
            for (int j = 0; j < sharers.size(); j++) {
                Sharer sharer = sharers.get(j);
                boolean unknown = scenario.vm(sharer.vmId()).isEmpty();
                if (unknown || !seen.add(sharer.vm())) {
                    report.at(
                            region(i) + "/sharers/vm/" + j,
                            "The shared region \"%s\" names VM %s, which %s. Remove or correct it.",
                            regions.get(i).name(),
                            sharer.vm(),
                            unknown ? "doesn't exist" : "it names already");
                }
            }
        }
    }
}
