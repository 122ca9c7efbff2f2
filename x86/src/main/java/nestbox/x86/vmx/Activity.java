package nestbox.x86.vmx;

/// What a processor does; the numbers are those of the VMCS field. SDM Vol. 3C, "Guest
/// Non-Register State".
public enum Activity {
    ACTIVE,
    HLT,
    SHUTDOWN,
    WAIT_FOR_SIPI;

    /// Whether the field has this value.
    public boolean is(long field) {
        return field == ordinal();
    }
}
