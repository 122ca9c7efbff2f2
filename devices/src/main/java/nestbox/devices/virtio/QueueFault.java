package nestbox.devices.virtio;

/// What a driver did to a queue that no driver may do; the device then needs a reset.
public enum QueueFault {
    NONE,
    RING_MISALIGNED,
    RING_NOT_IN_RAM,
    AVAILABLE_INDEX_RAN_AWAY,
    DESCRIPTOR_INDEX_OUT_OF_RANGE,
    CHAIN_TOO_LONG,
    CHAIN_TOO_LARGE,
    BUFFER_NOT_IN_RAM,
    READABLE_AFTER_WRITABLE,
    BAD_INDIRECT_TABLE,
    BAD_REQUEST
}
