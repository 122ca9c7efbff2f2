package nestbox.hypervisor.emulate;

import nestbox.x86.Vector;

/// An exception that an emulated instruction raises in the guest. It carries no stack trace: it is
/// part of what guests do, not an error of L0.
public final class GuestException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int vector;
    private final int errorCode;
    private final long address;

    private GuestException(int vector, int errorCode, long address) {
        super("guest exception " + vector, null, false, false);
        this.vector = vector;
        this.errorCode = errorCode;
        this.address = address;
    }

    public static GuestException undefined() {
        return new GuestException(Vector.UD, 0, 0);
    }

    /// #GP(0).
    public static GuestException generalProtection() {
        return new GuestException(Vector.GP, 0, 0);
    }

    /// #SS(0).
    public static GuestException stackFault() {
        return new GuestException(Vector.SS, 0, 0);
    }

    /// #AC(0).
    public static GuestException alignmentCheck() {
        return new GuestException(Vector.AC, 0, 0);
    }

    /// What a selector raises.
    ///
    /// @param external the EXT bit: an event was being delivered that no instruction asked for
    static GuestException ofSelector(int vector, int selector, boolean external) {
        return new GuestException(vector, selector & 0xFFFC | (external ? 1 : 0), 0);
    }

    /// @param address linear, for CR2
    public static GuestException pageFault(int errorCode, long address) {
        return new GuestException(Vector.PF, errorCode, address);
    }

    public int vector() {
        return vector;
    }

    /// The error code, for vectors that have one.
    public int errorCode() {
        return errorCode;
    }

    /// CR2 of a page fault.
    public long address() {
        return address;
    }
}
