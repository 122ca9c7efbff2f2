package nestbox.app.cli;

import nestbox.boot.BootImages;
import nestbox.platform.GuestMemory;
import nestbox.scenario.Allocation.VmPlan;
import nestbox.scenario.Vm;
import nestbox.scenario.Vm.Region;

import java.io.PrintWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What the VMs of a scenario boot. VMs that boot the same share the open files.
final class VmImages implements AutoCloseable {
    /// Of all RAM, what L0 may take at most, and a bit.
    private static final int OWN_SHARE = 32;

    private static final long GRANULE = 64L << 20;
    private static final long HOLE = GuestMemory.FOUR_GIB - GuestMemory.PCI_HOLE;

    private final Map<Integer, GuestFiles> files;
    private final Map<GuestFiles, BootImages> images;

    private VmImages(Map<Integer, GuestFiles> files, Map<GuestFiles, BootImages> images) {
        this.files = files;
        this.images = images;
    }

    /// Finds the files, and builds those of built-in guests if they are not there yet.
    static VmImages open(Map<Integer, GuestChoice> choices, PrintWriter progress) {
        Map<GuestChoice, GuestFiles> found = new HashMap<>();
        Map<Integer, GuestFiles> files = new HashMap<>();
        choices.forEach(
                (vm, choice) ->
                        files.put(
                                vm,
                                found.computeIfAbsent(
                                        choice, each -> GuestFiles.of(each, progress))));
        Map<GuestFiles, BootImages> images = new HashMap<>();
        VmImages all = new VmImages(files, images);
        try {
            found.values().forEach(each -> images.computeIfAbsent(each, GuestFiles::files));
            return all;
        } catch (RuntimeException e) {
            all.close();
            throw e;
        }
    }

    /// What a VM boots, with the command line for it.
    BootImages of(VmPlan vm) {
        GuestFiles mine = files.get(vm.vm().index());
        String line = mine.commandLine(ScenarioPlan.commandLine(vm));
        return images.get(mine).with(line);
    }

    /// RAM for a board on which all VMs have enough.
    MemorySize memory(List<Vm> vms) {
        long service = 0;
        long others = 0;
        long highest = 0;
        for (Vm vm : vms) {
            if (vm.isService()) {
                service = files.get(vm.index()).defaultMemory().bytes();
            } else if (vm.isPreLaunched()) {
                others += sizeOf(vm);
                highest = Math.max(highest, endOf(vm));
            }
        }
        if (others == 0) {
            return new MemorySize(service);
        }
        long all = Math.max(service + others, highest);
        long withOwn = all + all / OWN_SHARE + GRANULE;
        return new MemorySize(Math.min(withOwn, MemorySize.LARGEST) & -GRANULE);
    }

    private static long sizeOf(Vm vm) {
        long regions = vm.memory().regions().stream().mapToLong(each -> bounded(each.size())).sum();
        return regions > 0 ? regions : bounded(vm.memory().size());
    }

    /// How much RAM reaches up to the end of the VM's memory. What doesn't fit below the PCI hole
    /// begins at 4 GiB.
    private static long endOf(Vm vm) {
        return vm.memory().regions().stream()
                .mapToLong(Region::end)
                .map(end -> end > GuestMemory.FOUR_GIB ? end - HOLE : end)
                .map(VmImages::bounded)
                .max()
                .orElse(0);
    }

    private static long bounded(long bytes) {
        return Math.clamp(bytes, 0, MemorySize.LARGEST);
    }

    @Override
    public void close() {
        images.values().forEach(BootImages::close);
    }
}
