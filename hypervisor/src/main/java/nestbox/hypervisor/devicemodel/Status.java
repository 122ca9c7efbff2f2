package nestbox.hypervisor.devicemodel;

/// What a hypercall answers in RAX: 0, or the negative of an error number as Linux has them, which
/// its driver passes on to the device model.
public enum Status {
    DONE(0),

    /// The virtual machine isn't in a state for it.
    NOT_NOW(-1),

    NO_MEMORY(-12),

    /// A structure isn't in memory of the Service VM.
    FAULT(-14),

    /// A processor is somebody else's.
    BUSY(-16),

    INVALID(-22);

    private final long value;

    Status(long value) {
        this.value = value;
    }

    public long value() {
        return value;
    }
}
