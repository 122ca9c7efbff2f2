package nestbox.x86.vmx;

/// Byte offsets in the virtualization-exception information area. SDM Vol. 3C, Table "Format of the
/// Virtualization-Exception Information Area".
public final class VirtualizationExceptionArea {
    /// The exit reason that it would have been, a doubleword.
    public static final int REASON = 0;

    /// All ones once there is something in the area; while it isn't 0 there are no more of these
    /// exceptions. A doubleword.
    public static final int BUSY = 4;

    public static final int QUALIFICATION = 8;
    public static final int LINEAR_ADDRESS = 16;
    public static final int PHYSICAL_ADDRESS = 24;

    /// A word.
    public static final int EPTP_INDEX = 32;

    private VirtualizationExceptionArea() {}
}
