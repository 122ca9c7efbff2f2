package nestbox.devices.ioapic;

/// Bits of an entry of the redirection table, after Intel's data sheet "82093AA I/O Advanced
/// Programmable Interrupt Controller", section "I/O Redirection Table Registers". The extended
/// destination, bits 55:48, is that of later I/O controller hubs.
final class RedirectionEntry {
    static final long LOGICAL = 1L << 11;
    static final long DELIVERY_STATUS = 1L << 12;
    static final long ACTIVE_LOW = 1L << 13;
    static final long REMOTE_IRR = 1L << 14;
    static final long LEVEL = 1L << 15;
    static final long MASKED = 1L << 16;

    /// After power-on.
    static final long RESET = MASKED;

    private static final long DEFINED = 0xFFFF_0000_0001_FFFFL;

    /// What a guest can write: all but delivery status and remote IRR.
    static final long WRITABLE = DEFINED & ~DELIVERY_STATUS & ~REMOTE_IRR;

    private static final int LOWEST_PRIORITY = 1;

    private static final long MESSAGE_BASE = 0xFEE0_0000L;
    private static final int MESSAGE_REDIRECTION_HINT = 1 << 3;
    private static final int MESSAGE_LOGICAL = 1 << 2;
    private static final int MESSAGE_LEVEL = 1 << 15;
    private static final int MESSAGE_ASSERT = 1 << 14;

    private RedirectionEntry() {}

    static int vector(long entry) {
        return (int) entry & 0xFF;
    }

    static int deliveryMode(long entry) {
        return (int) (entry >> 8) & 7;
    }

    static boolean isMasked(long entry) {
        return (entry & MASKED) != 0;
    }

    static boolean hasRemoteIrr(long entry) {
        return (entry & REMOTE_IRR) != 0;
    }

    /// Whether the pin is level-sensitive. The other delivery modes are edges, whatever is
    /// programmed: nobody would ever end such an interrupt.
    static boolean isLevel(long entry) {
        return (entry & LEVEL) != 0 && deliveryMode(entry) <= LOWEST_PRIORITY;
    }

    static long messageAddress(long entry) {
        long destination = entry >>> 56;
        long extended = entry >>> 48 & 0xFF;
        return MESSAGE_BASE
                | destination << 12
                | extended << 4
                | (deliveryMode(entry) == LOWEST_PRIORITY ? MESSAGE_REDIRECTION_HINT : 0)
                | ((entry & LOGICAL) != 0 ? MESSAGE_LOGICAL : 0);
    }

    static int messageData(long entry) {
        return (isLevel(entry) ? MESSAGE_LEVEL : 0)
                | MESSAGE_ASSERT
                | deliveryMode(entry) << 8
                | vector(entry);
    }
}
