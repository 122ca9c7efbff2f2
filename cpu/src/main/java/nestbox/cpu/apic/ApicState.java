package nestbox.cpu.apic;

import java.util.List;

/// Everything that a snapshot of a local APIC holds.
///
/// @param apicBase IA32_APIC_BASE
/// @param pendingErrors errors since software last wrote to the ESR
/// @param command the ICR
/// @param localVectors the LVT, in the order of [LocalVectorTable]
/// @param extInt whether an ExtINT message waits for its acknowledge cycle
public record ApicState(
        long apicBase,
        int id,
        int logicalDestination,
        int destinationFormat,
        int taskPriority,
        int spuriousVector,
        int errorStatus,
        int pendingErrors,
        long command,
        List<Integer> localVectors,
        Bits inService,
        Bits triggerMode,
        Bits requested,
        Timer timer,
        boolean extInt,
        boolean lint0,
        boolean lint1) {
    /// A 256-bit register in quarters, lowest vectors first.
    public record Bits(long q0, long q1, long q2, long q3) {
        static final Bits NONE = new Bits(0, 0, 0, 0);
    }

    /// @param running whether a count was loaded and has not run out for good
    /// @param zero crystal tick at which the count reaches zero next
    /// @param parked whether a periodic timer waits for its interrupt to be taken
    /// @param deadline IA32_TSC_DEADLINE
    public record Timer(
            int initialCount,
            int divideConfiguration,
            boolean running,
            long zero,
            boolean parked,
            long deadline) {
        static final Timer STOPPED = new Timer(0, 0, false, 0, false, 0);
    }
}
