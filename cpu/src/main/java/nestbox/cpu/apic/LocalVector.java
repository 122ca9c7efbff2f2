package nestbox.cpu.apic;

/// One entry of the local vector table. SDM Vol. 3A, "Local Vector Table".
final class LocalVector {
    static final int MASK = 1 << 16;
    static final int LEVEL = 1 << 15;
    static final int REMOTE_IRR = 1 << 14;
    static final int ACTIVE_LOW = 1 << 13;

    /// Delivery status and remote IRR: what software can't write.
    static final int READ_ONLY = 1 << 12 | REMOTE_IRR;

    private int value = MASK;

    int value() {
        return value;
    }

    void set(int value) {
        this.value = value;
    }

    void mask() {
        value |= MASK;
    }

    boolean masked() {
        return (value & MASK) != 0;
    }

    int vector() {
        return value & 0xFF;
    }

    boolean level() {
        return (value & LEVEL) != 0;
    }

    boolean activeLow() {
        return (value & ACTIVE_LOW) != 0;
    }

    /// Accepted, and the end of the interrupt still to come.
    boolean remoteIrr() {
        return (value & REMOTE_IRR) != 0;
    }

    void setRemoteIrr(boolean accepted) {
        value = accepted ? value | REMOTE_IRR : value & ~REMOTE_IRR;
    }

    /// Meaningless for the timer and error entries, whose interrupts are always fixed.
    DeliveryMode mode() {
        return DeliveryMode.of(value);
    }
}
