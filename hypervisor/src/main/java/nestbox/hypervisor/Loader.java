package nestbox.hypervisor;

import nestbox.boot.MemoryLayout;
import nestbox.cpu.StartState;
import nestbox.platform.Ram;

/// Puts what a virtual machine boots into its memory.
@FunctionalInterface
public interface Loader {
    /// @param ram by guest-physical address
    /// @param layout the map of it that the guest gets
    /// @param commandLine of the scenario
    StartState load(Ram ram, MemoryLayout layout, String commandLine);
}
