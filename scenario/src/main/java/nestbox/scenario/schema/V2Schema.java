package nestbox.scenario.schema;

import static nestbox.scenario.schema.Shape.group;
import static nestbox.scenario.schema.Shape.item;
import static nestbox.scenario.schema.Shape.items;
import static nestbox.scenario.schema.Value.ANY;
import static nestbox.scenario.schema.Value.BOOLEAN;
import static nestbox.scenario.schema.Value.HEXADECIMAL;
import static nestbox.scenario.schema.Value.choice;
import static nestbox.scenario.schema.Value.hexOrNumber;
import static nestbox.scenario.schema.Value.length;
import static nestbox.scenario.schema.Value.number;
import static nestbox.scenario.schema.Value.pattern;

import nestbox.scenario.schema.Shape.Attribute;

import java.util.Map;

/// The scenario format of releases v2.5 to v2.7, which is the tutorial's.
public final class V2Schema {
    private static final Value INTEGER = number(0, 65_535);
    private static final Value SHORT_NAME = length(1, 32);
    private static final Attribute NUMBERED = new Attribute("id", true, number(0, 7));

    static final Value PCI_DEVICE =
            pattern(
                    "a device as the board file has it, such as 00:1f.6 Ethernet controller",
                    "(?s)[0-9A-Fa-f]{1,2}:[01][0-9A-Fa-f]\\.[0-7](\\s.*)?");
    static final Value INTX =
            pattern(
                    "pairs of physical and virtual GSI such as (14, 0)",
                    "(\\(\\s*[0-9]{1,3}\\s*,\\s*[0-9]{1,3}\\s*\\)[\\s,]*)*");

    // spotless:off
    private static final Shape DEBUG_OPTIONS = group("DEBUG_OPTIONS",
            item("RELEASE", BOOLEAN),
            item("SERIAL_CONSOLE", pattern("a serial port from ttyS0 to ttyS3, or nothing", "(.*ttyS[0-3])?")),
            item("MEM_LOGLEVEL", number(0, 6)),
            item("NPK_LOGLEVEL", number(0, 6)),
            item("CONSOLE_LOGLEVEL", number(0, 6)),
            item("LOG_DESTINATION", number(0, 7)),
            item("LOG_BUF_SIZE", HEXADECIMAL));
    private static final Shape FEATURES = group("FEATURES",
            item("RELOC", BOOLEAN),
            item("SCHEDULER", choice("SCHED_NOOP", "SCHED_IORR", "SCHED_BVT", "SCHED_PRIO")),
            item("MULTIBOOT2", BOOLEAN),
            item("ENFORCE_TURNOFF_AC", BOOLEAN),
            item("ENFORCE_TURNOFF_GP", BOOLEAN),
            item("SECURITY_VM_FIXUP", BOOLEAN),
            item("KEEP_IRQ_DISABLED", BOOLEAN),
            group("RDT",
                    item("RDT_ENABLED", BOOLEAN),
                    item("CDP_ENABLED", BOOLEAN),
                    item("VCAT_ENABLED", BOOLEAN),
                    items("CLOS_MASK", HEXADECIMAL),
                    items("MBA_DELAY", hexOrNumber(0, 0xFFFF))),
            item("HYPERV_ENABLED", BOOLEAN),
            item("NVMX_ENABLED", BOOLEAN),
            item("IOMMU_ENFORCE_SNP", BOOLEAN),
            item("ACPI_PARSE_ENABLED", BOOLEAN),
            item("L1D_VMENTRY_ENABLED", BOOLEAN),
            item("MCE_ON_PSC_DISABLED", BOOLEAN),
            group("IVSHMEM",
                    item("IVSHMEM_ENABLED", BOOLEAN),
                    items("IVSHMEM_REGION", pattern(
                            "a region such as hv:/name, 2, 0:2 with name, size in MB and VM ids, or nothing",
                            "((hv|dm):/[^,\\s]{1,100}\\s*,\\s*[0-9]{1,9}\\s*,\\s*[0-9]{1,5}(\\s*:\\s*[0-9]{1,5})*)?"))),
            group("SSRAM",
                    item("SSRAM_ENABLED", BOOLEAN)));
    private static final Shape MEMORY = group("MEMORY",
            item("STACK_SIZE", HEXADECIMAL),
            item("HV_RAM_SIZE", HEXADECIMAL.orEmpty()),
            item("HV_RAM_START", HEXADECIMAL.orEmpty()),
            item("LOW_RAM_SIZE", HEXADECIMAL),
            item("PLATFORM_RAM_SIZE", HEXADECIMAL));
    private static final Shape CAPACITIES = group("CAPACITIES",
            item("MAX_VM_NUM", number(1, 64)),
            item("IOMMU_BUS_NUM", hexOrNumber(1, 0x100)),
            item("MAX_IR_ENTRIES", number(1, 65_536)),
            item("MAX_IOAPIC_NUM", number(1, 10)),
            item("MAX_KATA_VM_NUM", number(0, 1)),
            item("MAX_EFI_MMAP_ENTRIES", number(1, 65_536)),
            item("MAX_PCI_DEV_NUM", number(1, 1024)),
            item("MAX_IOAPIC_LINES", number(1, 120)),
            item("MAX_PT_IRQ_ENTRIES", number(0, 256)),
            item("MAX_MSIX_TABLE_NUM", number(1, 2048).orEmpty()),
            item("MAX_EMULATED_MMIO", number(1, 128)));
    private static final Shape MISC_CFG = group("MISC_CFG",
            item("GPU_SBDF", HEXADECIMAL),
            item("UEFI_OS_LOADER_NAME", ANY));

    private static final Value PCI_BASE = choice("PCI_VUART", "INVALID_PCI_BASE");
    private static final Shape LEGACY_VUART = group("legacy_vuart",
            item("type", choice("VUART_LEGACY_PIO", "VUART_PCI")).required(),
            item("base", choice(
                    "SOS_COM1_BASE", "SOS_COM2_BASE",
                    "SERVICE_VM_COM1_BASE", "SERVICE_VM_COM2_BASE", "SERVICE_VM_COM3_BASE", "SERVICE_VM_COM4_BASE",
                    "COM1_BASE", "COM2_BASE", "COM3_BASE", "COM4_BASE", "CONFIG_COM_BASE", "INVALID_COM_BASE")
                    .alias("INVALID_LEGACY_PIO")).required(),
            item("irq", choice(
                    "SOS_COM1_IRQ", "SOS_COM2_IRQ",
                    "SERVICE_VM_COM1_IRQ", "SERVICE_VM_COM2_IRQ", "SERVICE_VM_COM3_IRQ", "SERVICE_VM_COM4_IRQ",
                    "COM1_IRQ", "COM2_IRQ", "COM3_IRQ", "COM4_IRQ", "CONFIG_COM_IRQ", "0", "3", "4", "6", "7")).required(),
            item("target_vm_id", INTEGER),
            item("target_uart_id", INTEGER)).with(NUMBERED).times(0, 8);
    private static final Shape CONSOLE_VUART = group("console_vuart",
            item("base", PCI_BASE).required()).with(new Attribute("id", true, number(0, 0)));
    private static final Shape COMMUNICATION_VUART = group("communication_vuart",
            item("base", PCI_BASE).required(),
            item("target_vm_id", INTEGER),
            item("target_uart_id", INTEGER)).with(new Attribute("id", true, number(1, 7))).times(0, 7);

    private static final Shape VM = group("vm",
            item("vm_type", choice(
                    "SAFETY_VM", "PRE_RT_VM", "PRE_STD_VM", "SOS_VM", "SERVICE_VM",
                    "POST_STD_VM", "POST_RT_VM", "KATA_VM")).required(),
            item("name", SHORT_NAME),
            group("guest_flags",
                    items("guest_flag", choice(
                            "GUEST_FLAG_SECURE_WORLD_ENABLED", "GUEST_FLAG_LAPIC_PASSTHROUGH",
                            "GUEST_FLAG_IO_COMPLETION_POLLING", "GUEST_FLAG_HIDE_MTRR", "GUEST_FLAG_RT",
                            "GUEST_FLAG_NVMX_ENABLED", "GUEST_FLAG_SECURITY_VM", "GUEST_FLAG_VCAT_ENABLED")
                            .alias("", "0", "0UL"))),
            group("cpu_affinity",
                    items("pcpu_id", number(0, 255))),
            group("clos",
                    items("vcpu_clos", number(0, 255)).required()).required(),
            group("epc_section",
                    item("base", HEXADECIMAL),
                    item("size", HEXADECIMAL)),
            group("memory",
                    item("start_hpa", HEXADECIMAL.orEmpty()),
                    item("size", HEXADECIMAL.orEmpty()),
                    item("start_hpa2", HEXADECIMAL.orEmpty()),
                    item("size_hpa2", HEXADECIMAL.orEmpty())),
            item("priority", choice("PRIO_LOW", "PRIO_HIGH")),
            item("companion_vmid", INTEGER),
            group("os_config",
                    item("name", SHORT_NAME),
                    item("kern_type", choice("KERNEL_BZIMAGE", "KERNEL_ZEPHYR", "KERNEL_RAWIMAGE", "KERNEL_ELF")),
                    item("kern_mod", SHORT_NAME),
                    item("ramdisk_mod", ANY),
                    item("bootargs", ANY),
                    item("kern_load_addr", HEXADECIMAL.orEmpty()),
                    item("kern_entry_addr", HEXADECIMAL.orEmpty())),
            LEGACY_VUART,
            CONSOLE_VUART,
            COMMUNICATION_VUART,
            group("mmio_resources",
                    item("TPM2", BOOLEAN),
                    item("p2sb", BOOLEAN)),
            group("pci_devs",
                    items("pci_dev", PCI_DEVICE.orEmpty())),
            item("pt_intx", INTX),
            group("board_private",
                    item("rootfs", ANY),
                    item("bootargs", ANY)),
            item("PTM", BOOLEAN)).with(new Attribute("id", true, INTEGER)).times(1, 64);

    private static final Map<String, String> FOREIGN = Map.ofEntries(
            Map.entry("BUILD_TYPE", "Write DEBUG_OPTIONS/RELEASE y or n."),
            Map.entry("RELOC_ENABLED", "Write RELOC."),
            Map.entry("MULTIBOOT2_ENABLED", "Write MULTIBOOT2."),
            Map.entry("SPLIT_LOCK_DETECTION_ENABLED", "Write ENFORCE_TURNOFF_AC with the opposite value."),
            Map.entry("UC_LOCK_DETECTION_ENABLED", "Write ENFORCE_TURNOFF_GP with the opposite value."),
            Map.entry("MCE_ON_PSC_ENABLED", "Write MCE_ON_PSC_DISABLED with the opposite value."),
            Map.entry("load_order", "Write vm_type SOS_VM, PRE_STD_VM, POST_STD_VM and so on."),
            Map.entry("lapic_passthrough", "Write GUEST_FLAG_LAPIC_PASSTHROUGH in guest_flags/guest_flag."),
            Map.entry("nested_virtualization_support",
                    "Write GUEST_FLAG_NVMX_ENABLED in guest_flags/guest_flag and y in hv/FEATURES/NVMX_ENABLED."),
            Map.entry("io_completion_polling", "Write GUEST_FLAG_IO_COMPLETION_POLLING in guest_flags/guest_flag."),
            Map.entry("hide_mtrr_support", "Write GUEST_FLAG_HIDE_MTRR in guest_flags/guest_flag."),
            Map.entry("secure_world_support", "Write GUEST_FLAG_SECURE_WORLD_ENABLED in guest_flags/guest_flag."),
            Map.entry("virtual_cat_support", "Write GUEST_FLAG_VCAT_ENABLED in guest_flags/guest_flag."),
            Map.entry("security_vm", "Write GUEST_FLAG_SECURITY_VM in guest_flags/guest_flag."),
            Map.entry("pcpu", "Write cpu_affinity/pcpu_id."),
            Map.entry("hpa_region", "Write memory/start_hpa and memory/size."),
            Map.entry("vuart_connections", "Write legacy_vuart or communication_vuart in both VMs."));
    // spotless:on

    public static final Schema SCHEMA =
            new Schema(
                    "v2.5 to v2.7",
                    group(
                                    "acrn-config",
                                    group(
                                                    "hv",
                                                    DEBUG_OPTIONS,
                                                    FEATURES,
                                                    MEMORY,
                                                    CAPACITIES,
                                                    MISC_CFG)
                                            .required(),
                                    VM)
                            .with(
                                    new Attribute("board", true, length(1, 64)),
                                    new Attribute("scenario", true, length(1, 64))),
                    FOREIGN);

    private V2Schema() {}
}
