package nestbox.console.subject;

/// What came of reading guest-virtual memory.
public sealed interface GuestRead {
    /// @param bytes as many as were asked for
    record Bytes(byte[] bytes) implements GuestRead {}

    /// @param errorCode that a page fault would have
    /// @param address guest-virtual, the first that can't be read
    record Fault(int errorCode, long address) implements GuestRead {}
}
