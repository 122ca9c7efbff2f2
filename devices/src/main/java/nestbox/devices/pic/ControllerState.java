package nestbox.devices.pic;

/// Everything a snapshot holds of one 8259A.
///
/// @param step the initialization command word that is expected next, 0 for none
/// @param lowest the input with the lowest priority
public record ControllerState(
        int lines,
        int edges,
        int inService,
        int mask,
        int levelTriggered,
        int step,
        int icw1,
        int icw2,
        int icw3,
        int icw4,
        int lowest,
        boolean readInService,
        boolean poll,
        boolean specialMask,
        boolean rotateOnAutoEoi,
        boolean initialized) {}
