package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Edition;
import nestbox.scenario.Scenario;
import nestbox.scenario.board.Board;

import java.util.List;

/// Sizes of the hypervisor's tables.
final class CapacityRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("capacity.ir", ERROR, "MAX_IR_ENTRIES is a power of two from 256 on (v2.5 to v2.7).", CapacityRules::interruptRemapping),
            rule("capacity.pci", ERROR, "MAX_PCI_DEV_NUM is at least the number of the board's PCI functions.", CapacityRules::pci));
    // spotless:on

    private static final int LEAST_ENTRIES = 256;

    private CapacityRules() {}

    private static void interruptRemapping(Scenario scenario, Board board, Report report) {
        int entries = scenario.hypervisor().capacities().interruptRemappingEntries();
        if (scenario.edition() != Edition.V3
                && (entries < LEAST_ENTRIES || Integer.bitCount(entries) != 1)) {
            report.at(
                    "hv/capacities/interruptRemappingEntries",
                    "MAX_IR_ENTRIES is %d. Write 256, 512, 1024 and so on.",
                    entries);
        }
    }

    private static void pci(Scenario scenario, Board board, Report report) {
        int most = scenario.hypervisor().capacities().pciDevices();
        if (board.pci().size() > most) {
            report.at(
                    "hv/capacities/pciDevices",
                    "MAX_PCI_DEV_NUM is %d, but board %s has %d PCI functions. Raise it.",
                    most,
                    board.name(),
                    board.pci().size());
        }
    }
}
