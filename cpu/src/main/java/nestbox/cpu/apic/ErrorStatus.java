package nestbox.cpu.apic;

/// The errors that a local APIC has seen and those that its software has. SDM Vol. 3A, "Error
/// Handling".
final class ErrorStatus {
    static final int SEND_ILLEGAL_VECTOR = 1 << 5;
    static final int RECEIVE_ILLEGAL_VECTOR = 1 << 6;
    static final int ILLEGAL_REGISTER = 1 << 7;

    private int register;
    private int pending;

    void restore(int register, int pending) {
        this.register = register;
        this.pending = pending;
    }

    /// The ESR: what had happened when software last wrote to it.
    int register() {
        return register;
    }

    /// What has happened since.
    int pending() {
        return pending;
    }

    /// @return whether it is the first error since software last wrote to the ESR
    boolean add(int error) {
        boolean first = pending == 0;
        pending |= error;
        return first;
    }

    /// Software writes to the ESR.
    void update() {
        register = pending;
        pending = 0;
    }
}
