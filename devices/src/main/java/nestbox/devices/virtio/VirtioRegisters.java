package nestbox.devices.virtio;

/// Numbers of *Virtual I/O Device (VIRTIO) Version 1.2* that all device types share.
public final class VirtioRegisters {
    // 2.1 Device Status Field
    public static final int ACKNOWLEDGE = 1;
    public static final int DRIVER = 1 << 1;
    public static final int DRIVER_OK = 1 << 2;
    public static final int FEATURES_OK = 1 << 3;
    public static final int DEVICE_NEEDS_RESET = 1 << 6;
    public static final int FAILED = 1 << 7;

    // 6 Reserved Feature Bits
    public static final long F_INDIRECT_DESC = 1L << 28;
    public static final long F_EVENT_IDX = 1L << 29;
    public static final long F_VERSION_1 = 1L << 32;

    // 2.7.5 The Virtqueue Descriptor Table
    public static final int DESC_BYTES = 16;
    public static final int DESC_NEXT = 1;
    public static final int DESC_WRITE = 1 << 1;
    public static final int DESC_INDIRECT = 1 << 2;

    // 2.7.6 The Virtqueue Available Ring
    public static final int AVAIL_NO_INTERRUPT = 1;

    // 4.1.2 PCI Device Discovery
    public static final int PCI_VENDOR = 0x1AF4;
    public static final int PCI_DEVICE = 0x1040;
    public static final int PCI_SUBSYSTEM = 0x1100;
    public static final int PCI_REVISION = 1;

    // 4.1.4 Virtio Structure PCI Capabilities
    public static final int CAP_COMMON = 1;
    public static final int CAP_NOTIFY = 2;
    public static final int CAP_ISR = 3;
    public static final int CAP_DEVICE = 4;
    public static final int CAP_PCI = 5;

    // 4.1.4.3 Common configuration structure layout
    public static final int DEVICE_FEATURE_SELECT = 0x00;
    public static final int DEVICE_FEATURE = 0x04;
    public static final int DRIVER_FEATURE_SELECT = 0x08;
    public static final int DRIVER_FEATURE = 0x0C;
    public static final int CONFIG_MSIX_VECTOR = 0x10;
    public static final int NUM_QUEUES = 0x12;
    public static final int DEVICE_STATUS = 0x14;
    public static final int CONFIG_GENERATION = 0x15;
    public static final int QUEUE_SELECT = 0x16;
    public static final int QUEUE_SIZE = 0x18;
    public static final int QUEUE_MSIX_VECTOR = 0x1A;
    public static final int QUEUE_ENABLE = 0x1C;
    public static final int QUEUE_NOTIFY_OFF = 0x1E;
    public static final int QUEUE_DESC = 0x20;
    public static final int QUEUE_DRIVER = 0x28;
    public static final int QUEUE_DEVICE = 0x30;
    public static final int COMMON_SIZE = 0x38;

    /// Where no vector is assigned.
    public static final int NO_VECTOR = 0xFFFF;

    // 4.1.4.5 ISR status capability
    public static final int ISR_QUEUE = 1;
    public static final int ISR_CONFIG = 1 << 1;

    private VirtioRegisters() {}
}
