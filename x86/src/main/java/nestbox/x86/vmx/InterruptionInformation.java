package nestbox.x86.vmx;

/// The event that a VM entry injects, that caused a VM exit, or that was being delivered when it
/// happened. SDM Vol. 3C, tables "Format of the VM-Entry Interruption-Information Field", "Format
/// of the VM-Exit Interruption-Information Field" and "Format of the IDT-Vectoring Information
/// Field".
///
/// @param errorCodeValid bit 11: there is an error code, to be delivered or delivered
/// @param nmiUnblocking bit 12, in VM-exit information only: IRET had removed blocking by NMI
public record InterruptionInformation(
        int vector,
        InterruptionType type,
        boolean errorCodeValid,
        boolean nmiUnblocking,
        boolean valid) {
    public static final int VALID = 1 << 31;
    public static final int ERROR_CODE = 1 << 11;
    public static final int NMI_UNBLOCKING = 1 << 12;

    /// What is reserved in the VM-entry field.
    public static final int ENTRY_RESERVED = 0x7FFF_F000;

    public static InterruptionInformation of(long field) {
        return new InterruptionInformation(
                (int) field & 0xFF,
                InterruptionType.of((int) field >>> 8 & 7),
                (field & ERROR_CODE) != 0,
                (field & NMI_UNBLOCKING) != 0,
                ((int) field & VALID) != 0);
    }

    /// A valid field, without error code.
    public static InterruptionInformation of(InterruptionType type, int vector) {
        return new InterruptionInformation(vector, type, false, false, true);
    }

    public InterruptionInformation withErrorCode() {
        return new InterruptionInformation(vector, type, true, nmiUnblocking, valid);
    }

    /// The 32-bit field, zero-extended.
    public long toLong() {
        return vector
                | (long) type.ordinal() << 8
                | (errorCodeValid ? ERROR_CODE : 0)
                | (nmiUnblocking ? NMI_UNBLOCKING : 0)
                | (valid ? VALID & 0xFFFF_FFFFL : 0);
    }
}
