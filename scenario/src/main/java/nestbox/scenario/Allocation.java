package nestbox.scenario;

import nestbox.scenario.Hypervisor.SharedMemory;
import nestbox.scenario.Hypervisor.Sharer;
import nestbox.scenario.Vuart.Base;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.board.Board;
import nestbox.scenario.board.Board.SerialPort;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;

/// What a scenario leaves to the configuration tools: pCPUs, ports, interrupts, PCI addresses and
/// kernel command lines, worked out for a board. These are what a hypervisor starts VMs with.
public record Allocation(List<VmPlan> vms) {
    private static final int[] COM_PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    private static final int LAST_DEVICE = 0x1F;

    /// Device numbers that the tools keep free though nothing is there.
    private static final Map<String, Set<Integer>> RESERVED = Map.of("tgl-rvp", Set.of(1));

    /// A console on the port that the PCI vUART becomes in Linux, or a later one.
    private static final Pattern PCI_CONSOLE =
            Pattern.compile("(^|\\s)console=ttyS([4-9]|[1-9][0-9])\\b");

    /// The placeholders for a command line that the tools make up.
    private static final Set<String> PLACEHOLDERS =
            Set.of("SOS_VM_BOOTARGS", "SERVICE_VM_OS_BOOTARGS");

    /// The nth VM of a type has the nth identity, before v2.7.
    private static final Map<String, List<String>> UUIDS =
            Map.of(
                    "SERVICE/STANDARD", List.of("dbbbd434-7a57-4216-a12c-2201f1ab0240"),
                    "PRE_LAUNCHED/SAFETY", List.of("fc836901-8685-4bc0-8b71-6e31dc36fa47"),
                    "PRE_LAUNCHED/STANDARD",
                            List.of(
                                    "26c5e0d8-8f8a-47d8-8109-f201ebd61a5e",
                                    "dd87ce08-66f9-473d-bc58-7605837f935e"),
                    "PRE_LAUNCHED/REAL_TIME", List.of("b2a92bec-ca6b-11ea-b106-3716a8ba0bb9"),
                    "POST_LAUNCHED/STANDARD",
                            List.of(
                                    "d2795438-25d6-11e8-864e-cb7a18b34643",
                                    "615db82a-e189-4b4f-8dbb-d321343e4ab3",
                                    "38158821-5208-4005-b72a-8a609e4190d0",
                                    "a6750180-f87a-48d2-91d9-4e7f62b6519e",
                                    "d1816e4a-a9bb-4cb4-a066-3f1a8a5ce73f"),
                    "POST_LAUNCHED/REAL_TIME", List.of("495ae2e5-2603-4d64-af76-d4bc5a8ec0e5"),
                    "POST_LAUNCHED/KATA", List.of("a7ada506-1ab0-4b6b-a0da-e513ca9b8c2f"));

    public Allocation {
        vms = List.copyOf(vms);
    }

    /// What one VM gets.
    ///
    /// @param cpus the pCPU of each vCPU
    /// @param ports the vUARTs that are in use
    /// @param sharedMemory addresses of the shared regions' PCI functions, by region
    /// @param commandLine what the kernel is told, unless the boot loader says something else
    public record VmPlan(
            Vm vm,
            Optional<UUID> uuid,
            List<Integer> cpus,
            List<Port> ports,
            Map<String, Bdf> sharedMemory,
            String commandLine) {
        public VmPlan {
            cpus = List.copyOf(cpus);
            ports = List.copyOf(ports);
            sharedMemory = Map.copyOf(sharedMemory);
        }

        public Optional<Port> console() {
            return ports.stream().filter(port -> port.vuart().isConsole()).findFirst();
        }
    }

    /// A vUART with its place.
    ///
    /// @param ioPort of a legacy vUART, else 0
    /// @param irq of a legacy vUART, 0 for none
    /// @param address of a PCI vUART; the device model places those of post-launched VMs
    public record Port(Vuart vuart, int ioPort, int irq, Optional<Bdf> address) {}

    public static Allocation of(Scenario scenario, Board board) {
        Map<String, Integer> nth = new HashMap<>();
        List<VmPlan> plans = new ArrayList<>();
        for (Vm vm : scenario.vms()) {
            int number = nth.merge(vm.loadOrder() + "/" + vm.kind(), 1, Integer::sum);
            Addresses addresses = Addresses.of(scenario, vm, board);
            List<Port> ports = ports(scenario, vm, board, addresses);
            plans.add(
                    new VmPlan(
                            vm,
                            uuid(scenario, vm, number),
                            scenario.cpusOf(vm, board),
                            ports,
                            sharedMemory(scenario, vm, addresses),
                            commandLine(scenario, vm, board)));
        }
        return new Allocation(plans);
    }

    private static Optional<UUID> uuid(Scenario scenario, Vm vm, int number) {
        List<String> list = UUIDS.getOrDefault(vm.loadOrder() + "/" + vm.kind(), List.of());
        return scenario.edition() == Edition.V2_5 && number <= list.size()
                ? Optional.of(UUID.fromString(list.get(number - 1)))
                : Optional.empty();
    }

    /// PCI addresses of a VM's bus 0 that are still free.
    private record Addresses(Set<Integer> used, boolean allocate) {
        static Addresses of(Scenario scenario, Vm vm, Board board) {
            Set<Integer> used = new TreeSet<>(Set.of(0));
            if (vm.isService()) {
                used.addAll(board.devicesOfBusZero());
                used.addAll(RESERVED.getOrDefault(board.name(), Set.of()));
            } else {
                // Devices that are passed through come first, in their order.
                for (int i = 1; i <= vm.devices().pci().size(); i++) {
                    used.add(i);
                }
            }
            vm.vuarts().forEach(v -> v.address().ifPresent(a -> used.add(a.device())));
            for (SharedMemory region : scenario.hypervisor().sharedMemory()) {
                for (Sharer sharer : region.sharers()) {
                    if (sharer.vmId() == vm.id()) {
                        sharer.address().ifPresent(a -> used.add(a.device()));
                    }
                }
            }
            return new Addresses(used, !vm.isPostLaunched());
        }

        Optional<Bdf> next() {
            for (int device = 1; allocate && device <= LAST_DEVICE; device++) {
                if (used.add(device)) {
                    return Optional.of(new Bdf(0, device, 0));
                }
            }
            return Optional.empty();
        }
    }

    private static List<Port> ports(Scenario scenario, Vm vm, Board board, Addresses addresses) {
        List<SerialPort> usable = usablePorts(scenario, board);
        Set<Integer> irqs = new HashSet<>();
        List<Port> ports = new ArrayList<>();
        for (Vuart vuart : vm.vuarts()) {
            if (!vuart.enabled()) {
                continue;
            }
            if (vuart.transport() == Transport.PCI) {
                ports.add(new Port(vuart, 0, 0, vuart.address().or(addresses::next)));
                continue;
            }
            int port =
                    vuart.base().kind() == Base.Kind.BOARD
                            ? (int) usable.get(vuart.base().number() - 1).base()
                            : vuart.base().number();
            int irq = vuart.irq().number();
            if (vuart.irq().fromBoard()) {
                irq =
                        irq > 0
                                ? usable.get(irq - 1).irq()
                                : board.freeIrqs().stream()
                                        .filter(free -> !irqs.contains(free))
                                        .findFirst()
                                        .orElse(0);
            }
            irqs.add(irq);
            ports.add(new Port(vuart, port, irq, Optional.empty()));
        }
        return ports;
    }

    /// The ports that the Service VM's COM1 to COM4 stand for: the hypervisor's own console if that
    /// is an ordinary one, then those of a PC that the board doesn't use.
    private static List<SerialPort> usablePorts(Scenario scenario, Board board) {
        List<SerialPort> ports = new ArrayList<>();
        String console = scenario.hypervisor().debug().serialConsole();
        board.serialPort(console)
                .filter(port -> !console.isEmpty() && port.portIo() && port.irq() < 16)
                .ifPresent(ports::add);
        List<Integer> irqs = new ArrayList<>(board.freeIrqs());
        for (int com : COM_PORTS) {
            boolean used =
                    board.serialPorts().stream()
                            .anyMatch(port -> port.portIo() && port.base() == com);
            if (!used) {
                int irq = irqs.isEmpty() ? 0 : irqs.removeFirst();
                ports.add(new SerialPort("", true, com, irq, Optional.empty()));
            }
        }
        while (ports.size() < COM_PORTS.length) {
            int com = COM_PORTS[ports.size()];
            ports.add(new SerialPort("", true, com, 0, Optional.empty()));
        }
        return ports;
    }

    private static Map<String, Bdf> sharedMemory(Scenario scenario, Vm vm, Addresses addresses) {
        Map<String, Bdf> regions = new HashMap<>();
        for (SharedMemory region : scenario.hypervisor().sharedMemory()) {
            for (Sharer sharer : region.sharers()) {
                if (sharer.vmId() == vm.id() && !region.byDeviceModel()) {
                    sharer.address()
                            .or(addresses::next)
                            .ifPresent(address -> regions.put(region.name(), address));
                }
            }
        }
        return regions;
    }

    /// The command line that a VM's kernel gets from the scenario.
    ///
    /// Where the tools would name a console that the VM doesn't have, this names the one it
    /// has: the PCI vUART is the first serial port behind Linux's four legacy ones.
    public static String commandLine(Scenario scenario, Vm vm, Board board) {
        String written = vm.os().bootArguments();
        if (!PLACEHOLDERS.contains(written)) {
            return written;
        }
        StringBuilder line = new StringBuilder();
        if (!vm.os().rootDevice().isEmpty()) {
            line.append("root=").append(vm.os().rootDevice()).append(' ');
        }
        boolean pci = vm.vuart(0).filter(v -> v.transport() == Transport.PCI).isPresent();
        String serial = scenario.hypervisor().debug().serialConsole();
        int tty = serial.lastIndexOf("ttyS");
        if (pci) {
            line.append(namesPciConsole(vm.os().boardArguments()) ? "" : "console=ttyS4 ");
        } else if (tty >= 0) {
            line.append("console=").append(serial.substring(tty)).append(' ');
        }
        if (scenario.sharesCpus()) {
            line.append("idle=halt ");
        }
        line.append(vm.os().boardArguments().strip());
        if (!vm.cpus().affinity().isEmpty()) {
            line.append(" maxcpus=").append(vm.cpus().affinity().size());
        }
        long kilobytes = board.memoryKilobytes();
        long bytes = kilobytes > 0 ? kilobytes << 10 : board.ramBytes();
        long gigabytes = Math.round(bytes / (double) (1L << 30)) - 3;
        if (board.processor().capabilities().contains("gbyte_pages") && gigabytes > 0) {
            line.append(" hugepagesz=1G hugepages=").append(gigabytes);
        }
        return line.toString().strip();
    }

    /// Whether a command line has a console that can be the PCI vUART.
    public static boolean namesPciConsole(String commandLine) {
        return PCI_CONSOLE.matcher(commandLine).find();
    }

    /// Whether a VM's boot arguments are a placeholder for what the tools make up.
    public static boolean isPlaceholder(String bootArguments) {
        return PLACEHOLDERS.contains(bootArguments);
    }
}
