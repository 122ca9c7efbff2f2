package nestbox.hypervisor;

import nestbox.hypervisor.memory.Ranges;
import nestbox.hypervisor.memory.Ranges.Range;
import nestbox.platform.GuestMemory;
import nestbox.scenario.Allocation;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.Vm.Region;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Who has which part of the board's RAM: L0 a range at the top of what lies below 4 GiB,
/// pre-launched virtual machines what the scenario says, the Service VM the rest.
final class MemoryPlan {
    private static final long SMALLEST = 16L << 20;

    /// Of the board's RAM, for L0: its own tables are few, but shadow EPT can need an entry for
    /// each page.
    private static final int SHARE = 64;

    private static final long LARGE_PAGE = 2L << 20;

    private final Range own;
    private final Map<VmPlan, List<Range>> preLaunched = new HashMap<>();
    private Ranges rest;

    /// @throws IllegalArgumentException if the board doesn't have what the scenario wants
    MemoryPlan(GuestMemory memory, Allocation plan) {
        long launched = plan.vms().stream().filter(each -> each.vm().isPostLaunched()).count();
        long wanted = SMALLEST + launched * Hypervisor.VM_PAGES * GuestMemory.PAGE_SIZE;
        long start = memory.lowTop() - wanted - memory.size() / SHARE & -LARGE_PAGE;
        own = new Range(start, memory.lowTop());
        rest =
                Ranges.of(
                                new Range(0, memory.lowTop()),
                                new Range(GuestMemory.FOUR_GIB, memory.highTop()))
                        .without(own);
        for (VmPlan vm : plan.vms()) {
            if (vm.vm().isPreLaunched()) {
                preLaunched.put(vm, take(vm));
            }
        }
    }

    private List<Range> take(VmPlan vm) {
        List<Region> regions =
                vm.vm().memory().regions().stream().filter(region -> region.size() != 0).toList();
        List<Range> ranges = new ArrayList<>();
        if (regions.isEmpty()) {
            ranges.add(highest(vm, vm.vm().memory().size()));
        }
        for (Region region : regions) {
            ranges.add(new Range(region.start(), region.end()));
        }
        for (Range range : ranges) {
            if (range.length() <= 0 || !rest.contains(range)) {
                throw new IllegalArgumentException(
                        ("VM \"%s\" is to have the board's memory from 0x%X to 0x%X, which isn't"
                                        + " all there or is taken: change its <memory>, or give the"
                                        + " board more with --memory.")
                                .formatted(vm.vm().name(), range.start(), range.end()));
            }
            rest = rest.without(range);
        }
        return ranges;
    }

    private Range highest(VmPlan vm, long size) {
        for (Range range : rest.list().reversed()) {
            long start = range.end() - size & -LARGE_PAGE;
            if (start >= range.start() && size > 0) {
                return new Range(start, start + size);
            }
        }
        throw new IllegalArgumentException(
                "There is no room for the %d MiB of VM \"%s\": give the board more with --memory."
                        .formatted(size >> 20, vm.vm().name()));
    }

    /// What L0 has.
    Range own() {
        return own;
    }

    /// What a pre-launched virtual machine has, in the order of its own addresses.
    List<Range> of(VmPlan vm) {
        return preLaunched.get(vm);
    }

    /// What the Service VM has.
    Ranges rest() {
        return rest;
    }

    /// What it doesn't have.
    List<Range> taken() {
        List<Range> ranges = new ArrayList<>(List.of(own));
        preLaunched.values().forEach(ranges::addAll);
        return ranges;
    }
}
