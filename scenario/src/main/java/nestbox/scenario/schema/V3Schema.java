package nestbox.scenario.schema;

import static nestbox.scenario.schema.Shape.group;
import static nestbox.scenario.schema.Shape.item;
import static nestbox.scenario.schema.Shape.items;
import static nestbox.scenario.schema.Value.ANY;
import static nestbox.scenario.schema.Value.BOOLEAN;
import static nestbox.scenario.schema.Value.HEXADECIMAL;
import static nestbox.scenario.schema.Value.choice;
import static nestbox.scenario.schema.Value.length;
import static nestbox.scenario.schema.Value.number;
import static nestbox.scenario.schema.Value.pattern;

import nestbox.scenario.schema.Shape.Attribute;

import java.util.Map;

/// The scenario format of releases v3.0 to v3.3.
public final class V3Schema {
    private static final Value INTEGER = number(0, 65_535);
    private static final Value LOG_LEVEL = number(0, 5);
    private static final Value VM_NAME =
            pattern("1 to 15 letters, digits, _ and -", "[A-Za-z0-9_-]{1,15}");
    private static final Value BDF =
            pattern("a device address such as 00:10.0", "[0-9A-Fa-f]{1,2}:[01][0-9A-Fa-f]\\.[0-7]");

    // spotless:off
    private static final Shape DEBUG_OPTIONS = group("DEBUG_OPTIONS",
            item("SERIAL_CONSOLE", pattern("a serial port such as /dev/ttyS0, or None", ".*ttyS[0-9]{1,3}|None")),
            item("MEM_LOGLEVEL", LOG_LEVEL),
            item("NPK_LOGLEVEL", LOG_LEVEL),
            item("CONSOLE_LOGLEVEL", LOG_LEVEL),
            item("VUART_TIMER_PCPU", number(0, 255)),
            item("CONSOLE_VM", INTEGER),
            item("VUART_RX_BUF_SIZE", number(256, 2560)),
            item("VUART_TX_BUF_SIZE", number(8192, 81_920)));
    private static final Shape FEATURES = group("FEATURES",
            item("RELOC_ENABLED", BOOLEAN),
            item("SCHEDULER", choice("SCHED_NOOP", "SCHED_IORR", "SCHED_BVT", "SCHED_PRIO")),
            item("MULTIBOOT2_ENABLED", BOOLEAN),
            item("SPLIT_LOCK_DETECTION_ENABLED", BOOLEAN),
            item("UC_LOCK_DETECTION_ENABLED", BOOLEAN),
            item("SECURITY_VM_FIXUP", BOOLEAN),
            item("SERVICE_VM_SUPERVISOR_ENABLED", BOOLEAN),
            item("KEEP_IRQ_DISABLED", BOOLEAN),
            item("HYPERV_ENABLED", BOOLEAN),
            item("IOMMU_ENFORCE_SNP", BOOLEAN),
            item("ACPI_PARSE_ENABLED", BOOLEAN),
            item("L1D_VMENTRY_ENABLED", BOOLEAN),
            item("MCE_ON_PSC_ENABLED", BOOLEAN),
            group("RDT",
                    item("RDT_ENABLED", BOOLEAN),
                    item("CDP_ENABLED", BOOLEAN),
                    item("VCAT_ENABLED", BOOLEAN)),
            group("IVSHMEM",
                    group("IVSHMEM_REGION",
                            item("NAME", pattern("1 to 27 letters, digits and _", "[A-Za-z0-9_]{1,27}")).required(),
                            item("PROVIDED_BY", choice("Hypervisor", "Device Model")),
                            item("IVSHMEM_SIZE", number(0, 65_536)),
                            item("IVSHMEM_REGION_ID", INTEGER),
                            group("IVSHMEM_VMS",
                                    group("IVSHMEM_VM",
                                            item("VM_NAME", VM_NAME).required(),
                                            item("VBDF", BDF)).required().many())).many()),
            group("SSRAM",
                    item("SSRAM_ENABLED", BOOLEAN)),
            item("CPU_PERFORMANCE_POLICY", choice("Performance", "Nominal")));
    private static final Shape MEMORY = group("MEMORY",
            item("STACK_SIZE", HEXADECIMAL),
            item("HV_RAM_START", HEXADECIMAL.orEmpty()));
    private static final Shape CAPACITIES = group("CAPACITIES",
            item("MAX_VM_NUM", number(1, 64)),
            item("MAX_IOAPIC_NUM", number(1, 10)),
            item("MAX_PCI_BUS_NUM", number(0, 256)),
            item("MAX_PCI_DEV_NUM", number(1, 1024)),
            item("MAX_IOAPIC_LINES", number(1, 120)),
            item("MAX_PT_IRQ_ENTRIES", number(1, 1024)),
            item("MAX_MSIX_TABLE_NUM", number(1, 2048)),
            item("MAX_EMULATED_MMIO", number(1, 128)),
            item("VUART_RX_BUF_SIZE", number(256, 2560)),
            item("VUART_TX_BUF_SIZE", number(8192, 81_920)));
    private static final Shape MISC_CFG = group("MISC_CFG",
            item("GPU_SBDF", HEXADECIMAL),
            item("VUART_TIMER_PCPU", number(0, 255)),
            item("CONSOLE_VM", INTEGER),
            item("VUART_RX_BUF_SIZE", number(256, 2560)),
            item("VUART_TX_BUF_SIZE", number(8192, 81_920)));
    private static final Shape HV = group("hv",
            item("BUILD_TYPE", choice("debug", "release")),
            DEBUG_OPTIONS,
            FEATURES,
            MEMORY,
            CAPACITIES,
            MISC_CFG,
            group("vuart_connections",
                    group("vuart_connection",
                            item("name", ANY),
                            item("type", choice("legacy", "pci")),
                            group("endpoint",
                                    item("vm_name", ANY),
                                    item("io_port", HEXADECIMAL.orEmpty()),
                                    item("vbdf", BDF.orEmpty())).times(2, 2)).many()),
            group("HIDDEN_PDEV_REGION",
                    items("HIDDEN_PDEV", BDF)),
            group("CACHE_REGION",
                    group("CACHE_ALLOCATION",
                            item("CACHE_ID", HEXADECIMAL),
                            item("CACHE_LEVEL", number(1, 4)),
                            group("POLICY",
                                    item("VM", ANY),
                                    item("VCPU", number(0, 255)),
                                    item("TYPE", choice("Unified", "Code", "Data")),
                                    item("CLOS_MASK", HEXADECIMAL)).required().many()).many())).required();

    private static final Shape VIRTIO_DEVICES = group("virtio_devices",
            group("gpu",
                    item("display_type", choice("Window", "Full screen")),
                    group("displays",
                            group("display",
                                    item("monitor_id", number(0, 64)),
                                    item("window_resolutions", pattern("a resolution such as 1920x1080", "[0-9]{1,5}x[0-9]{1,5}")),
                                    item("horizontal_offset", number(-65_536, 65_536)),
                                    item("vertical_offset", number(-65_536, 65_536))).many())),
            group("console",
                    item("use_type", choice("Virtio console", "Virtio serial port")),
                    item("backend_type", choice("pty", "stdio", "file", "sock client", "sock server", "tty")),
                    item("output_file_path", ANY),
                    item("sock_file_path", ANY),
                    item("tty_device_path", ANY)).many(),
            group("network",
                    item("virtio_framework", choice("Kernel based (Virtual Host)", "User space based (VBSU)")),
                    item("interface_name", pattern("letters, digits, _ and -", "[A-Za-z0-9_-]*"))).many(),
            group("input",
                    item("backend_device_file", ANY),
                    item("id", pattern("letters, digits, _ and -", "[A-Za-z0-9_-]*"))).many(),
            items("block", ANY),
            items("vsock", number(3, 4_294_967_294L).orEmpty()));
    private static final Shape VM = group("vm",
            item("load_order", choice("PRE_LAUNCHED_VM", "SERVICE_VM", "POST_LAUNCHED_VM")).required(),
            item("vm_type", choice("STANDARD_VM", "RTVM", "TEE_VM", "REE_VM")),
            item("name", VM_NAME).required(),
            item("console_vuart", choice("None", "COM Port 1", "COM Port 2", "COM Port 3", "COM Port 4", "PCI")),
            item("os_type", choice("Non-Windows OS", "Windows OS")),
            item("vuart0", BOOLEAN),
            item("vbootloader", BOOLEAN),
            group("memory",
                    item("size", number(0, 1L << 32)),
                    group("hpa_region",
                            item("start_hpa", HEXADECIMAL).required(),
                            item("size_hpa", number(0, 1L << 32)).required()).many()),
            item("own_pcpu", BOOLEAN),
            group("cpu_affinity",
                    group("pcpu",
                            item("pcpu_id", number(0, 255)).required(),
                            item("real_time_vcpu", BOOLEAN)).many()),
            group("usb_xhci",
                    items("usb_dev", ANY)),
            item("lapic_passthrough", BOOLEAN),
            item("io_completion_polling", BOOLEAN),
            item("nested_virtualization_support", BOOLEAN),
            item("virtual_cat_support", BOOLEAN),
            item("virtual_cat_number", number(0, 255)),
            item("virtual_thermal_monitor", BOOLEAN),
            item("secure_world_support", BOOLEAN),
            item("hide_mtrr_support", BOOLEAN),
            item("security_vm", BOOLEAN),
            group("epc_section",
                    item("base", HEXADECIMAL),
                    item("size", HEXADECIMAL)),
            item("priority", choice("PRIO_LOW", "PRIO_HIGH")),
            item("bvt_weight", number(1, 128)),
            item("bvt_warp_value", number(0, Integer.MAX_VALUE)),
            item("bvt_warp_limit", number(0, Integer.MAX_VALUE)),
            item("bvt_unwarp_period", number(0, Integer.MAX_VALUE)),
            item("companion_vmid", INTEGER),
            group("os_config",
                    item("name", length(1, 32)),
                    item("kern_type", choice("KERNEL_BZIMAGE", "KERNEL_RAWIMAGE", "KERNEL_ELF")),
                    item("kern_mod", pattern("1 to 32 characters without blanks", "\\S{1,32}")),
                    item("ramdisk_mod", ANY),
                    item("bootargs", ANY),
                    item("kern_load_addr", HEXADECIMAL.orEmpty()),
                    item("kern_entry_addr", HEXADECIMAL.orEmpty())),
            group("mmio_resources",
                    item("TPM2", BOOLEAN),
                    item("p2sb", BOOLEAN)),
            item("pt_intx", V2Schema.INTX),
            group("pci_devs",
                    items("pci_dev", V2Schema.PCI_DEVICE.orEmpty())),
            item("PTM", BOOLEAN),
            item("customized_parameters", ANY),
            VIRTIO_DEVICES).with(new Attribute("id", true, INTEGER)).times(1, 64);

    private static final Map<String, String> FOREIGN = Map.ofEntries(
            Map.entry("RELEASE", "Write hv/BUILD_TYPE release or debug."),
            Map.entry("RELOC", "Write RELOC_ENABLED."),
            Map.entry("MULTIBOOT2", "Write MULTIBOOT2_ENABLED."),
            Map.entry("ENFORCE_TURNOFF_AC", "Write SPLIT_LOCK_DETECTION_ENABLED with the opposite value."),
            Map.entry("ENFORCE_TURNOFF_GP", "Write UC_LOCK_DETECTION_ENABLED with the opposite value."),
            Map.entry("MCE_ON_PSC_DISABLED", "Write MCE_ON_PSC_ENABLED with the opposite value."),
            Map.entry("NVMX_ENABLED", "Write nested_virtualization_support y in the Service VM; nothing else is needed."),
            Map.entry("IVSHMEM_ENABLED", "Remove it: a region is all that is needed."),
            Map.entry("LOG_DESTINATION", "Remove it."),
            Map.entry("LOG_BUF_SIZE", "Remove it."),
            Map.entry("LOW_RAM_SIZE", "Remove it."),
            Map.entry("PLATFORM_RAM_SIZE", "Remove it."),
            Map.entry("HV_RAM_SIZE", "Remove it."),
            Map.entry("IOMMU_BUS_NUM", "Remove it."),
            Map.entry("MAX_IR_ENTRIES", "Remove it."),
            Map.entry("MAX_KATA_VM_NUM", "Remove it."),
            Map.entry("MAX_EFI_MMAP_ENTRIES", "Remove it."),
            Map.entry("UEFI_OS_LOADER_NAME", "Remove it."),
            Map.entry("guest_flags", "Write lapic_passthrough, nested_virtualization_support and so on, each with y."),
            Map.entry("clos", "Write hv/CACHE_REGION."),
            Map.entry("MBA_DELAY", "Remove it."),
            Map.entry("legacy_vuart", "Write console_vuart in the VM, or hv/vuart_connections."),
            Map.entry("communication_vuart", "Write hv/vuart_connections."),
            Map.entry("start_hpa2", "Write a second hpa_region."),
            Map.entry("size_hpa2", "Write a second hpa_region."),
            Map.entry("board_private", "Write the kernel's command line in os_config/bootargs."));
    // spotless:on

    public static final Schema SCHEMA =
            new Schema(
                    "v3.x",
                    group("acrn-config", HV, VM)
                            .with(
                                    new Attribute("board", false, length(1, 64)),
                                    new Attribute("scenario", false, length(1, 64))),
                    FOREIGN);

    private V3Schema() {}
}
