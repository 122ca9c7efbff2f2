package nestbox.devices.virtio.net;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/// Frames over a UNIX stream socket, each after its length as 4 bytes, big-endian: what `passt`
/// and the stream network back-ends of other emulators speak.
///
/// A thread of its own does all I/O; the board's thread only touches two bounded queues. Outgoing
/// frames that find theirs full are dropped, as on a busy wire; incoming ones are left in the
/// socket, which makes the peer wait. A peer that goes away, or sends something that can't be a
/// frame, takes the link down; a listening back-end then accepts the next peer.
public final class UnixStreamBackend implements NetBackend {
    private static final int PREFIX = 4;
    private static final int BUFFER = 1 << 18;

    private final Selector selector;
    private final Optional<ServerSocketChannel> listener;
    private final Optional<Path> socketFile;
    private final BlockingQueue<byte[]> incoming = new ArrayBlockingQueue<>(MAX_WAITING);
    private final BlockingQueue<byte[]> outgoing = new ArrayBlockingQueue<>(MAX_WAITING);
    private final Thread thread;
    private volatile boolean up;
    private volatile boolean closing;
    private volatile boolean holdingBack;
    private volatile Runnable wake = () -> {};

    // Only the I/O thread touches these.
    private final ByteBuffer received = ByteBuffer.allocateDirect(BUFFER);
    private final ByteBuffer sending = ByteBuffer.allocateDirect(BUFFER);
    private Optional<SocketChannel> peer = Optional.empty();

    private UnixStreamBackend(Optional<ServerSocketChannel> listener, Optional<Path> socketFile)
            throws IOException {
        this.listener = listener;
        this.socketFile = socketFile;
        selector = Selector.open();
        thread = Thread.ofPlatform().daemon().name("net-stream").unstarted(this::run);
        sending.flip();
    }

    /// Connects to a peer that listens.
    public static UnixStreamBackend connect(Path path) throws IOException {
        SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path));
        return of(channel);
    }

    /// Uses a socket that is connected already.
    public static UnixStreamBackend of(SocketChannel channel) throws IOException {
        UnixStreamBackend backend = new UnixStreamBackend(Optional.empty(), Optional.empty());
        backend.adopt(channel);
        backend.thread.start();
        return backend;
    }

    /// Waits for peers, one at a time; the link is down until one is there. The socket file must
    /// not exist; it is deleted in the end.
    public static UnixStreamBackend listen(Path path) throws IOException {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path), 1);
        server.configureBlocking(false);
        UnixStreamBackend backend = new UnixStreamBackend(Optional.of(server), Optional.of(path));
        backend.thread.start();
        return backend;
    }

    // The board's thread

    @Override
    public void send(byte[] frame) {
        if (up && frame.length <= MAX_FRAME && outgoing.offer(frame)) {
            selector.wakeup();
        }
    }

    @Override
    public Optional<byte[]> receive() {
        Optional<byte[]> frame = Optional.ofNullable(incoming.poll());
        if (holdingBack) {
            selector.wakeup();
        }
        return frame;
    }

    @Override
    public boolean linkUp() {
        return up;
    }

    @Override
    public void onInput(Runnable action) {
        wake = action;
        if (!incoming.isEmpty()) {
            action.run();
        }
    }

    @Override
    public void close() {
        closing = true;
        selector.wakeup();
        try {
            thread.join();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    // The I/O thread

    private void run() {
        try (selector) {
            while (!closing && (peer.isPresent() || listener.isPresent())) {
                step();
            }
        } catch (IOException selectorFailed) {
            // Without a selector there is no wire: the link goes down below.
        } finally {
            disconnect();
            closeListener();
        }
    }

    private void step() throws IOException {
        unpack();
        watch();
        selector.select();
        selector.selectedKeys().clear();
        if (peer.isEmpty()) {
            accept();
            return;
        }
        try {
            transmit(peer.get());
            receive(peer.get());
        } catch (IOException gone) {
            disconnect();
        }
    }

    /// Registers interest in what can be worked on: further frames only if there is room for them.
    private void watch() throws IOException {
        if (peer.isPresent()) {
            boolean more = sending.hasRemaining() || !outgoing.isEmpty();
            watch(
                    peer.get(),
                    (holdingBack ? 0 : SelectionKey.OP_READ) | (more ? SelectionKey.OP_WRITE : 0));
        } else if (listener.isPresent()) {
            watch(listener.get(), SelectionKey.OP_ACCEPT);
        }
    }

    private void accept() throws IOException {
        SocketChannel accepted = listener.isPresent() ? listener.get().accept() : null;
        if (accepted != null) {
            adopt(accepted);
        }
    }

    private void watch(SelectableChannel channel, int operations) throws IOException {
        channel.register(selector, operations);
    }

    private void adopt(SocketChannel channel) throws IOException {
        channel.configureBlocking(false);
        if (listener.isPresent()) {
            watch(listener.get(), 0);
        }
        received.clear();
        sending.clear().flip();
        outgoing.clear();
        peer = Optional.of(channel);
        up = true;
        wake.run();
    }

    private void disconnect() {
        up = false;
        peer.ifPresent(UnixStreamBackend::closeQuietly);
        peer = Optional.empty();
        received.clear().flip();
        wake.run();
    }

    private void transmit(SocketChannel channel) throws IOException {
        while (true) {
            if (!sending.hasRemaining()) {
                byte[] frame = outgoing.poll();
                if (frame == null) {
                    return;
                }
                sending.clear();
                sending.putInt(frame.length).put(frame).flip();
            }
            if (channel.write(sending) == 0) {
                return;
            }
        }
    }

    private void receive(SocketChannel channel) throws IOException {
        if (!holdingBack && channel.read(received) < 0) {
            unpack();
            disconnect();
        }
    }

    /// Takes whole frames out of what was received, as far as there is room for them.
    ///
    /// The flag goes up before the first look for room, so that room made later ends the next
    /// selection at once and nothing stays behind.
    private void unpack() {
        holdingBack = true;
        boolean any = false;
        received.flip();
        while (received.remaining() >= PREFIX && incoming.remainingCapacity() > 0) {
            int length = received.getInt(received.position());
            if (length < 0 || length > MAX_FRAME) {
                disconnect();
                break;
            }
            if (received.remaining() < PREFIX + length) {
                break;
            }
            byte[] frame = new byte[length];
            received.getInt();
            received.get(frame);
            any |= length > 0 && incoming.offer(frame);
        }
        received.compact();
        holdingBack = incoming.remainingCapacity() == 0;
        if (any) {
            wake.run();
        }
    }

    private void closeListener() {
        listener.ifPresent(UnixStreamBackend::closeQuietly);
        try {
            if (socketFile.isPresent()) {
                Files.deleteIfExists(socketFile.get());
            }
        } catch (IOException leftBehind) {
            // A stale socket file: the next listener reports it.
        }
    }

    private static void closeQuietly(AutoCloseable channel) {
        try {
            channel.close();
        } catch (Exception alreadyGone) {
            // Nothing is lost: all that could be sent was sent.
        }
    }
}
