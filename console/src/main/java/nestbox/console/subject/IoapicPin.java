package nestbox.console.subject;

/// A pin of an I/O APIC with its redirection table entry. 82093AA data sheet, "IOREDTBL".
///
/// @param irq the host's number for it
/// @param entry all 64 bits
public record IoapicPin(int irq, int pin, long entry) {
    public int high() {
        return (int) (entry >>> 32);
    }

    public int low() {
        return (int) entry;
    }

    public int vector() {
        return low() & 0xFF;
    }

    public int deliveryMode() {
        return low() >>> 8 & 7;
    }

    public boolean logicalDestination() {
        return bit(11);
    }

    public boolean remoteIrr() {
        return bit(14);
    }

    public boolean levelTriggered() {
        return bit(15);
    }

    public boolean masked() {
        return bit(16);
    }

    public int destination() {
        return high() >>> 24;
    }

    private boolean bit(int number) {
        return (low() >>> number & 1) != 0;
    }
}
