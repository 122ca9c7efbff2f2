package nestbox.scenario;

import nestbox.scenario.board.Bdf;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// The settings of the hypervisor itself.
public record Hypervisor(
        Debug debug,
        Features features,
        Memory memory,
        Capacities capacities,
        List<SharedMemory> sharedMemory,
        List<Connection> connections,
        List<Bdf> hiddenDevices) {
    public Hypervisor {
        sharedMemory = List.copyOf(sharedMemory);
        connections = List.copyOf(connections);
        hiddenDevices = List.copyOf(hiddenDevices);
    }

    /// Console and log.
    ///
    /// @param release whether this is a build without shell and log
    /// @param serialConsole the host's serial port for the console, empty for none
    /// @param logDestination 1 serial console, 2 buffer for the Service VM, 4 trace hub
    /// @param timerCpu the pCPU whose timer polls the console
    /// @param consoleVm id of the VM that owns the console at boot, 65535 for the shell
    public record Debug(
            boolean release,
            String serialConsole,
            int consoleLogLevel,
            int memoryLogLevel,
            int npkLogLevel,
            int logDestination,
            long logBufferSize,
            int timerCpu,
            int consoleVm,
            int vuartReceiveBuffer,
            int vuartTransmitBuffer) {
        public static final int NO_VM = 65_535;
    }

    /// How vCPUs share a pCPU.
    public enum Scheduler {
        /// Not at all.
        SCHED_NOOP,
        SCHED_IORR,
        SCHED_BVT,
        SCHED_PRIO;

        public boolean shares() {
            return this != SCHED_NOOP;
        }
    }

    /// What the hypervisor does and offers.
    ///
    /// @param nestedVmx whether it can emulate VMX for a VM that has [GuestFlag#NVMX_ENABLED]
    /// @param splitLockDetection #AC for a locked access across cache lines
    /// @param ucLockDetection #GP for a locked access to uncacheable memory
    /// @param pageSizeMceWorkaround against the machine check when a code page changes its size
    public record Features(
            boolean relocatable,
            Scheduler scheduler,
            boolean multiboot2,
            boolean splitLockDetection,
            boolean ucLockDetection,
            boolean securityVmFixup,
            boolean keepIrqDisabled,
            boolean hyperV,
            boolean nestedVmx,
            boolean iommuEnforceSnoop,
            boolean parseAcpi,
            boolean flushL1d,
            boolean pageSizeMceWorkaround,
            boolean softwareSram,
            boolean performancePolicy,
            Rdt rdt) {}

    /// Resource director technology: cache and memory bandwidth for classes of service.
    public record Rdt(
            boolean enabled,
            boolean cdp,
            boolean vcat,
            List<Long> closMasks,
            List<Long> mbaDelays) {
        public Rdt {
            closMasks = List.copyOf(closMasks);
            mbaDelays = List.copyOf(mbaDelays);
        }
    }

    /// The hypervisor's own memory.
    public record Memory(
            long stackSize,
            OptionalLong start,
            OptionalLong size,
            long lowRamSize,
            long platformRamSize) {}

    /// Sizes of the hypervisor's tables.
    public record Capacities(
            int vms,
            int iommuBuses,
            int interruptRemappingEntries,
            int ioapics,
            int pciDevices,
            int ioapicLines,
            int passthroughIrqs,
            int msixEntries,
            int emulatedMmio) {}

    /// A region that VMs share (ivshmem).
    ///
    /// @param byDeviceModel whether the device model emulates it rather than the hypervisor
    public record SharedMemory(
            String name, boolean byDeviceModel, int megabytes, List<Sharer> sharers) {
        public SharedMemory {
            sharers = List.copyOf(sharers);
        }
    }

    /// A VM that has a region.
    ///
    /// @param vmId its id in the file, -1 if no VM has the name
    /// @param vm how the file calls it: an id or a name
    public record Sharer(int vmId, String vm, Optional<Bdf> address) {}

    /// A serial line between two VMs, as the new format has it. Its ends are [Vuart]s
    /// of the VMs too.
    public record Connection(String name, Vuart.Transport transport, List<Endpoint> endpoints) {
        public Connection {
            endpoints = List.copyOf(endpoints);
        }
    }

    /// One end of a connection.
    public record Endpoint(String vmName, OptionalLong port, Optional<Bdf> address) {}
}
