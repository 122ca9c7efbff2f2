package nestbox.devices.acpi;

import static nestbox.devices.acpi.AcpiPart.COM1;
import static nestbox.devices.acpi.AcpiPart.COM2;
import static nestbox.devices.acpi.AcpiPart.HPET;
import static nestbox.devices.acpi.AcpiPart.IO_APIC;
import static nestbox.devices.acpi.AcpiPart.ISA_BRIDGE;
import static nestbox.devices.acpi.AcpiPart.PCI;
import static nestbox.devices.acpi.AcpiPart.PIC;
import static nestbox.devices.acpi.AcpiPart.PIT;
import static nestbox.devices.acpi.AcpiPart.POWER_MANAGEMENT;
import static nestbox.devices.acpi.AcpiPart.RTC;
import static nestbox.devices.acpi.AcpiPart.SLEEP_CONTROL;
import static nestbox.devices.acpi.AcpiPart.SPEAKER;
import static nestbox.devices.acpi.Aml.argument;
import static nestbox.devices.acpi.Aml.buffer;
import static nestbox.devices.acpi.Aml.device;
import static nestbox.devices.acpi.Aml.doubleWordField;
import static nestbox.devices.acpi.Aml.eisaId;
import static nestbox.devices.acpi.Aml.equal;
import static nestbox.devices.acpi.Aml.integer;
import static nestbox.devices.acpi.Aml.join;
import static nestbox.devices.acpi.Aml.method;
import static nestbox.devices.acpi.Aml.name;
import static nestbox.devices.acpi.Aml.or;
import static nestbox.devices.acpi.Aml.packageOf;
import static nestbox.devices.acpi.Aml.path;
import static nestbox.devices.acpi.Aml.returns;
import static nestbox.devices.acpi.Aml.scope;
import static nestbox.devices.acpi.Aml.store;
import static nestbox.devices.acpi.Aml.string;
import static nestbox.devices.acpi.Aml.when;
import static nestbox.devices.acpi.Resource.io;
import static nestbox.devices.acpi.Resource.irq;
import static nestbox.devices.acpi.Resource.memory;
import static nestbox.devices.acpi.Resource.template;

import nestbox.devices.BoardMap;
import nestbox.devices.TableBytes;
import nestbox.devices.hpet.Hpet;
import nestbox.devices.ioapic.IoApic;
import nestbox.devices.pci.IntxRouting;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntBinaryOperator;

/// The differentiated definition block: the devices of a machine that an operating system can't
/// find by itself, and how they are wired.
final class Dsdt {
    private static final String INTERRUPT_MODEL = "PICF";
    private static final int PCI_DEVICES = 32;
    private static final int PCI_PINS = 4;
    private static final int PRESENT = 0x0F;
    private static final int LPC_ADDRESS = 0x1F_0000;
    private static final long ECAM_LENGTH = BoardMap.ECAM_END - BoardMap.ECAM;
    private static final long LOCAL_APIC_LENGTH = 0x10_0000;

    private static final byte[] NOTHING = {};

    private Dsdt() {}

    /// The definition block, without the table's header.
    static byte[] definitions(AcpiSetup setup) {
        return join(
                sleepState("\\_S0", 0),
                powerOff(setup),
                name("\\" + INTERRUPT_MODEL, integer(0)),
                method("\\_PIC", 1, store(argument(0), path("\\" + INTERRUPT_MODEL))),
                scope(
                        "\\_SB",
                        processors(setup),
                        reservedMemory(setup),
                        part(setup, PCI, hostBridge(setup)),
                        // Without a PCI bridge to them they are direct children of the system bus.
                        setup.has(ISA_BRIDGE) ? NOTHING : devices(setup)));
    }

    private static byte[] powerOff(AcpiSetup setup) {
        if (setup.has(POWER_MANAGEMENT)) {
            return sleepState("\\_S5", PowerManagement.SLEEP_TYPE_S5);
        }
        return setup.has(SLEEP_CONTROL) ? sleepState("\\_S5", SleepControl.SLEEP_TYPE_S5) : NOTHING;
    }

    private static byte[] sleepState(String path, int type) {
        return name(path, packageOf(integer(type), integer(type), integer(0), integer(0)));
    }

    private static byte[] processors(AcpiSetup setup) {
        List<byte[]> devices = new ArrayList<>();
        for (int uid = 0; uid < setup.apicIds().size(); uid++) {
            devices.add(
                    device(
                            "C%03X".formatted(uid),
                            name("_HID", string("ACPI0007")),
                            name("_UID", integer(uid))));
        }
        return join(devices);
    }

    private static byte[] reservedMemory(AcpiSetup setup) {
        return device(
                "MRES",
                name("_HID", eisaId("PNP0C02")),
                name("_UID", integer(1)),
                name(
                        "_CRS",
                        template(
                                part(setup, PCI, memory(BoardMap.ECAM, ECAM_LENGTH)),
                                part(setup, IO_APIC, memory(BoardMap.IOAPIC, IoApic.LENGTH)),
                                memory(BoardMap.LOCAL_APIC, LOCAL_APIC_LENGTH))));
    }

    private static byte[] hostBridge(AcpiSetup setup) {
        return device(
                "PCI0",
                name("_HID", eisaId("PNP0A08")),
                name("_CID", eisaId("PNP0A03")),
                name("_SEG", integer(0)),
                name("_BBN", integer(0)),
                name("_UID", integer(0)),
                name("_CRS", hostBridgeWindows()),
                part(setup, ISA_BRIDGE, interruptRouting()),
                operatingSystemCapabilities(),
                part(setup, ISA_BRIDGE, lpcBridge(setup)));
    }

    /// INTx by way of the I/O APIC, or of the bridge and the 8259As.
    private static byte[] interruptRouting() {
        return join(
                name("APIC", routing(IntxRouting::ioApicPin)),
                name(
                        "PICR",
                        routing((dev, pin) -> BoardMap.PIRQ_IRQS.get(IntxRouting.wire(dev, pin)))),
                method(
                        "_PRT",
                        0,
                        when(path(INTERRUPT_MODEL), returns(path("APIC"))),
                        returns(path("PICR"))));
    }

    private static byte[] hostBridgeWindows() {
        int configuration = BoardMap.PCI_CONFIG_ADDRESS;
        return template(
                Resource.busNumbers(0, BoardMap.ECAM_BUSES - 1),
                io(configuration, 8),
                Resource.ioWindow(0, configuration - 1),
                Resource.ioWindow(configuration + 8, BoardMap.PCI_IO_END - 1),
                Resource.memoryWindow(0xA_0000, 0xC_0000),
                Resource.memoryWindow(BoardMap.MMIO32, BoardMap.MMIO32_END),
                Resource.memoryWindow64(BoardMap.MMIO64, BoardMap.MMIO64_END));
    }

    /// A routing table: for each device and pin, the global system interrupt.
    private static byte[] routing(IntBinaryOperator interrupt) {
        List<byte[]> entries = new ArrayList<>();
        for (int dev = 0; dev < PCI_DEVICES; dev++) {
            for (int pin = 0; pin < PCI_PINS; pin++) {
                entries.add(
                        packageOf(
                                integer((long) dev << 16 | 0xFFFF),
                                integer(pin),
                                integer(0),
                                integer(interrupt.applyAsInt(dev, pin))));
            }
        }
        return packageOf(entries);
    }

    /// `_OSC` for a PCI host bridge: the operating system gets all features that it asks for. Any
    /// other interface is answered with "unrecognized UUID".
    private static byte[] operatingSystemCapabilities() {
        byte[] pciHostBridge =
                new TableBytes() // 33DB4D5B-1FF7-401C-9657-7441C03DD766
                        .u32(0x33DB4D5BL)
                        .u16(0x1FF7)
                        .u16(0x401C)
                        .u16(0x5796)
                        .u32(0x3DC04174L)
                        .u16(0x66D7)
                        .toByteArray();
        byte[] status = path("CDW1");
        return method(
                "_OSC",
                4,
                doubleWordField(argument(3), 0, "CDW1"),
                when(equal(argument(0), buffer(pciHostBridge)), returns(argument(3))),
                or(status, integer(4), status),
                returns(argument(3)));
    }

    private static byte[] lpcBridge(AcpiSetup setup) {
        return device("LPCB", name("_ADR", integer(LPC_ADDRESS)), devices(setup));
    }

    /// What a PC has that isn't found through PCI.
    private static byte[] devices(AcpiSetup setup) {
        byte[] pic =
                isaDevice(
                        "PIC",
                        "PNP0000",
                        io(BoardMap.PIC_MASTER, 2),
                        io(BoardMap.PIC_SLAVE, 2),
                        io(BoardMap.ELCR, 2),
                        irq(2));
        byte[] pit = isaDevice("TIMR", "PNP0100", io(BoardMap.PIT, 4), irq(BoardMap.TIMER_IRQ));
        byte[] rtc = isaDevice("RTC", "PNP0B00", io(BoardMap.RTC, 8), irq(BoardMap.RTC_IRQ));
        byte[] hpet = isaDevice("HPET", "PNP0103", memory(BoardMap.HPET, Hpet.LENGTH));
        byte[] speaker = isaDevice("SPKR", "PNP0800", io(BoardMap.SYSTEM_PORT_B, 1));
        return join(
                part(setup, PIC, pic),
                part(setup, PIT, pit),
                part(setup, HPET, hpet),
                part(setup, RTC, rtc),
                part(setup, SPEAKER, speaker),
                part(setup, COM1, serialPort("COM1", 1, BoardMap.COM1, BoardMap.COM1_IRQ)),
                part(setup, COM2, serialPort("COM2", 2, BoardMap.COM2, BoardMap.COM2_IRQ)),
                part(setup, POWER_MANAGEMENT, reservedPorts()),
                part(setup, SLEEP_CONTROL, sleepPorts()));
    }

    private static byte[] sleepPorts() {
        return device(
                "SLPC",
                name("_HID", eisaId("PNP0C02")),
                name("_UID", integer(3)),
                name("_CRS", template(io(SleepControl.PORT, SleepControl.PORTS))));
    }

    /// The definition of something that may be missing.
    private static byte[] part(AcpiSetup setup, AcpiPart part, byte[] definition) {
        return setup.has(part) ? definition : NOTHING;
    }

    private static byte[] reservedPorts() {
        return device(
                "IORS",
                name("_HID", eisaId("PNP0C02")),
                name("_UID", integer(2)),
                name(
                        "_CRS",
                        template(
                                io(BoardMap.POST_CODE, 1),
                                io(BoardMap.SYSTEM_PORT_A, 1),
                                io(BoardMap.SMI_COMMAND, 2),
                                io(BoardMap.PM_BASE, BoardMap.PM_LENGTH / 2),
                                io(
                                        BoardMap.PM_BASE + BoardMap.PM_LENGTH / 2,
                                        BoardMap.PM_LENGTH / 2))));
    }

    private static byte[] isaDevice(String path, String id, byte[]... resources) {
        return device(path, name("_HID", eisaId(id)), name("_CRS", template(resources)));
    }

    private static byte[] serialPort(String path, int uid, int port, int irq) {
        return device(
                path,
                name("_HID", eisaId("PNP0501")),
                name("_UID", integer(uid)),
                name("_STA", integer(PRESENT)),
                name("_CRS", template(io(port, 8), irq(irq))));
    }
}
