package nestbox.devices.acpi;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/// What a machine may have that its ACPI tables tell of.
///
/// A virtual machine has fewer devices than the board, and an operating system drives what the
/// tables name, so each part is named only where it is there.
public enum AcpiPart {
    /// I/O APIC at its place on the board.
    IO_APIC,
    /// The pair of 8259As.
    PIC,
    /// The 8254.
    PIT,
    HPET,
    /// The clock and its CMOS memory.
    RTC,
    SPEAKER,
    COM1,
    COM2,
    /// A PCI host bridge with memory-mapped configuration space.
    PCI,
    /// The bridge to the devices of a PC, through which INTx of PCI functions goes as well.
    ISA_BRIDGE,
    /// The fixed hardware of [PowerManagement], its timer included.
    POWER_MANAGEMENT,
    /// The registers of [SleepControl]. Where [#POWER_MANAGEMENT] is missing the machine is one of
    /// reduced hardware.
    SLEEP_CONTROL,
    /// The port of [ResetControl].
    RESET_CONTROL;

    /// All of the board.
    public static final Set<AcpiPart> BOARD =
            Collections.unmodifiableSet(EnumSet.complementOf(EnumSet.of(SLEEP_CONTROL)));
}
