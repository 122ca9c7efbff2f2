package nestbox.devices.hpet;

/// Everything a snapshot holds of one comparator.
///
/// @param edge an edge-triggered interrupt has been raised and its line is still up
public record TimerState(
        long configuration, long comparator, long period, long fsbRoute, boolean edge) {}
