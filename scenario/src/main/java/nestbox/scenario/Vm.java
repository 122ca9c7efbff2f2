package nestbox.scenario;

import nestbox.scenario.board.Bdf;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// A virtual machine of a scenario.
///
/// @param index its place among the VMs of the file, from 0, which is its id at run time
/// @param id the id that the file gives it, by which other parts of the file refer to it
public record Vm(
        int index,
        int id,
        String name,
        LoadOrder loadOrder,
        VmKind kind,
        Set<GuestFlag> flags,
        Cpus cpus,
        Memory memory,
        Os os,
        List<Vuart> vuarts,
        Devices devices) {
    public Vm {
        flags = Set.copyOf(flags);
        vuarts = List.copyOf(vuarts);
    }

    /// The processors of a VM.
    ///
    /// @param affinity pCPU of each vCPU, none for all that are left (Service VM only)
    /// @param realTime pCPUs of the vCPUs that do real-time work
    /// @param clos class of service of each vCPU
    /// @param exclusive whether no other VM may have these pCPUs
    /// @param companion id of the VM that may have them nevertheless, 65535 for none
    /// @param highPriority whether the priority scheduler prefers the VM
    public record Cpus(
            List<Integer> affinity,
            List<Integer> realTime,
            List<Integer> clos,
            boolean exclusive,
            int companion,
            boolean highPriority) {
        public Cpus {
            affinity = List.copyOf(affinity);
            realTime = List.copyOf(realTime);
            clos = List.copyOf(clos);
        }
    }

    /// The memory of a VM.
    ///
    /// @param size in all, in bytes
    /// @param regions where it is in the host's memory, for a pre-launched VM
    public record Memory(long size, List<Region> regions, long epcBase, long epcSize) {
        public Memory {
            regions = List.copyOf(regions);
        }
    }

    /// Host memory from start, of size bytes.
    public record Region(long start, long size) {
        /// The first address behind it.
        public long end() {
            return start + size;
        }
    }

    /// What the hypervisor loads into a VM.
    ///
    /// @param given whether the scenario configures it at all
    /// @param bootArguments as the scenario has them; [Allocation] has the whole command line
    /// @param boardArguments what a placeholder in bootArguments stands for
    public record Os(
            boolean given,
            String name,
            KernelType kernelType,
            String kernelModule,
            String ramdiskModule,
            String bootArguments,
            String rootDevice,
            String boardArguments,
            OptionalLong loadAddress,
            OptionalLong entryAddress) {}

    /// The kind of kernel image.
    public enum KernelType {
        BZIMAGE,
        /// `KERNEL_ZEPHYR` before v2.6.
        RAWIMAGE,
        ELF
    }

    /// The devices that a VM gets.
    public record Devices(
            List<PciDevice> pci, List<Intx> intx, boolean tpm2, boolean p2sb, boolean ptm) {
        public Devices {
            pci = List.copyOf(pci);
            intx = List.copyOf(intx);
        }
    }

    /// A PCI function that is passed through, with the text that the scenario has.
    public record PciDevice(Bdf address, String description) {}

    /// An interrupt pin that is passed through.
    public record Intx(int physicalGsi, int virtualGsi) {}

    /// The path of a part of this VM in [Locations].
    public String path(String part) {
        return part.isEmpty() ? "vm/" + index : "vm/" + index + "/" + part;
    }

    public boolean has(GuestFlag flag) {
        return flags.contains(flag);
    }

    public boolean isService() {
        return loadOrder == LoadOrder.SERVICE;
    }

    public boolean isPreLaunched() {
        return loadOrder == LoadOrder.PRE_LAUNCHED;
    }

    public boolean isPostLaunched() {
        return loadOrder == LoadOrder.POST_LAUNCHED;
    }

    public boolean nested() {
        return has(GuestFlag.NVMX_ENABLED);
    }

    public boolean lapicPassthrough() {
        return has(GuestFlag.LAPIC_PASSTHROUGH);
    }

    /// The port with this index that is in use, if one is.
    public Optional<Vuart> vuart(int wanted) {
        return vuarts.stream().filter(v -> v.index() == wanted && v.enabled()).findFirst();
    }
}
