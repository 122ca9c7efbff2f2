package nestbox.console;

/// The receiving end of a VM's console port.
public interface GuestInput {
    /// Whether the port has room, so that nothing is lost.
    boolean canReceive();

    void receive(byte value);
}
