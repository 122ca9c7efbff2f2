package nestbox.scenario.format;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Hypervisor;
import nestbox.scenario.Hypervisor.Capacities;
import nestbox.scenario.Hypervisor.Connection;
import nestbox.scenario.Hypervisor.Debug;
import nestbox.scenario.Hypervisor.Endpoint;
import nestbox.scenario.Hypervisor.Features;
import nestbox.scenario.Hypervisor.Rdt;
import nestbox.scenario.Hypervisor.Scheduler;
import nestbox.scenario.Hypervisor.SharedMemory;
import nestbox.scenario.Hypervisor.Sharer;
import nestbox.scenario.LoadOrder;
import nestbox.scenario.Locations;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.VmKind;
import nestbox.scenario.Vuart;
import nestbox.scenario.Vuart.Base;
import nestbox.scenario.Vuart.Irq;
import nestbox.scenario.Vuart.Target;
import nestbox.scenario.Vuart.Transport;
import nestbox.scenario.board.Bdf;
import nestbox.scenario.schema.Value;
import nestbox.scenario.xml.Element;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// Makes records of a v3.x file.
public final class V3Reader {
    /// The elements that stand for a guest flag.
    static final Map<GuestFlag, String> FLAGS =
            Map.of(
                    GuestFlag.SECURE_WORLD_ENABLED, "secure_world_support",
                    GuestFlag.LAPIC_PASSTHROUGH, "lapic_passthrough",
                    GuestFlag.IO_COMPLETION_POLLING, "io_completion_polling",
                    GuestFlag.HIDE_MTRR, "hide_mtrr_support",
                    GuestFlag.NVMX_ENABLED, "nested_virtualization_support",
                    GuestFlag.SECURITY_VM, "security_vm",
                    GuestFlag.VCAT_ENABLED, "virtual_cat_support");

    private static final String DEFAULT_BOOT_ARGUMENTS =
            "rw rootwait root=/dev/nvme0n1p2 console=tty0 console=ttyS0 consoleblank=0"
                    + " no_timer_check quiet loglevel=3 i915.nuclear_pageflip=1 swiotlb=131072";

    /// These stand in different groups in different releases.
    private static final List<String> VUART_GROUPS =
            List.of("DEBUG_OPTIONS", "CAPACITIES", "MISC_CFG");

    private final Locations.Builder where = new Locations.Builder();
    private final Reading root;

    private V3Reader(Element element) {
        root = new Reading(List.of(element), "", where);
    }

    public static Scenario read(Element root, String file) {
        return new V3Reader(root)
                .scenario(
                        root.attribute("board").map(Element.Attribute::value).orElse(""),
                        root.attribute("scenario").map(Element.Attribute::value).orElse(""),
                        file);
    }

    private Scenario scenario(String board, String name, String file) {
        Reading hv = root.group("hv", "hv");
        List<Reading> elements = root.all("vm", "vm").stream().limit(Reading.MOST_VMS).toList();
        Map<String, Integer> ids = new HashMap<>();
        List<String> names = new ArrayList<>();
        for (Reading vm : elements) {
            String vmName = vm.text("name", "name", "ACRN VM_" + names.size());
            ids.putIfAbsent(vmName, vm.attribute("id", names.size()));
            names.add(vmName);
        }
        List<Connection> connections = connections(hv.group("vuart_connections", "connections"));
        List<List<Vuart>> vuarts = new ArrayList<>();
        for (Reading vm : elements) {
            vuarts.add(new ArrayList<>(console(vm)));
        }
        connect(connections, names, ids, vuarts);
        List<Vm> vms = new ArrayList<>();
        for (Reading vm : elements) {
            vms.add(vm(vms.size(), vm, names.get(vms.size()), vuarts.get(vms.size())));
        }
        boolean nested = vms.stream().anyMatch(Vm::nested);
        Hypervisor hypervisor =
                new Hypervisor(
                        debug(hv),
                        features(hv.group("FEATURES", "features"), nested),
                        memory(hv.group("MEMORY", "memory")),
                        capacities(hv.group("CAPACITIES", "capacities")),
                        sharedMemory(hv.group("FEATURES", "features"), ids),
                        connections,
                        hv
                                .group("HIDDEN_PDEV_REGION", "hidden")
                                .all("HIDDEN_PDEV", "device")
                                .stream()
                                .flatMap(device -> Bdf.at(device.value()).stream())
                                .toList());
        return new Scenario(Edition.V3, board, name, hypervisor, vms, Map.of(), where.build(file));
    }

    private static Debug debug(Reading hv) {
        Reading d = hv.group("DEBUG_OPTIONS", "debug");
        String serial = d.text("SERIAL_CONSOLE", "serialConsole", "None");
        return new Debug(
                hv.text("BUILD_TYPE", "debug/release", "debug").equals("release"),
                serial.equals("None") ? "" : serial,
                d.number("CONSOLE_LOGLEVEL", "consoleLogLevel", 5),
                d.number("MEM_LOGLEVEL", "memoryLogLevel", 5),
                d.number("NPK_LOGLEVEL", "npkLogLevel", 5),
                7,
                0x40000,
                vuartNumber(hv, "VUART_TIMER_PCPU", "timerCpu", 0),
                vuartNumber(hv, "CONSOLE_VM", "consoleVm", Debug.NO_VM),
                vuartNumber(hv, "VUART_RX_BUF_SIZE", "vuartReceiveBuffer", 256),
                vuartNumber(hv, "VUART_TX_BUF_SIZE", "vuartTransmitBuffer", 8192));
    }

    private static int vuartNumber(Reading hv, String name, String part, int otherwise) {
        for (String group : VUART_GROUPS) {
            if (hv.has(group + "/" + name)) {
                return hv.number(group + "/" + name, "debug/" + part, otherwise);
            }
        }
        return otherwise;
    }

    private static Features features(Reading f, boolean nested) {
        Reading rdt = f.group("RDT", "rdt");
        Scheduler scheduler =
                switch (f.text("SCHEDULER", "scheduler", "")) {
                    case "SCHED_NOOP" -> Scheduler.SCHED_NOOP;
                    case "SCHED_IORR" -> Scheduler.SCHED_IORR;
                    case "SCHED_PRIO" -> Scheduler.SCHED_PRIO;
                    default -> Scheduler.SCHED_BVT;
                };
        return new Features(
                f.yes("RELOC_ENABLED", "relocatable", true),
                scheduler,
                f.yes("MULTIBOOT2_ENABLED", "multiboot2", true),
                f.yes("SPLIT_LOCK_DETECTION_ENABLED", "splitLockDetection", false),
                f.yes("UC_LOCK_DETECTION_ENABLED", "ucLockDetection", false),
                f.yes("SECURITY_VM_FIXUP", "securityVmFixup", false),
                f.yes("KEEP_IRQ_DISABLED", "keepIrqDisabled", false),
                f.yes("HYPERV_ENABLED", "hyperV", true),
                nested,
                f.yes("IOMMU_ENFORCE_SNP", "iommuEnforceSnoop", false),
                f.yes("ACPI_PARSE_ENABLED", "parseAcpi", true),
                f.yes("L1D_VMENTRY_ENABLED", "flushL1d", false),
                f.yes("MCE_ON_PSC_ENABLED", "pageSizeMceWorkaround", true),
                f.yes("SSRAM/SSRAM_ENABLED", "softwareSram", false),
                !f.text("CPU_PERFORMANCE_POLICY", "performancePolicy", "").equals("Nominal"),
                new Rdt(
                        rdt.yes("RDT_ENABLED", "enabled", false),
                        rdt.yes("CDP_ENABLED", "cdp", false),
                        rdt.yes("VCAT_ENABLED", "vcat", false),
                        List.of(),
                        List.of()));
    }

    private static Hypervisor.Memory memory(Reading m) {
        return new Hypervisor.Memory(
                m.hex("STACK_SIZE", "stackSize", 0x2000),
                m.address("HV_RAM_START", "start"),
                OptionalLong.empty(),
                0x10000,
                0);
    }

    private static Capacities capacities(Reading c) {
        return new Capacities(
                c.number("MAX_VM_NUM", "vms", 16),
                0x100,
                256,
                c.number("MAX_IOAPIC_NUM", "ioapics", 1),
                c.number("MAX_PCI_DEV_NUM", "pciDevices", 96),
                c.number("MAX_IOAPIC_LINES", "ioapicLines", 120),
                c.number("MAX_PT_IRQ_ENTRIES", "passthroughIrqs", 256),
                c.number("MAX_MSIX_TABLE_NUM", "msixEntries", 64),
                c.number("MAX_EMULATED_MMIO", "emulatedMmio", 16));
    }

    private static List<SharedMemory> sharedMemory(Reading features, Map<String, Integer> ids) {
        List<SharedMemory> list = new ArrayList<>();
        for (Reading region :
                features.group("IVSHMEM", "sharedMemory").all("IVSHMEM_REGION", "region")) {
            List<Sharer> sharers = new ArrayList<>();
            for (Reading vm : region.group("IVSHMEM_VMS", "sharers").all("IVSHMEM_VM", "vm")) {
                String name = vm.text("VM_NAME", "name", "");
                sharers.add(
                        new Sharer(
                                ids.getOrDefault(name, -1),
                                name,
                                Bdf.at(vm.text("VBDF", "address", ""))));
            }
            list.add(
                    new SharedMemory(
                            region.text("NAME", "name", ""),
                            region.text("PROVIDED_BY", "provider", "").equals("Device Model"),
                            region.number("IVSHMEM_SIZE", "megabytes", 2),
                            sharers));
        }
        return list;
    }

    private static List<Connection> connections(Reading group) {
        List<Connection> list = new ArrayList<>();
        for (Reading connection : group.all("vuart_connection", "connection")) {
            boolean legacy = connection.text("type", "transport", "").equals("legacy");
            list.add(
                    new Connection(
                            connection.text("name", "name", ""),
                            legacy ? Transport.LEGACY : Transport.PCI,
                            connection.all("endpoint", "endpoint").stream()
                                    .limit(2)
                                    .map(
                                            end ->
                                                    new Endpoint(
                                                            end.text("vm_name", "vm", ""),
                                                            end.address("io_port", "port"),
                                                            Bdf.at(end.text("vbdf", "bdf", ""))))
                                    .toList()));
        }
        return list;
    }

    /// Makes the ends of the connections ports of their VMs, numbered in the order of the file.
    private static void connect(
            List<Connection> connections,
            List<String> names,
            Map<String, Integer> ids,
            List<List<Vuart>> vuarts) {
        int[] next = new int[names.size()];
        for (Connection connection : connections) {
            List<Endpoint> ends = connection.endpoints();
            int[] index = new int[ends.size()];
            for (int i = 0; i < index.length; i++) {
                int vm = names.indexOf(ends.get(i).vmName());
                index[i] = vm < 0 ? -1 : ++next[vm];
            }
            for (int i = 0; i < index.length; i++) {
                if (index[i] < 0) {
                    continue;
                }
                Optional<Target> target = Optional.empty();
                if (index.length == 2) {
                    String other = ends.get(1 - i).vmName();
                    target = Optional.of(new Target(ids.getOrDefault(other, -1), index[1 - i]));
                }
                vuarts.get(names.indexOf(ends.get(i).vmName()))
                        .add(end(index[i], connection.transport(), ends.get(i), target));
            }
        }
    }

    private static Vuart end(
            int index, Transport transport, Endpoint end, Optional<Target> target) {
        Base base =
                switch (transport) {
                    case LEGACY ->
                            end.port().isPresent()
                                    ? Base.port(Reading.narrow(end.port().getAsLong(), 0))
                                    : Base.NONE;
                    case PCI -> Base.PCI;
                };
        Irq irq = base.kind() == Base.Kind.PORT ? Irq.ANY : Irq.NONE;
        return new Vuart(index, transport, base, irq, end.address(), target);
    }

    /// The console: None, COM Port 1 to 4, or PCI.
    private static List<Vuart> console(Reading vm) {
        String word = vm.text("console_vuart", "vuart/console", "None");
        vm.locate("console_vuart", "vuart/LEGACY/0").locate("console_vuart", "vuart/PCI/0");
        if (word.equals("PCI")) {
            return List.of(
                    new Vuart(
                            0,
                            Transport.PCI,
                            Base.PCI,
                            Irq.NONE,
                            Optional.empty(),
                            Optional.empty()));
        }
        if (word.matches("COM Port [1-4]")) {
            int com = word.charAt(word.length() - 1) - '0';
            return List.of(
                    new Vuart(
                            0,
                            Transport.LEGACY,
                            Base.port(V2Reader.comPort(com)),
                            Irq.of(V2Reader.comIrq(com)),
                            Optional.empty(),
                            Optional.empty()));
        }
        return List.of();
    }

    private static Vm vm(int index, Reading vm, String name, List<Vuart> vuarts) {
        Set<GuestFlag> flags = EnumSet.noneOf(GuestFlag.class);
        FLAGS.forEach(
                (flag, element) -> {
                    if (vm.yes(element, "flags/" + flag, false)) {
                        flags.add(flag);
                    }
                });
        VmKind kind =
                switch (vm.text("vm_type", "type", "")) {
                    case "RTVM" -> VmKind.REAL_TIME;
                    case "TEE_VM" -> VmKind.TEE;
                    case "REE_VM" -> VmKind.REE;
                    default -> VmKind.STANDARD;
                };
        if (kind == VmKind.REAL_TIME) {
            flags.add(GuestFlag.RT);
        }
        LoadOrder order =
                switch (vm.text("load_order", "loadOrder", "")) {
                    case "PRE_LAUNCHED_VM" -> LoadOrder.PRE_LAUNCHED;
                    case "SERVICE_VM" -> LoadOrder.SERVICE;
                    default -> LoadOrder.POST_LAUNCHED;
                };
        return new Vm(
                index,
                vm.attribute("id", index),
                name,
                order,
                kind,
                flags,
                cpus(vm),
                memory(vm, order),
                os(vm, order),
                vuarts,
                V2Reader.devices(vm, true));
    }

    private static Vm.Cpus cpus(Reading vm) {
        List<Integer> affinity = new ArrayList<>();
        List<Integer> realTime = new ArrayList<>();
        for (Reading pcpu : vm.group("cpu_affinity", "affinity").all("pcpu", "cpu")) {
            OptionalLong id = Value.integer(pcpu.text("pcpu_id", "id", ""));
            if (id.isPresent()) {
                int cpu = Reading.narrow(id.getAsLong(), 0);
                affinity.add(cpu);
                if (pcpu.yes("real_time_vcpu", "realTime", false)) {
                    realTime.add(cpu);
                }
            }
        }
        return new Vm.Cpus(
                affinity,
                realTime,
                List.of(),
                vm.yes("own_pcpu", "exclusive", false),
                vm.number("companion_vmid", "companion", Debug.NO_VM),
                vm.text("priority", "priority", "").equals("PRIO_HIGH"));
    }

    private static Vm.Memory memory(Reading vm, LoadOrder order) {
        Reading m = vm.group("memory", "memory");
        List<Vm.Region> regions = new ArrayList<>();
        long inRegions = 0;
        for (Reading region : m.all("hpa_region", "region")) {
            long size = megabytes(region.text("size_hpa", "size", ""));
            regions.add(new Vm.Region(region.hex("start_hpa", "start", 0), size));
            inRegions += size;
        }
        Reading epc = vm.group("epc_section", "epc");
        boolean omitted = !m.has("size") && order != LoadOrder.SERVICE && regions.isEmpty();
        long size = omitted ? 1L << 30 : megabytes(m.text("size", "size", ""));
        return new Vm.Memory(
                size + inRegions, regions, epc.hex("base", "base", 0), epc.hex("size", "size", 0));
    }

    private static long megabytes(String text) {
        long value = Value.integer(text).orElse(0);
        return value > 0 && value <= 1L << 32 ? value << 20 : 0;
    }

    private static Vm.Os os(Reading vm, LoadOrder order) {
        Reading os = vm.group("os_config", "os");
        boolean booted = order != LoadOrder.POST_LAUNCHED;
        return new Vm.Os(
                os.present(),
                os.text("name", "name", ""),
                V2Reader.kernelType(os.text("kern_type", "kernelType", "")),
                os.text("kern_mod", "kernelModule", booted ? "Linux_bzImage" : ""),
                os.text("ramdisk_mod", "ramdiskModule", ""),
                os.text("bootargs", "bootArguments", booted ? DEFAULT_BOOT_ARGUMENTS : "")
                        .replaceAll("\\s+", " "),
                "",
                "",
                os.address("kern_load_addr", "loadAddress"),
                os.address("kern_entry_addr", "entryAddress"));
    }
}
