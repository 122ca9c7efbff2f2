package nestbox.cpu.apic;

/// How an interrupt message acts on the processor: bits 10:8 of the ICR, of LVT entries and of MSI
/// data. SDM Vol. 3A, "Interrupt Command Register (ICR)" and "Message Data Register Format".
public enum DeliveryMode {
    FIXED,
    LOWEST_PRIORITY,
    SMI,
    RESERVED,
    NMI,
    INIT,
    STARTUP,
    EXT_INT;

    private static final DeliveryMode[] VALUES = values();

    /// The mode in bits 10:8.
    static DeliveryMode of(int bits) {
        return VALUES[bits >>> 8 & 7];
    }
}
