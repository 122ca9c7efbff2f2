package nestbox.console.subject;

/// An interrupt of a device that a VM has been given.
///
/// @param vector 0 if nothing is allocated
/// @param destination the local APICs that it goes to, as in the physical interrupt
/// @param gsi of the physical pin, 0 for MSI
/// @param bdf the function's bus, device and function number in 16 bits, 0 for a pin
public record PassThroughEntry(
        int vm,
        Source source,
        int irq,
        int vector,
        int destination,
        boolean levelTriggered,
        int gsi,
        int virtualGsi,
        int bdf,
        int virtualBdf) {
    /// What raises the interrupt, seen from the VM. The names are what the list has.
    public enum Source {
        MSI,
        IOAPIC,
        PIC
    }
}
