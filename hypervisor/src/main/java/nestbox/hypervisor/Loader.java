package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.cpu.StartState;
import nestbox.platform.Ram;
import nestbox.scenario.Allocation.VmPlan;

/// Puts what a virtual machine boots into its memory.
@FunctionalInterface
public interface Loader {
    /// @param plan says which virtual machine, and what the scenario wants it to boot
    /// @param ram by guest-physical address
    /// @param layout the map of it that the guest gets
    StartState load(VmPlan plan, Ram ram, MemoryLayout layout);
}
