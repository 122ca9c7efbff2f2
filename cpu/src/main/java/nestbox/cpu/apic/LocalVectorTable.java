package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.LVT_CMCI;
import static nestbox.cpu.apic.ApicRegister.LVT_ERROR;
import static nestbox.cpu.apic.ApicRegister.LVT_LINT0;
import static nestbox.cpu.apic.ApicRegister.LVT_LINT1;
import static nestbox.cpu.apic.ApicRegister.LVT_PERFORMANCE;
import static nestbox.cpu.apic.ApicRegister.LVT_THERMAL;
import static nestbox.cpu.apic.ApicRegister.LVT_TIMER;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// The local vector table and the two pins that it serves. SDM Vol. 3A, "Local Vector Table".
final class LocalVectorTable {
    private static final List<ApicRegister> ORDER =
            List.of(
                    LVT_TIMER,
                    LVT_THERMAL,
                    LVT_PERFORMANCE,
                    LVT_LINT0,
                    LVT_LINT1,
                    LVT_ERROR,
                    LVT_CMCI);

    private final Map<ApicRegister, LocalVector> entries = new EnumMap<>(ApicRegister.class);
    private boolean lint0;
    private boolean lint1;

    LocalVectorTable() {
        ORDER.forEach(register -> entries.put(register, new LocalVector()));
    }

    /// All entries masked; the pins are as they are.
    void reset() {
        entries.values().forEach(entry -> entry.set(LocalVector.MASK));
    }

    boolean contains(ApicRegister register) {
        return entries.containsKey(register);
    }

    /// The entry of a register that the table contains.
    LocalVector entry(ApicRegister register) {
        return entries.get(register);
    }

    List<ApicRegister> registers() {
        return ORDER;
    }

    /// The electrical level of a pin.
    ///
    /// @param pin LINT0 or LINT1
    boolean isHigh(ApicRegister pin) {
        return pin == LVT_LINT0 ? lint0 : lint1;
    }

    /// @return whether that is a change
    boolean setPin(ApicRegister pin, boolean high) {
        boolean changed = isHigh(pin) != high;
        if (pin == LVT_LINT0) {
            lint0 = high;
        } else {
            lint1 = high;
        }
        return changed;
    }

    /// Whether the pin has the level that its entry calls active.
    boolean isActive(ApicRegister pin) {
        return isHigh(pin) != entry(pin).activeLow();
    }

    /// Whether the 8259 requests an interrupt through one of the pins.
    boolean extIntAsserted() {
        return extIntAsserted(LVT_LINT0) || extIntAsserted(LVT_LINT1);
    }

    private boolean extIntAsserted(ApicRegister pin) {
        LocalVector entry = entry(pin);
        return entry.mode() == DeliveryMode.EXT_INT && !entry.masked() && isActive(pin);
    }

    List<Integer> save() {
        return ORDER.stream().map(register -> entry(register).value()).toList();
    }

    void restore(ApicState state) {
        for (int i = 0; i < ORDER.size(); i++) {
            entry(ORDER.get(i)).set(state.localVectors().get(i));
        }
        lint0 = state.lint0();
        lint1 = state.lint1();
    }
}
