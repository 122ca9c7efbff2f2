package nestbox.app.l0;

import nestbox.console.subject.IoapicPin;
import nestbox.devices.ioapic.IoApic;

import java.util.ArrayList;
import java.util.List;

/// The pins of an I/O APIC, physical or virtual, for the shell.
final class IoapicPins {
    private IoapicPins() {}

    static List<IoapicPin> of(IoApic ioApic) {
        List<Long> entries = ioApic.save().redirectionTable();
        List<IoapicPin> pins = new ArrayList<>();
        for (int pin = 0; pin < entries.size(); pin++) {
            pins.add(new IoapicPin(pin, pin, entries.get(pin)));
        }
        return pins;
    }
}
