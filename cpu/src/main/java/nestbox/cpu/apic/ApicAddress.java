package nestbox.cpu.apic;

/// Under which destinations a local APIC is reached: ID, LDR and DFR. SDM Vol. 3A, "Determining IPI
/// Destination".
final class ApicAddress {
    private static final int FLAT = 0xF;
    private static final int CLUSTER = 0x0;

    private final int initialId;
    private int id;
    private int logicalDestination;
    private int destinationFormat;

    ApicAddress(int initialId) {
        this.initialId = initialId;
    }

    void resetId() {
        id = initialId << 24;
    }

    void resetLogical() {
        logicalDestination = 0;
        destinationFormat = -1;
    }

    /// The register ID.
    int id(ApicMode mode) {
        return mode == ApicMode.X2APIC ? initialId : id;
    }

    void setId(int value) {
        id = value;
    }

    /// The register LDR. SDM Vol. 3A, "Deriving Logical x2APIC ID from the Local x2APIC ID".
    int logicalDestination(ApicMode mode) {
        return mode == ApicMode.X2APIC
                ? initialId >>> 4 << 16 | 1 << (initialId & 0xF)
                : logicalDestination;
    }

    void setLogicalDestination(int value) {
        logicalDestination = value;
    }

    /// The register DFR.
    int destinationFormat() {
        return destinationFormat;
    }

    void setDestinationFormat(int value) {
        destinationFormat = value | ~ApicRegister.DESTINATION_FORMAT.writableBits();
    }

    /// Whether a message is for this APIC.
    boolean matches(InterruptMessage message, ApicMode mode) {
        int destination = message.destination();
        return switch (mode) {
            case DISABLED, INVALID -> false;
            case XAPIC ->
                    message.isBroadcast()
                            || destination >>> 8 == 0
                                    && (message.logical()
                                            ? matchesLogical(destination)
                                            : destination == id >>> 24);
            case X2APIC ->
                    message.isBroadcast()
                            || (message.logical()
                                    ? matchesX2Logical(destination)
                                    : destination == initialId);
        };
    }

    private boolean matchesLogical(int destination) {
        int logicalId = logicalDestination >>> 24;
        return switch (destinationFormat >>> 28) {
            case FLAT -> (logicalId & destination) != 0;
            case CLUSTER ->
                    logicalId >> 4 == destination >> 4 && (logicalId & destination & 0xF) != 0;
            default -> false;
        };
    }

    private boolean matchesX2Logical(int destination) {
        int logicalId = logicalDestination(ApicMode.X2APIC);
        return logicalId >>> 16 == destination >>> 16 && (logicalId & destination & 0xFFFF) != 0;
    }

    void restore(ApicState state) {
        id = state.id();
        logicalDestination = state.logicalDestination();
        destinationFormat = state.destinationFormat();
    }
}
