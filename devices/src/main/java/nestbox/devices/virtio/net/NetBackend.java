package nestbox.devices.virtio.net;

import java.util.Optional;

/// What the cable of a network card is plugged into.
///
/// [#send], [#receive] and [#linkUp] are called on the board's thread and never block.
public interface NetBackend extends AutoCloseable {
    /// The longest Ethernet frame that is carried, with room for a VLAN tag around 64 KiB.
    int MAX_FRAME = 65_536 + 18;

    /// How many frames wait in either direction before further ones are dropped or held back.
    int MAX_WAITING = 256;

    /// Sends a frame, which the caller will not change; one that can't be sent is lost.
    void send(byte[] frame);

    /// Takes the next frame that came in.
    Optional<byte[]> receive();

    boolean linkUp();

    /// @param wake run, on any thread, when a frame came in or the link went up or down
    void onInput(Runnable wake);

    @Override
    void close();
}
