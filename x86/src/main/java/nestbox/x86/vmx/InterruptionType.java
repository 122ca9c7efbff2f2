package nestbox.x86.vmx;

/// Bits 10:8 of the interruption-information fields; the ordinal is the value. SDM Vol. 3C,
/// "VM-Entry Controls for Event Injection".
public enum InterruptionType {
    EXTERNAL_INTERRUPT,
    RESERVED,
    NMI,
    HARDWARE_EXCEPTION,
    SOFTWARE_INTERRUPT,
    PRIVILEGED_SOFTWARE_EXCEPTION,
    SOFTWARE_EXCEPTION,
    OTHER_EVENT;

    private static final InterruptionType[] ALL = values();

    static InterruptionType of(int value) {
        return ALL[value];
    }

    /// Whether the event belongs to an instruction, so that its length counts.
    public boolean isSoftware() {
        return this == SOFTWARE_INTERRUPT
                || this == PRIVILEGED_SOFTWARE_EXCEPTION
                || this == SOFTWARE_EXCEPTION;
    }
}
