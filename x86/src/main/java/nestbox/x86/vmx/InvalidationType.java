package nestbox.x86.vmx;

import java.util.Arrays;
import java.util.Optional;

/// Register operands of INVEPT and INVVPID. SDM Vol. 3C, "INVEPT—Invalidate Translations Derived
/// from EPT" and "INVVPID—Invalidate Translations Based on VPID".
public enum InvalidationType {
    EPT_SINGLE_CONTEXT(1, EptVpidCapability.INVEPT_SINGLE_CONTEXT),
    EPT_ALL_CONTEXTS(2, EptVpidCapability.INVEPT_ALL_CONTEXTS),
    VPID_INDIVIDUAL_ADDRESS(0, EptVpidCapability.INVVPID_INDIVIDUAL_ADDRESS),
    VPID_SINGLE_CONTEXT(1, EptVpidCapability.INVVPID_SINGLE_CONTEXT),
    VPID_ALL_CONTEXTS(2, EptVpidCapability.INVVPID_ALL_CONTEXTS),
    VPID_RETAINING_GLOBALS(3, EptVpidCapability.INVVPID_RETAINING_GLOBALS);

    private final int number;
    private final EptVpidCapability capability;

    InvalidationType(int number, EptVpidCapability capability) {
        this.number = number;
        this.capability = capability;
    }

    /// What makes a processor accept it.
    public EptVpidCapability capability() {
        return capability;
    }

    private boolean isEpt() {
        return this == EPT_SINGLE_CONTEXT || this == EPT_ALL_CONTEXTS;
    }

    public static Optional<InvalidationType> ofInvept(long number) {
        return of(number, true);
    }

    public static Optional<InvalidationType> ofInvvpid(long number) {
        return of(number, false);
    }

    private static Optional<InvalidationType> of(long number, boolean ept) {
        return Arrays.stream(values())
                .filter(type -> type.isEpt() == ept && type.number == number)
                .findFirst();
    }
}
