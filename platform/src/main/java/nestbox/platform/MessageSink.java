package nestbox.platform;

/// Where message-signalled interrupts go: a memory write of 4 bytes to 0xFEE00000–0xFEEFFFFF.
@FunctionalInterface
public interface MessageSink {
    /// @param address message address: destination, redirection hint, destination mode
    /// @param data message data: vector, delivery mode, level, trigger mode
    void message(long address, int data);
}
