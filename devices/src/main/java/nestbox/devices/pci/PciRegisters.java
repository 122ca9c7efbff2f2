package nestbox.devices.pci;

/// Offsets and bits of configuration space: *PCI Local Bus Specification 3.0*, "Configuration Space
/// Organization" and "Message Signaled Interrupts".
public final class PciRegisters {
    /// Size of the configuration space of a conventional function.
    public static final int CONFIG_SIZE = 0x100;

    public static final int VENDOR_ID = 0x00;
    public static final int DEVICE_ID = 0x02;
    public static final int COMMAND = 0x04;
    public static final int STATUS = 0x06;
    public static final int REVISION_ID = 0x08;
    public static final int CLASS_CODE = 0x09;
    public static final int CACHE_LINE_SIZE = 0x0C;
    public static final int LATENCY_TIMER = 0x0D;
    public static final int HEADER_TYPE = 0x0E;
    public static final int BAR0 = 0x10;
    public static final int SUBSYSTEM_VENDOR_ID = 0x2C;
    public static final int SUBSYSTEM_ID = 0x2E;
    public static final int CAPABILITIES_POINTER = 0x34;
    public static final int INTERRUPT_LINE = 0x3C;
    public static final int INTERRUPT_PIN = 0x3D;

    /// Where capabilities start.
    public static final int DEVICE_SPECIFIC = 0x40;

    public static final int BAR_COUNT = 6;

    public static final int COMMAND_IO = 1;
    public static final int COMMAND_MEMORY = 1 << 1;
    public static final int COMMAND_BUS_MASTER = 1 << 2;
    public static final int COMMAND_PARITY_ERROR_RESPONSE = 1 << 6;
    public static final int COMMAND_SERR = 1 << 8;
    public static final int COMMAND_INTX_DISABLE = 1 << 10;

    public static final int STATUS_INTERRUPT = 1 << 3;
    public static final int STATUS_CAPABILITIES = 1 << 4;

    /// Error bits, which software clears by writing ones.
    public static final int STATUS_ERRORS = 0xF900;

    public static final int HEADER_MULTI_FUNCTION = 0x80;

    public static final int BAR_IO = 1;
    public static final int BAR_64_BIT = 1 << 2;
    public static final int BAR_PREFETCHABLE = 1 << 3;

    public static final int CAPABILITY_MSI = 0x05;
    public static final int CAPABILITY_VENDOR = 0x09;
    public static final int CAPABILITY_MSIX = 0x11;

    private PciRegisters() {}
}
