package nestbox.console.subject;

import nestbox.x86.vmx.ExitReason;

/// How often there was a VM exit for one reason.
///
/// @param fromL1 exits of L1
/// @param fromL2 exits of L2 that L0 handled by itself
/// @param reflected exits of L2 that L1 got
public record ExitCount(ExitReason reason, long fromL1, long fromL2, long reflected) {
    public ExitCount plus(ExitCount other) {
        return new ExitCount(
                reason, fromL1 + other.fromL1, fromL2 + other.fromL2, reflected + other.reflected);
    }
}
