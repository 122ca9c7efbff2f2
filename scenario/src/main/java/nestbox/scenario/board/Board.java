package nestbox.scenario.board;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/// What a board file says about a machine, because rules and allocations need to know the machine.
///
/// A file may leave out much of it. What is not known is empty, and rules don't guess.
///
/// @param memory the ranges of RAM
/// @param softwareSram where the part of the last-level cache is that can be used as memory
/// @param memoryKilobytes of RAM in all, 0 if not known
/// @param freeIrqs interrupts below 16 that no device of the board has
/// @param blockDevices that have a root file system
public record Board(
        String name,
        Firmware firmware,
        Processor processor,
        List<Cpu> cpus,
        List<Cache> caches,
        Rdt rdt,
        long memoryKilobytes,
        List<Range> memory,
        Optional<Range> softwareSram,
        List<SerialPort> serialPorts,
        List<Integer> freeIrqs,
        List<PciFunction> pci,
        List<String> blockDevices,
        OptionalLong mmconfig,
        List<Long> ioapics,
        Power power,
        boolean tpm2) {
    public Board {
        cpus = List.copyOf(cpus);
        caches = List.copyOf(caches);
        memory = List.copyOf(memory);
        serialPorts = List.copyOf(serialPorts);
        freeIrqs = List.copyOf(freeIrqs);
        pci = List.copyOf(pci);
        blockDevices = List.copyOf(blockDevices);
        ioapics = List.copyOf(ioapics);
    }

    /// BIOS and base board, as SMBIOS has them.
    public record Firmware(
            String biosVendor,
            String biosVersion,
            String biosDate,
            String biosRevision,
            String boardManufacturer,
            String boardProduct,
            String boardVersion) {}

    /// The processor package.
    ///
    /// @param model family 6 model number such as 0x8E, if known
    /// @param capabilities such as vmx and x2apic; none if not known
    public record Processor(
            String brand, OptionalInt family, OptionalInt model, Set<String> capabilities) {
        public Processor {
            capabilities = Set.copyOf(capabilities);
        }

        /// Whether the processor is known not to have something.
        public boolean lacks(String capability) {
            return !capabilities.isEmpty() && !capabilities.contains(capability);
        }
    }

    /// A logical processor.
    ///
    /// @param coreType such as Core or Atom, empty if not known
    public record Cpu(int id, int apicId, String coreType) {}

    /// A cache, and how it can be divided.
    ///
    /// @param type 1 data, 2 instructions, 3 both
    /// @param closCount classes of service, 0 if it can't be divided
    public record Cache(
            int level, int type, long size, int ways, int closCount, int maskLength, boolean cdp) {}

    /// What the board says in words about resource director technology.
    ///
    /// @param resources such as L2, L3 and MBA
    /// @param closMax classes of service of each resource
    /// @param maskMax the widest mask that all caches have, 0 if there is none
    public record Rdt(List<String> resources, List<Integer> closMax, long maskMax) {
        public Rdt {
            resources = List.copyOf(resources);
            closMax = List.copyOf(closMax);
        }
    }

    /// Addresses from start to last.
    public record Range(long start, long last) {
        public boolean contains(long first, long end) {
            return Long.compareUnsigned(first, start) >= 0
                    && Long.compareUnsigned(end - 1, last) <= 0;
        }
    }

    /// A UART of the board.
    ///
    /// @param name such as ttyS0
    /// @param base I/O port or memory address
    public record SerialPort(
            String name, boolean portIo, long base, int irq, Optional<Bdf> address) {}

    /// A PCI function of the board.
    public record PciFunction(Bdf address, int classCode, int vendor, int device, int revision) {}

    /// The registers that reset and put the board to sleep.
    public record Power(
            OptionalLong resetRegister,
            OptionalInt resetValue,
            OptionalLong pm1aEvent,
            OptionalLong pm1aControl,
            OptionalInt s3Type,
            OptionalInt s5Type,
            OptionalLong wakeVector32) {}

    /// The same board with other memory modules.
    public Board withMemory(long kilobytes) {
        return new Board(
                name,
                firmware,
                processor,
                cpus,
                caches,
                rdt,
                kilobytes,
                memory,
                softwareSram,
                serialPorts,
                freeIrqs,
                pci,
                blockDevices,
                mmconfig,
                ioapics,
                power,
                tpm2);
    }

    /// Whether anything is known about the processors.
    public boolean knowsCpus() {
        return !cpus.isEmpty();
    }

    public List<Integer> cpuIds() {
        return cpus.stream().map(Cpu::id).sorted().toList();
    }

    public Optional<Cpu> cpu(int id) {
        return cpus.stream().filter(cpu -> cpu.id() == id).findFirst();
    }

    /// A port by a name that ends in its own, such as /dev/ttyS0.
    public Optional<SerialPort> serialPort(String device) {
        return serialPorts.stream().filter(port -> device.endsWith(port.name())).findFirst();
    }

    public boolean hasPci(Bdf address) {
        return pci.stream().anyMatch(function -> function.address().equals(address));
    }

    /// Classes of service that the scenario can use, 0 if the board has none.
    ///
    /// @param cdp whether each class of a cache has one mask for code and one for data, so that
    ///     there are half as many classes
    public int closMax(boolean cdp) {
        int least = Integer.MAX_VALUE;
        for (int i = 0; i < rdt.closMax().size(); i++) {
            boolean bandwidth = i < rdt.resources().size() && rdt.resources().get(i).equals("MBA");
            int classes = rdt.closMax().get(i);
            least = Math.min(least, cdp && !bandwidth ? classes / 2 : classes);
        }
        if (rdt.closMax().isEmpty()) {
            for (Cache cache : caches) {
                if (cache.closCount() > 0) {
                    least = Math.min(least, cdp ? cache.closCount() / 2 : cache.closCount());
                }
            }
        }
        return least == Integer.MAX_VALUE ? 0 : least;
    }

    /// The widest cache mask, 0 if the board has none.
    public long maskMax() {
        return rdt.maskMax() > 0
                ? rdt.maskMax()
                : caches.stream()
                        .filter(cache -> cache.closCount() > 0)
                        .mapToLong(cache -> (1L << cache.maskLength()) - 1)
                        .min()
                        .orElse(0);
    }

    /// RAM in bytes, 0 if not known.
    public long ramBytes() {
        long ranges = memory.stream().mapToLong(range -> range.last() - range.start() + 1).sum();
        return ranges > 0 ? ranges : memoryKilobytes << 10;
    }

    /// The device numbers of bus 0 that the board uses.
    public Set<Integer> devicesOfBusZero() {
        Stream<Bdf> addresses = pci.stream().map(PciFunction::address);
        return new TreeSet<>(addresses.filter(a -> a.bus() == 0).map(Bdf::device).toList());
    }
}
