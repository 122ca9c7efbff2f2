package nestbox.scenario;

import nestbox.scenario.Hypervisor.Debug;
import nestbox.scenario.Hypervisor.Features;
import nestbox.scenario.Hypervisor.SharedMemory;
import nestbox.scenario.Hypervisor.Sharer;
import nestbox.scenario.Vuart.Base;
import nestbox.scenario.Vuart.Target;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.board.Board;
import nestbox.scenario.xml.XmlWriter;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// Writes a scenario in the v3.x format.
///
/// The project's own upgrader makes a second Service VM of a Kata VM, takes the flag of a security
/// VM for that of a secure world, and drops a PCI console. This keeps what the scenario says.
public final class Converter {
    private static final int LONGEST_NAME = 15;
    private static final int FIRST_VUART_DEVICE = 0x10;
    private static final int FIRST_REGION_DEVICE = 0x08;
    private static final int LAST_DEVICE = 0x1E;
    private static final int[] COM_PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};

    private final Scenario scenario;
    private final Board board;
    private final XmlWriter xml = new XmlWriter();
    private final Set<String> notes = new TreeSet<>();
    private final Map<Integer, String> names = new HashMap<>();
    private final Map<Integer, Set<Integer>> devices = new HashMap<>();

    private Converter(Scenario scenario, Board board) {
        this.scenario = scenario;
        this.board = board;
        names();
    }

    /// @param board for what the old format leaves to the tools: kernel command lines and ports
    public static Conversion toV3(Scenario scenario, Board board) {
        Converter converter = new Converter(scenario, board);
        converter.root();
        return new Conversion(converter.xml.toString(), List.copyOf(converter.notes));
    }

    /// Names of at most 15 letters, digits, _ and -, no two alike.
    private void names() {
        Set<String> used = new HashSet<>();
        for (Vm vm : scenario.vms()) {
            String plain = vm.name().replaceAll("[^A-Za-z0-9_-]", "_");
            String name = plain.substring(0, Math.min(plain.length(), LONGEST_NAME));
            for (int n = 2; name.isEmpty() || used.contains(name); n++) {
                String tail = "_" + n;
                int room = Math.min(plain.length(), LONGEST_NAME - tail.length());
                name = plain.substring(0, room) + tail;
            }
            used.add(name);
            names.put(vm.index(), name);
            if (!name.equals(vm.name())) {
                notes.add("VM \"%s\" is now called \"%s\".".formatted(vm.name(), name));
            }
        }
    }

    private void root() {
        String attributes = "";
        if (!scenario.board().isEmpty()) {
            notes.add("The file no longer says that it is for board " + scenario.board() + ".");
        }
        xml.group(
                "acrn-config",
                attributes,
                () -> {
                    xml.group("hv", this::hypervisor);
                    scenario.vms().forEach(this::vm);
                });
    }

    private void hypervisor() {
        Hypervisor hv = scenario.hypervisor();
        xml.item("BUILD_TYPE", hv.debug().release() ? "release" : "debug");
        xml.group("DEBUG_OPTIONS", () -> debug(hv.debug()));
        xml.group("FEATURES", () -> features(hv.features()));
        xml.group(
                "MEMORY",
                () -> {
                    xml.hex("STACK_SIZE", hv.memory().stackSize());
                    hv.memory().start().ifPresent(start -> xml.hex("HV_RAM_START", start));
                });
        xml.group("CAPACITIES", () -> capacities(hv.capacities()));
        if (hv.hiddenDevices().size() > 0) {
            xml.group(
                    "HIDDEN_PDEV_REGION",
                    () -> hv.hiddenDevices().forEach(device -> xml.item("HIDDEN_PDEV", device)));
        }
        connections();
        if (scenario.edition() != Edition.V3) {
            if (hv.memory().size().isPresent()) {
                notes.add("HV_RAM_SIZE is gone; the tools work it out.");
            }
            if (hv.features().rdt().enabled() && !hv.features().rdt().closMasks().isEmpty()) {
                notes.add("CLOS_MASK, MBA_DELAY and vcpu_clos are gone; write hv/CACHE_REGION.");
            }
            if (hv.debug().logDestination() != 7) {
                notes.add("LOG_DESTINATION is gone; every log has a level of its own.");
            }
        }
    }

    private void debug(Debug debug) {
        xml.item("SERIAL_CONSOLE", debug.serialConsole().isEmpty() ? "None" : serialName(debug));
        xml.item("MEM_LOGLEVEL", level(debug.memoryLogLevel()));
        xml.item("NPK_LOGLEVEL", level(debug.npkLogLevel()));
        xml.item("CONSOLE_LOGLEVEL", level(debug.consoleLogLevel()));
        if (scenario.edition() == Edition.V3) {
            xml.item("VUART_TIMER_PCPU", debug.timerCpu());
            xml.item("CONSOLE_VM", debug.consoleVm());
            xml.item("VUART_RX_BUF_SIZE", debug.vuartReceiveBuffer());
            xml.item("VUART_TX_BUF_SIZE", debug.vuartTransmitBuffer());
        }
        if (!debug.release() && debug.serialConsole().isEmpty()) {
            notes.add("A debug build without a serial console is an error in v3.x.");
        }
    }

    /// The old format also takes whole lines of a board file for the port.
    private static String serialName(Debug debug) {
        String serial = debug.serialConsole();
        return "/dev/" + serial.substring(Math.max(0, serial.lastIndexOf("ttyS")));
    }

    /// The old levels are FATAL, ACRN, ERROR, WARNING, INFO and DEBUG from 1 on; the new ones lack
    /// ACRN.
    private int level(int old) {
        return scenario.edition() == Edition.V3 || old < 2
                ? Math.min(old, 5)
                : Math.min(old, 6) - 1;
    }

    private void features(Features f) {
        xml.item("RELOC_ENABLED", f.relocatable());
        xml.item("SCHEDULER", f.scheduler());
        xml.item("MULTIBOOT2_ENABLED", f.multiboot2());
        xml.item("SPLIT_LOCK_DETECTION_ENABLED", f.splitLockDetection());
        xml.item("UC_LOCK_DETECTION_ENABLED", f.ucLockDetection());
        xml.item("SECURITY_VM_FIXUP", f.securityVmFixup());
        xml.item("KEEP_IRQ_DISABLED", f.keepIrqDisabled());
        xml.group(
                "RDT",
                () -> {
                    xml.item("RDT_ENABLED", f.rdt().enabled());
                    xml.item("CDP_ENABLED", f.rdt().cdp());
                    xml.item("VCAT_ENABLED", f.rdt().vcat());
                });
        xml.item("HYPERV_ENABLED", f.hyperV());
        xml.item("IOMMU_ENFORCE_SNP", f.iommuEnforceSnoop());
        xml.item("ACPI_PARSE_ENABLED", f.parseAcpi());
        xml.item("L1D_VMENTRY_ENABLED", f.flushL1d());
        xml.item("MCE_ON_PSC_ENABLED", f.pageSizeMceWorkaround());
        xml.group("IVSHMEM", () -> scenario.hypervisor().sharedMemory().forEach(this::region));
        xml.group("SSRAM", () -> xml.item("SSRAM_ENABLED", f.softwareSram()));
        xml.item("CPU_PERFORMANCE_POLICY", f.performancePolicy() ? "Performance" : "Nominal");
        if (f.nestedVmx() && scenario.nestedVms().findAny().isEmpty()) {
            notes.add("NVMX_ENABLED is gone, and no VM uses nested virtualization.");
        }
    }

    private void region(SharedMemory region) {
        String name = region.name().replaceAll("\\W", "_");
        String shortened = name.substring(0, Math.min(name.length(), 27));
        if (!shortened.equals(region.name())) {
            notes.add(
                    "The shared region \"%s\" is now called \"%s\"."
                            .formatted(region.name(), shortened));
        }
        List<Sharer> sharers =
                region.sharers().stream().filter(s -> scenario.vm(s.vmId()).isPresent()).toList();
        if (sharers.isEmpty()) {
            notes.add("The shared region \"%s\" belongs to no VM and is left out.".formatted(name));
            return;
        }
        xml.group(
                "IVSHMEM_REGION",
                () -> {
                    xml.item("NAME", shortened);
                    xml.item("PROVIDED_BY", region.byDeviceModel() ? "Device Model" : "Hypervisor");
                    xml.item("IVSHMEM_SIZE", region.megabytes());
                    xml.group(
                            "IVSHMEM_VMS",
                            () -> {
                                for (Sharer sharer : sharers) {
                                    Vm vm = scenario.vm(sharer.vmId()).orElseThrow();
                                    xml.group(
                                            "IVSHMEM_VM",
                                            () -> {
                                                xml.item("VM_NAME", names.get(vm.index()));
                                                xml.item(
                                                        "VBDF",
                                                        sharer.address()
                                                                .orElseGet(
                                                                        () ->
                                                                                free(
                                                                                        vm,
                                                                                        FIRST_REGION_DEVICE)));
                                            });
                                }
                            });
                });
    }

    /// The first address of a VM's bus 0 from a device on that nothing has.
    private Bdf free(Vm vm, int first) {
        Set<Integer> used = devices.computeIfAbsent(vm.index(), i -> taken(vm));
        for (int device = first; device <= LAST_DEVICE; device++) {
            if (used.add(device)) {
                return new Bdf(0, device, 0);
            }
        }
        for (int device = 3; device < first; device++) {
            if (used.add(device)) {
                return new Bdf(0, device, 0);
            }
        }
        notes.add("VM \"%s\" has no room for all its PCI functions.".formatted(vm.name()));
        return new Bdf(0, LAST_DEVICE, 0);
    }

    private Set<Integer> taken(Vm vm) {
        Set<Integer> used = new TreeSet<>();
        if (vm.isService()) {
            used.addAll(board.devicesOfBusZero());
        }
        vm.vuarts().forEach(v -> v.address().ifPresent(a -> used.add(a.device())));
        for (SharedMemory region : scenario.hypervisor().sharedMemory()) {
            region.sharers().stream()
                    .filter(sharer -> sharer.vmId() == vm.id())
                    .forEach(sharer -> sharer.address().ifPresent(a -> used.add(a.device())));
        }
        return used;
    }

    private void capacities(Hypervisor.Capacities c) {
        xml.item("MAX_VM_NUM", c.vms());
        xml.item("MAX_IOAPIC_NUM", c.ioapics());
        xml.item("MAX_PCI_DEV_NUM", c.pciDevices());
        xml.item("MAX_IOAPIC_LINES", c.ioapicLines());
        xml.item("MAX_PT_IRQ_ENTRIES", Math.max(1, c.passthroughIrqs()));
        xml.item("MAX_MSIX_TABLE_NUM", c.msixEntries());
        xml.item("MAX_EMULATED_MMIO", c.emulatedMmio());
    }

    /// A communication port and the VM it is in.
    private record End(Vm vm, Vuart vuart) {}

    private void connections() {
        Map<End, End> pairs = new LinkedHashMap<>();
        Set<End> seen = new HashSet<>();
        for (Vm vm : scenario.vms()) {
            for (Vuart vuart : vm.vuarts()) {
                End here = new End(vm, vuart);
                if (!vuart.enabled() || vuart.isConsole() || seen.contains(here)) {
                    continue;
                }
                Optional<End> there = other(here).filter(end -> !seen.contains(end));
                if (there.isPresent() && there.get().vm() != vm) {
                    seen.add(here);
                    seen.add(there.get());
                    pairs.put(here, there.get());
                } else {
                    notes.add(
                            "vUART %d of VM \"%s\" leads nowhere and is left out."
                                    .formatted(vuart.index(), vm.name()));
                }
            }
        }
        if (!pairs.isEmpty()) {
            xml.group("vuart_connections", () -> pairs.forEach(this::connection));
        }
    }

    private Optional<End> other(End end) {
        Optional<Target> target = end.vuart().target();
        Optional<Vm> vm = target.flatMap(t -> scenario.vm(t.vmId()));
        return vm.flatMap(
                there ->
                        there.vuarts().stream()
                                .filter(v -> v.enabled() && !v.isConsole())
                                .filter(v -> v.transport() == end.vuart().transport())
                                .filter(v -> v.index() == target.orElseThrow().index())
                                .map(v -> new End(there, v))
                                .findFirst());
    }

    private void connection(End one, End two) {
        boolean legacy = one.vuart().transport() == Transport.LEGACY;
        xml.group(
                "vuart_connection",
                () -> {
                    xml.item(
                            "name",
                            "%s_to_%s_%d"
                                    .formatted(
                                            names.get(one.vm().index()),
                                            names.get(two.vm().index()),
                                            one.vuart().index()));
                    xml.item("type", legacy ? "legacy" : "pci");
                    for (End end : List.of(one, two)) {
                        xml.group("endpoint", () -> endpoint(end, legacy));
                    }
                });
    }

    private void endpoint(End end, boolean legacy) {
        xml.item("vm_name", names.get(end.vm().index()));
        if (legacy) {
            xml.hex("io_port", port(end));
        } else {
            xml.item(
                    "vbdf",
                    end.vuart().address().orElseGet(() -> free(end.vm(), FIRST_VUART_DEVICE)));
        }
    }

    private int port(End end) {
        return Allocation.of(scenario, board).vms().get(end.vm().index()).ports().stream()
                .filter(port -> port.vuart() == end.vuart())
                .mapToInt(Allocation.Port::ioPort)
                .findFirst()
                .orElse(0);
    }

    private void vm(Vm vm) {
        xml.group(
                "vm",
                "id=\"" + vm.id() + "\"",
                () -> {
                    identity(vm);
                    processors(vm);
                    memory(vm);
                    if (vm.os().given() && !vm.isPostLaunched()) {
                        xml.group("os_config", () -> os(vm));
                    }
                    devices(vm);
                });
    }

    private void identity(Vm vm) {
        xml.item(
                "load_order",
                switch (vm.loadOrder()) {
                    case PRE_LAUNCHED -> "PRE_LAUNCHED_VM";
                    case SERVICE -> "SERVICE_VM";
                    case POST_LAUNCHED -> "POST_LAUNCHED_VM";
                });
        xml.item(
                "vm_type",
                switch (vm.kind()) {
                    case REAL_TIME -> "RTVM";
                    case TEE -> "TEE_VM";
                    case REE -> "REE_VM";
                    case STANDARD, SAFETY, KATA -> "STANDARD_VM";
                });
        if (vm.kind() == VmKind.SAFETY || vm.kind() == VmKind.KATA) {
            notes.add(
                    "VM \"%s\" is now a standard VM, as v3.x has no %s VMs."
                            .formatted(vm.name(), vm.kind() == VmKind.KATA ? "Kata" : "safety"));
        }
        xml.item("name", names.get(vm.index()));
        flag(vm, GuestFlag.LAPIC_PASSTHROUGH, "lapic_passthrough");
        flag(vm, GuestFlag.NVMX_ENABLED, "nested_virtualization_support");
        flag(vm, GuestFlag.IO_COMPLETION_POLLING, "io_completion_polling");
        flag(vm, GuestFlag.HIDE_MTRR, "hide_mtrr_support");
        flag(vm, GuestFlag.SECURE_WORLD_ENABLED, "secure_world_support");
        flag(vm, GuestFlag.SECURITY_VM, "security_vm");
        flag(vm, GuestFlag.VCAT_ENABLED, "virtual_cat_support");
        if (vm.has(GuestFlag.RT) && vm.kind() != VmKind.REAL_TIME) {
            notes.add(
                    "VM \"%s\" has GUEST_FLAG_RT, but is no real-time VM; in v3.x the type decides."
                            .formatted(vm.name()));
        }
    }

    private void flag(Vm vm, GuestFlag flag, String name) {
        if (vm.has(flag)) {
            xml.item(name, true);
        }
    }

    private void processors(Vm vm) {
        if (!vm.cpus().affinity().isEmpty()) {
            xml.group(
                    "cpu_affinity",
                    () -> {
                        for (int cpu : vm.cpus().affinity()) {
                            xml.group(
                                    "pcpu",
                                    () -> {
                                        xml.item("pcpu_id", cpu);
                                        xml.item(
                                                "real_time_vcpu",
                                                vm.cpus().realTime().contains(cpu));
                                    });
                        }
                    });
        }
        if (vm.cpus().exclusive()) {
            xml.item("own_pcpu", true);
        }
        xml.item("priority", vm.cpus().highPriority() ? "PRIO_HIGH" : "PRIO_LOW");
        if (vm.cpus().companion() != Debug.NO_VM) {
            xml.item("companion_vmid", vm.cpus().companion());
        }
    }

    private void memory(Vm vm) {
        Vm.Memory memory = vm.memory();
        if (!vm.isService()) {
            xml.group(
                    "memory",
                    () -> {
                        long inRegions =
                                vm.isPreLaunched()
                                        ? memory.regions().stream().mapToLong(Vm.Region::size).sum()
                                        : 0;
                        xml.item("size", megabytes(Math.max(0, memory.size() - inRegions)));
                        if (inRegions != 0) {
                            for (Vm.Region region : memory.regions()) {
                                xml.group(
                                        "hpa_region",
                                        () -> {
                                            xml.hex("start_hpa", region.start());
                                            xml.item("size_hpa", megabytes(region.size()));
                                        });
                            }
                        }
                    });
        }
        if (memory.epcSize() != 0) {
            xml.group(
                    "epc_section",
                    () -> {
                        xml.hex("base", memory.epcBase());
                        xml.hex("size", memory.epcSize());
                    });
        }
    }

    private static long megabytes(long bytes) {
        return Math.min((bytes >>> 20) + (bytes % (1 << 20) == 0 ? 0 : 1), 1L << 32);
    }

    private void os(Vm vm) {
        Vm.Os os = vm.os();
        xml.item(
                "kern_type",
                switch (os.kernelType()) {
                    case BZIMAGE -> "KERNEL_BZIMAGE";
                    case RAWIMAGE -> "KERNEL_RAWIMAGE";
                    case ELF -> "KERNEL_ELF";
                });
        if (!os.kernelModule().isEmpty()) {
            String module = os.kernelModule().replaceAll("\\s+", "_");
            xml.item("kern_mod", module.substring(0, Math.min(module.length(), 32)));
        }
        xml.item("ramdisk_mod", os.ramdiskModule());
        xml.item("bootargs", Allocation.commandLine(scenario, vm, board));
        os.loadAddress().ifPresent(address -> xml.hex("kern_load_addr", address));
        os.entryAddress().ifPresent(address -> xml.hex("kern_entry_addr", address));
    }

    private void devices(Vm vm) {
        xml.item("console_vuart", console(vm));
        Vm.Devices d = vm.devices();
        if (!d.pci().isEmpty()) {
            xml.group(
                    "pci_devs",
                    () -> d.pci().forEach(device -> xml.item("pci_dev", device.description())));
        }
        if (!d.intx().isEmpty()) {
            List<String> pins = new ArrayList<>();
            d.intx().forEach(p -> pins.add("(%d, %d)".formatted(p.physicalGsi(), p.virtualGsi())));
            xml.item("pt_intx", String.join(", ", pins));
        }
        if (d.tpm2() || d.p2sb()) {
            xml.group(
                    "mmio_resources",
                    () -> {
                        xml.item("TPM2", d.tpm2());
                        xml.item("p2sb", d.p2sb());
                    });
        }
        xml.item("PTM", d.ptm());
    }

    private String console(Vm vm) {
        Optional<Vuart> console = vm.vuart(0);
        if (console.isEmpty()) {
            return "None";
        }
        if (console.get().transport() == Transport.PCI) {
            return "PCI";
        }
        Base base = console.get().base();
        for (int com = 1; com <= COM_PORTS.length; com++) {
            boolean here =
                    base.kind() == Base.Kind.BOARD
                            ? base.number() == com
                            : base.number() == COM_PORTS[com - 1];
            if (here) {
                return "COM Port " + com;
            }
        }
        return "COM Port 1";
    }
}
