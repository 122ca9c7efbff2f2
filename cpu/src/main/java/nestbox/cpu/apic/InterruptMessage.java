package nestbox.cpu.apic;

/// An interrupt message on its way from an I/O APIC, a device or a processor.
///
/// @param destination APIC id or message destination address
/// @param wide whether the destination has 32 bits, from an ICR in x2APIC mode, and not 8
/// @param logical whether the destination is a logical one
/// @param redirect whether only one processor of a logical destination takes it
/// @param level whether it is level-triggered
record InterruptMessage(
        int destination,
        boolean wide,
        boolean logical,
        boolean redirect,
        DeliveryMode mode,
        int vector,
        boolean level) {
    private static final int BROADCAST = 0xFF;
    private static final int WIDE_BROADCAST = -1;

    /// The memory write of a device. SDM Vol. 3A, "Message Signalled Interrupts".
    static InterruptMessage of(long address, int data) {
        DeliveryMode mode = DeliveryMode.of(data);
        boolean logical = (address & 1 << 2) != 0;
        boolean hint = (address & 1 << 3) != 0;
        return new InterruptMessage(
                (int) (address >>> 12) & 0xFF,
                false,
                logical,
                mode == DeliveryMode.LOWEST_PRIORITY
                        || hint && logical && mode == DeliveryMode.FIXED,
                mode,
                data & 0xFF,
                (data & 1 << 15) != 0);
    }

    /// What a write to the ICR sends. Its trigger mode plays no part: all IPIs are edge-triggered.
    ///
    /// @param wide whether the ICR is that of x2APIC mode
    static InterruptMessage ofCommand(long command, boolean wide) {
        DeliveryMode mode = DeliveryMode.of((int) command);
        int destination = (int) (command >>> 32);
        return new InterruptMessage(
                wide ? destination : destination >>> 24,
                wide,
                (command & 1 << 11) != 0,
                mode == DeliveryMode.LOWEST_PRIORITY,
                mode,
                (int) command & 0xFF,
                false);
    }

    boolean isBroadcast() {
        return destination == (wide ? WIDE_BROADCAST : BROADCAST);
    }

    /// Whether a shorthand may send it to the sender: no processor resets or starts itself. SDM
    /// Vol. 3A, Table "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC
    /// Interrupt Command Register".
    boolean canIncludeSelf() {
        return hasVector() || mode == DeliveryMode.NMI;
    }

    /// Whether it carries a vector that must be legal.
    boolean hasVector() {
        return mode == DeliveryMode.FIXED || mode == DeliveryMode.LOWEST_PRIORITY;
    }
}
