package nestbox.cpu.apic;

/// An I/O APIC, as far as it hears of the end of level-triggered interrupts.
@FunctionalInterface
public interface EoiListener {
    /// Some processor has finished an interrupt that was level-triggered.
    void endOfInterrupt(int vector);
}
