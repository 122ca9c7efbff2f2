package nestbox.scenario.format;

import static nestbox.scenario.LoadOrder.POST_LAUNCHED;
import static nestbox.scenario.LoadOrder.PRE_LAUNCHED;
import static nestbox.scenario.LoadOrder.SERVICE;

import nestbox.scenario.Edition;
import nestbox.scenario.GuestFlag;
import nestbox.scenario.Hypervisor;
import nestbox.scenario.Hypervisor.Capacities;
import nestbox.scenario.Hypervisor.Debug;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Makes records of a v2.5 to v2.7 file.
public final class V2Reader {
    private static final Pattern REGION =
            Pattern.compile(
                    "(hv|dm):/([^,\\s]{1,100})\\s*,\\s*([0-9]{1,9})\\s*,\\s*([0-9:\\s]{1,100})");
    private static final Pattern PAIR =
            Pattern.compile("\\(\\s*([0-9]{1,3})\\s*,\\s*([0-9]{1,3})\\s*\\)");
    private static final Pattern COM = Pattern.compile("(|SOS_|SERVICE_VM_)COM([1-4])_(BASE|IRQ)");
    private static final int[] COM_PORTS = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    private static final int[] COM_IRQS = {4, 3, 6, 7};

    /// What the types of the old format come to.
    static final Map<String, Type> TYPES =
            Map.of(
                    "SAFETY_VM", new Type(PRE_LAUNCHED, VmKind.SAFETY),
                    "PRE_RT_VM", new Type(PRE_LAUNCHED, VmKind.REAL_TIME),
                    "PRE_STD_VM", new Type(PRE_LAUNCHED, VmKind.STANDARD),
                    "SOS_VM", new Type(SERVICE, VmKind.STANDARD),
                    "SERVICE_VM", new Type(SERVICE, VmKind.STANDARD),
                    "POST_STD_VM", new Type(POST_LAUNCHED, VmKind.STANDARD),
                    "POST_RT_VM", new Type(POST_LAUNCHED, VmKind.REAL_TIME),
                    "KATA_VM", new Type(POST_LAUNCHED, VmKind.KATA));

    record Type(LoadOrder order, VmKind kind) {}

    /// Whether this is a VM type of the old format.
    public static boolean isType(String word) {
        return TYPES.containsKey(word);
    }

    private final Locations.Builder where = new Locations.Builder();
    private final Map<String, String> names = new TreeMap<>();
    private final Reading root;

    private V2Reader(Element element) {
        root = new Reading(List.of(element), "", where);
    }

    public static Scenario read(Element root, String file) {
        return new V2Reader(root)
                .scenario(
                        root.attribute("board").map(Element.Attribute::value).orElse(""),
                        root.attribute("scenario").map(Element.Attribute::value).orElse(""),
                        file);
    }

    private Scenario scenario(String board, String name, String file) {
        Hypervisor hypervisor = hypervisor(root.group("hv", "hv"));
        List<Vm> vms = new ArrayList<>();
        for (Reading vm : root.all("vm", "vm").stream().limit(Reading.MOST_VMS).toList()) {
            vms.add(vm(vms.size(), vm));
        }
        Edition edition = edition();
        names.keySet().removeIf(seen -> older(seen) == (edition == Edition.V2_5));
        return new Scenario(edition, board, name, hypervisor, vms, names, where.build(file));
    }

    /// The Service VM's type decides, or else what other names there are.
    private Edition edition() {
        if (names.containsKey("SOS_VM") != names.containsKey("SERVICE_VM")) {
            return names.containsKey("SOS_VM") ? Edition.V2_5 : Edition.V2_7;
        }
        boolean onlyNewer = !names.isEmpty() && names.keySet().stream().noneMatch(V2Reader::older);
        return onlyNewer ? Edition.V2_7 : Edition.V2_5;
    }

    private static boolean older(String name) {
        return name.startsWith("SOS_") || name.equals("KATA_VM");
    }

    /// Notes a name that only some of the releases have.
    private String name(String name, String path) {
        if (name.startsWith("SOS_")
                || name.startsWith("SERVICE_VM")
                || name.equals("KATA_VM")
                || name.equals("SCHED_PRIO")
                || name.equals("GUEST_FLAG_VCAT_ENABLED")) {
            names.putIfAbsent(name, path);
        }
        return name;
    }

    private Hypervisor hypervisor(Reading hv) {
        Reading d = hv.group("DEBUG_OPTIONS", "debug");
        Debug debug =
                new Debug(
                        d.yes("RELEASE", "release", false),
                        d.text("SERIAL_CONSOLE", "serialConsole", "/dev/ttyS0"),
                        d.number("CONSOLE_LOGLEVEL", "consoleLogLevel", 3),
                        d.number("MEM_LOGLEVEL", "memoryLogLevel", 5),
                        d.number("NPK_LOGLEVEL", "npkLogLevel", 5),
                        d.number("LOG_DESTINATION", "logDestination", 7),
                        d.hex("LOG_BUF_SIZE", "logBufferSize", 0x40000),
                        0,
                        Debug.NO_VM,
                        256,
                        8192);
        Reading m = hv.group("MEMORY", "memory");
        Hypervisor.Memory memory =
                new Hypervisor.Memory(
                        m.hex("STACK_SIZE", "stackSize", 0x2000),
                        m.address("HV_RAM_START", "start"),
                        m.address("HV_RAM_SIZE", "size"),
                        m.hex("LOW_RAM_SIZE", "lowRamSize", 0x10000),
                        m.hex("PLATFORM_RAM_SIZE", "platformRamSize", 0x4_0000_0000L));
        Reading c = hv.group("CAPACITIES", "capacities");
        Capacities capacities =
                new Capacities(
                        c.number("MAX_VM_NUM", "vms", 8),
                        c.number("IOMMU_BUS_NUM", "iommuBuses", 0x100),
                        c.number("MAX_IR_ENTRIES", "interruptRemappingEntries", 256),
                        c.number("MAX_IOAPIC_NUM", "ioapics", 1),
                        c.number("MAX_PCI_DEV_NUM", "pciDevices", 96),
                        c.number("MAX_IOAPIC_LINES", "ioapicLines", 120),
                        c.number("MAX_PT_IRQ_ENTRIES", "passthroughIrqs", 256),
                        c.number("MAX_MSIX_TABLE_NUM", "msixEntries", 64),
                        c.number("MAX_EMULATED_MMIO", "emulatedMmio", 16));
        hv.group("MISC_CFG", "misc");
        Reading f = hv.group("FEATURES", "features");
        return new Hypervisor(
                debug, features(f), memory, capacities, sharedMemory(f), List.of(), List.of());
    }

    private Features features(Reading f) {
        Reading rdt = f.group("RDT", "rdt");
        return new Features(
                f.yes("RELOC", "relocatable", true),
                scheduler(f),
                f.yes("MULTIBOOT2", "multiboot2", true),
                !f.yes("ENFORCE_TURNOFF_AC", "splitLockDetection", true),
                !f.yes("ENFORCE_TURNOFF_GP", "ucLockDetection", false),
                f.yes("SECURITY_VM_FIXUP", "securityVmFixup", false),
                f.yes("KEEP_IRQ_DISABLED", "keepIrqDisabled", false),
                f.yes("HYPERV_ENABLED", "hyperV", true),
                f.yes("NVMX_ENABLED", "nestedVmx", false),
                f.yes("IOMMU_ENFORCE_SNP", "iommuEnforceSnoop", false),
                f.yes("ACPI_PARSE_ENABLED", "parseAcpi", true),
                f.yes("L1D_VMENTRY_ENABLED", "flushL1d", false),
                !f.yes("MCE_ON_PSC_DISABLED", "pageSizeMceWorkaround", false),
                f.yes("SSRAM/SSRAM_ENABLED", "softwareSram", false),
                true,
                new Rdt(
                        rdt.yes("RDT_ENABLED", "enabled", false),
                        rdt.yes("CDP_ENABLED", "cdp", false),
                        rdt.yes("VCAT_ENABLED", "vcat", false),
                        rdt.all("CLOS_MASK", "closMasks").stream()
                                .map(mask -> Value.hex(mask.value()).orElse(0))
                                .toList(),
                        rdt.all("MBA_DELAY", "mbaDelays").stream()
                                .map(delay -> Value.either(delay.value()).orElse(0))
                                .toList()));
    }

    private Scheduler scheduler(Reading features) {
        return switch (name(features.text("SCHEDULER", "scheduler", ""), "hv/features/scheduler")) {
            case "SCHED_NOOP" -> Scheduler.SCHED_NOOP;
            case "SCHED_IORR" -> Scheduler.SCHED_IORR;
            case "SCHED_PRIO" -> Scheduler.SCHED_PRIO;
            default -> Scheduler.SCHED_BVT;
        };
    }

    private static List<SharedMemory> sharedMemory(Reading features) {
        Reading group = features.group("IVSHMEM", "sharedMemory");
        List<Reading> regions = group.all("IVSHMEM_REGION", "region");
        List<SharedMemory> list = new ArrayList<>();
        if (!group.yes("IVSHMEM_ENABLED", "enabled", false)) {
            return list;
        }
        for (Reading region : regions) {
            Matcher matcher = REGION.matcher(region.value());
            if (matcher.matches()) {
                List<Sharer> sharers = new ArrayList<>();
                for (String id : matcher.group(4).split(":", -1)) {
                    int vm = Reading.narrow(Value.integer(id.strip()).orElse(-1), -1);
                    sharers.add(new Sharer(vm, id.strip(), Optional.empty()));
                }
                list.add(
                        new SharedMemory(
                                matcher.group(2),
                                matcher.group(1).equals("dm"),
                                Integer.parseInt(matcher.group(3)),
                                sharers));
            } else if (!region.value().isEmpty()) {
                // Malformed: kept so that the places of the others stay right.
                list.add(new SharedMemory(region.value(), false, 2, List.of()));
            }
        }
        return list;
    }

    private Vm vm(int index, Reading vm) {
        Type type =
                TYPES.getOrDefault(
                        name(vm.text("vm_type", "type", ""), vm.key("type")),
                        TYPES.get("POST_STD_VM"));
        Set<GuestFlag> flags = EnumSet.noneOf(GuestFlag.class);
        for (Reading flag : vm.group("guest_flags", "flags").all("guest_flag", "flag")) {
            for (GuestFlag known : GuestFlag.values()) {
                if (known.word().equals(flag.value())) {
                    flags.add(known);
                    flag.at(vm.key("flags/" + known));
                    name(flag.value(), vm.key("flags/" + known));
                }
            }
        }
        Reading cpus = vm.group("cpu_affinity", "affinity");
        return new Vm(
                index,
                vm.attribute("id", index),
                vm.text("name", "name", "ACRN VM_" + index),
                type.order(),
                type.kind(),
                flags,
                new Vm.Cpus(
                        cpus.numbers("pcpu_id", "cpu"),
                        List.of(),
                        vm.group("clos", "clos").numbers("vcpu_clos", "vcpu"),
                        false,
                        vm.number("companion_vmid", "companion", Debug.NO_VM),
                        vm.text("priority", "priority", "").equals("PRIO_HIGH")),
                memory(vm),
                os(vm),
                vuarts(vm),
                devices(vm, false));
    }

    private static Vm.Memory memory(Reading vm) {
        Reading m = vm.group("memory", "memory");
        Reading epc = vm.group("epc_section", "epc");
        List<Vm.Region> regions = new ArrayList<>();
        OptionalLong start = m.address("start_hpa", "region/0");
        OptionalLong size = m.address("size", "size");
        if (start.isPresent() && size.isPresent() && size.getAsLong() > 0) {
            regions.add(new Vm.Region(start.getAsLong(), size.getAsLong()));
        }
        long second = m.hex("size_hpa2", "region/1", 0);
        if (second > 0) {
            regions.add(new Vm.Region(m.hex("start_hpa2", "region/1", 0), second));
        }
        return new Vm.Memory(
                size.orElse(0x2000_0000L) + second,
                regions,
                epc.hex("base", "base", 0),
                epc.hex("size", "size", 0));
    }

    private Vm.Os os(Reading vm) {
        Reading os = vm.group("os_config", "os");
        Reading board = vm.group("board_private", "board");
        return new Vm.Os(
                os.present(),
                os.text("name", "name", ""),
                kernelType(os.text("kern_type", "kernelType", "")),
                os.text("kern_mod", "kernelModule", ""),
                os.text("ramdisk_mod", "ramdiskModule", ""),
                name(os.text("bootargs", "bootArguments", ""), os.key("bootArguments")),
                board.text("rootfs", "rootDevice", ""),
                board.text("bootargs", "boardArguments", "").replaceAll("\\s+", " "),
                os.address("kern_load_addr", "loadAddress"),
                os.address("kern_entry_addr", "entryAddress"));
    }

    static Vm.KernelType kernelType(String word) {
        return switch (word) {
            case "KERNEL_ZEPHYR", "KERNEL_RAWIMAGE" -> Vm.KernelType.RAWIMAGE;
            case "KERNEL_ELF" -> Vm.KernelType.ELF;
            default -> Vm.KernelType.BZIMAGE;
        };
    }

    private List<Vuart> vuarts(Reading vm) {
        List<Vuart> list = new ArrayList<>();
        int row = 0;
        for (Reading legacy : vm.all("legacy_vuart", "legacy")) {
            int id = legacy.attribute("id", row++);
            String path = vm.key("vuart/LEGACY/" + id);
            legacy.at(path);
            list.add(
                    new Vuart(
                            id,
                            Transport.LEGACY,
                            base(name(legacy.text("base", "base", ""), path)),
                            irq(name(legacy.text("irq", "irq", ""), path)),
                            Optional.empty(),
                            target(legacy, id)));
        }
        row = 0;
        for (Reading console : vm.all("console_vuart", "console")) {
            list.add(pci(console, vm, console.attribute("id", row++)));
        }
        row = 1;
        for (Reading line : vm.all("communication_vuart", "communication")) {
            list.add(pci(line, vm, line.attribute("id", row++)));
        }
        return list;
    }

    private static Vuart pci(Reading vuart, Reading vm, int id) {
        vuart.at(vm.key("vuart/PCI/" + id));
        return new Vuart(
                id,
                Transport.PCI,
                vuart.text("base", "base", "").equals("PCI_VUART") ? Base.PCI : Base.NONE,
                Irq.NONE,
                Optional.empty(),
                target(vuart, id));
    }

    private static Optional<Target> target(Reading vuart, int id) {
        return id == 0
                ? Optional.empty()
                : Optional.of(
                        new Target(
                                vuart.number("target_vm_id", "target", -1),
                                vuart.number("target_uart_id", "target", -1)));
    }

    private static Base base(String word) {
        Matcher com = COM.matcher(word);
        if (com.matches()) {
            int number = Integer.parseInt(com.group(2));
            return com.group(1).isEmpty() ? Base.port(COM_PORTS[number - 1]) : Base.board(number);
        }
        return word.equals("CONFIG_COM_BASE") ? Base.board(1) : Base.NONE;
    }

    private static Irq irq(String word) {
        Matcher com = COM.matcher(word);
        if (com.matches()) {
            int number = Integer.parseInt(com.group(2));
            return com.group(1).isEmpty() ? Irq.of(COM_IRQS[number - 1]) : Irq.board(number);
        }
        if (word.equals("CONFIG_COM_IRQ")) {
            return Irq.board(1);
        }
        return Irq.of(Reading.narrow(Value.integer(word).orElse(0), 0));
    }

    /// Port and interrupt of COM1 to COM4 in a PC.
    static int comPort(int com) {
        return COM_PORTS[com - 1];
    }

    static int comIrq(int com) {
        return COM_IRQS[com - 1];
    }

    static Vm.Devices devices(Reading vm, boolean ptm) {
        List<Vm.PciDevice> pci = new ArrayList<>();
        for (Reading device : vm.group("pci_devs", "pci").all("pci_dev", "device")) {
            Bdf.at(device.value())
                    .ifPresent(
                            bdf -> {
                                device.at(vm.key("pci/" + bdf));
                                pci.add(new Vm.PciDevice(bdf, device.value()));
                            });
        }
        List<Vm.Intx> intx = new ArrayList<>();
        Matcher pair = PAIR.matcher(vm.text("pt_intx", "intx", ""));
        while (pair.find()) {
            intx.add(new Vm.Intx(Integer.parseInt(pair.group(1)), Integer.parseInt(pair.group(2))));
        }
        Reading mmio = vm.group("mmio_resources", "mmio");
        return new Vm.Devices(
                pci,
                intx,
                mmio.yes("TPM2", "tpm2", false),
                mmio.yes("p2sb", "p2sb", false),
                vm.yes("PTM", "ptm", ptm));
    }
}
