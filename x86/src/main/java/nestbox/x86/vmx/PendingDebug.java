package nestbox.x86.vmx;

/// Bits of the guest's pending debug exceptions, and of the exit qualification of #DB. SDM
/// Vol. 3C, Table "Format of Pending-Debug-Exceptions" and Table "Exit Qualification for Debug
/// Exceptions".
public final class PendingDebug {
    /// Conditions of the breakpoints that were met.
    public static final long BREAKPOINTS = 0xF;

    public static final long BUS_LOCK = 1 << 11;

    /// At least one enabled breakpoint was met.
    public static final long ENABLED_BREAKPOINT = 1 << 12;

    /// In an exit qualification only: access to a debug register while DR7.GD was set.
    public static final long BD = 1 << 13;

    public static final long BS = 1 << 14;
    public static final long RTM = 1 << 16;

    private PendingDebug() {}
}
