package nestbox.x86.vmx;

/// The part of a VMCS region that the manual lays out. SDM Vol. 3C, "Format of the VMCS Region".
public final class VmcsRegion {
    public static final int SIZE = 4096;

    /// Byte offset of the revision identifier.
    public static final int REVISION = 0;

    /// Byte offset of the VMX-abort indicator.
    public static final int ABORT_INDICATOR = 4;

    /// Where the processor's own layout begins.
    public static final int DATA = 8;

    /// Bit 31 of the first doubleword: a shadow VMCS.
    public static final int SHADOW = 1 << 31;

    /// What "no VMCS" looks like: the current-VMCS pointer without a current VMCS, and the VMCS
    /// link pointer that links nothing.
    public static final long NO_POINTER = -1;

    private VmcsRegion() {}
}
