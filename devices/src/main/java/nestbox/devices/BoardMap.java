package nestbox.devices;

import java.util.List;

/// Where everything lies on the board: physical addresses, I/O ports and interrupt pins.
///
/// Devices, firmware tables and the loader must agree on these numbers, so each exists once. They
/// are those of the NUC7i5DNHE where that board's are known.
public final class BoardMap {
    // Physical addresses below 4 GiB

    /// Start of the firmware segment, in which an operating system looks for RSDP and SMBIOS.
    public static final long FIRMWARE = 0xE_0000L;

    public static final long FIRMWARE_END = 0x10_0000L;

    /// The ACPI tables, RSDP first.
    public static final long ACPI_TABLES = FIRMWARE;

    /// The SMBIOS entry point; its table follows.
    public static final long SMBIOS_TABLES = 0xF_0000L;

    /// The window for 32-bit memory BARs.
    public static final long MMIO32 = 0x9000_0000L;

    public static final long MMIO32_END = 0xE000_0000L;

    /// PCI Express enhanced configuration space, 1 MiB per bus.
    public static final long ECAM = 0xE000_0000L;

    public static final int ECAM_BUSES = 256;

    public static final long ECAM_END = ECAM + ((long) ECAM_BUSES << 20);

    public static final long IOAPIC = 0xFEC0_0000L;

    public static final long HPET = 0xFED0_0000L;

    public static final long LOCAL_APIC = 0xFEE0_0000L;

    // Physical addresses above 4 GiB

    /// The window for 64-bit memory BARs: above any RAM, within 39 physical-address bits.
    public static final long MMIO64 = 0x20_0000_0000L;

    public static final long MMIO64_END = 0x40_0000_0000L;

    // I/O ports

    public static final int PIC_MASTER = 0x20;
    public static final int PIT = 0x40;
    public static final int KEYBOARD_DATA = 0x60;
    public static final int SYSTEM_PORT_B = 0x61;
    public static final int KEYBOARD_COMMAND = 0x64;
    public static final int RTC = 0x70;
    public static final int POST_CODE = 0x80;
    public static final int SYSTEM_PORT_A = 0x92;
    public static final int PIC_SLAVE = 0xA0;
    public static final int SMI_COMMAND = 0xB2;
    public static final int DEBUG_CONSOLE = 0xE9;
    public static final int EXIT = 0xF4;
    public static final int COM2 = 0x2F8;
    public static final int COM1 = 0x3F8;
    public static final int FIRMWARE_DEBUG_CONSOLE = 0x402;
    public static final int ELCR = 0x4D0;
    public static final int PCI_CONFIG_ADDRESS = 0xCF8;
    public static final int RESET = 0xCF9;
    public static final int PCI_CONFIG_DATA = 0xCFC;

    /// First port after those that devices of the board decode: I/O BARs may lie from here on.
    public static final int PCI_IO = 0x2000;

    public static final int PCI_IO_END = 0x1_0000;

    /// Power management block; the names below it are those of the FADT.
    public static final int PM_BASE = 0x1800;

    public static final int PM1A_EVT = PM_BASE;
    public static final int PM1A_CNT = PM_BASE + 0x04;
    public static final int PM_TMR = PM_BASE + 0x08;
    public static final int GPE0 = PM_BASE + 0x80;
    public static final int GPE0_LENGTH = 0x10;
    public static final int PM_LENGTH = 0x100;

    // Interrupts: ISA IRQ numbers, and pins of the I/O APIC

    public static final int TIMER_IRQ = 0;
    public static final int KEYBOARD_IRQ = 1;
    public static final int COM2_IRQ = 3;
    public static final int COM1_IRQ = 4;
    public static final int RTC_IRQ = 8;
    public static final int SCI_IRQ = 9;
    public static final int MOUSE_IRQ = 12;

    /// The I/O APIC pin that carries ISA IRQ 0; pin 0 carries the INTR output of the 8259A pair.
    public static final int TIMER_PIN = 2;

    /// PIRQA–PIRQH, active low. PCI functions use the first four, the HPET the others.
    public static final int PIRQ_PIN = 16;

    public static final int PIRQ_PINS = 8;

    public static final int IOAPIC_PINS = 24;

    /// ISA IRQs to which firmware routes PIRQA–PIRQD, for a guest without the I/O APIC.
    public static final List<Integer> PIRQ_IRQS = List.of(10, 11, 10, 11);

    private BoardMap() {}

    /// The I/O APIC pin to which an ISA IRQ is wired.
    public static int pinOfIrq(int irq) {
        return irq == TIMER_IRQ ? TIMER_PIN : irq;
    }
}
