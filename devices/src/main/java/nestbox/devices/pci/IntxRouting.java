package nestbox.devices.pci;

import nestbox.devices.BoardMap;

/// How the INTx pins of all devices share four wires, and where those end.
///
/// The one place that says so: the bus wires by it and the ACPI tables are written from it.
public final class IntxRouting {
    /// Wires PIRQA–PIRQD.
    public static final int WIRES = 4;

    private IntxRouting() {}

    /// @param pin 0–3 for INTA–INTD
    /// @return 0–3 for PIRQA–PIRQD
    public static int wire(int device, int pin) {
        return device + pin & WIRES - 1;
    }

    /// @param pin 0–3 for INTA–INTD
    public static int ioApicPin(int device, int pin) {
        return BoardMap.PIRQ_PIN + wire(device, pin);
    }
}
