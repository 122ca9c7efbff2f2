package nestbox.app.console;

import java.io.IOException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/// A serial line whose other end is a UNIX stream socket.
///
/// One client has the line at a time; another is told so and sent away. When the client ends its
/// side, the line is free for the next one.
final class SocketServer {
    private static final int CHUNK = 4096;
    /// What waits for a slow client waits in the cable, where the newest counts.
    private static final int SEND_BUFFER = 1 << 14;

    private static final long LAST_WORDS_NANOS = 1_000_000_000;
    private static final int POLL_MILLIS = 10;
    private static final long PAUSE_NANOS = 100_000_000;
    private static final int FILE_TYPE = 0170000;
    private static final int SOCKET = 0140000;

    private static final byte[] BUSY =
            "[nestbox: another client has this console]\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Path path;
    private final ServerSocketChannel listener;
    private final Selector selector;
    private final Cable cable = new Cable();
    private final Thread thread;
    private volatile boolean ending;

    // Only the serving thread touches these.
    private final ByteBuffer sending = ByteBuffer.allocate(CHUNK).flip();
    private final ByteBuffer received = ByteBuffer.allocate(CHUNK);
    private Optional<SocketChannel> client = Optional.empty();
    private long endNanos;

    private SocketServer(Path path, ServerSocketChannel listener) throws IOException {
        this.path = path;
        this.listener = listener;
        listener.configureBlocking(false);
        selector = Selector.open();
        thread = Thread.ofPlatform().daemon().name("console-socket").unstarted(this::run);
        cable.onChange(selector::wakeup);
    }

    /// Listens at a path. A socket that a dead process has left there is replaced.
    static Endpoint open(EndpointSpec.Socket spec) throws IOException {
        Path path = spec.path();
        makeWay(path);
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            bind(listener, path);
            SocketServer server = new SocketServer(path, listener);
            server.thread.start();
            return new CableEndpoint(spec.text(), server.cable, server::end);
        } catch (IOException e) {
            listener.close();
            throw e;
        }
    }

    private static void bind(ServerSocketChannel listener, Path path) throws IOException {
        try {
            listener.bind(UnixDomainSocketAddress.of(path));
        } catch (SocketException e) {
            throw new FileSystemException(path.toString(), null, e.getMessage());
        }
    }

    private static void makeWay(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        Object mode = Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        if (!(mode instanceof Integer bits && (bits & FILE_TYPE) == SOCKET)) {
            throw new FileSystemException(
                    path.toString(), null, "it is there and no socket, so it stays: name another");
        }
        if (isAlive(path)) {
            throw new FileSystemException(path.toString(), null, "another program listens there");
        }
        Files.delete(path);
    }

    private static boolean isAlive(Path path) {
        try (SocketChannel _ = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            return true;
        } catch (IOException nobody) {
            return false;
        }
    }

    private void end() {
        ending = true;
        selector.wakeup();
        try {
            thread.join();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    // The serving thread

    private void run() {
        try (selector;
                listener) {
            while (!hasEnded()) {
                step();
            }
            Files.deleteIfExists(path);
        } catch (IOException unusable) {
            // Without a selector there is no line; what the guest sends is kept and dropped.
        } finally {
            disconnect();
        }
    }

    /// A client that doesn't take the last words in time goes without.
    private boolean hasEnded() {
        if (!ending) {
            return false;
        }
        if (endNanos == 0) {
            endNanos = System.nanoTime() + LAST_WORDS_NANOS;
        }
        boolean said = client.isEmpty() || !sending.hasRemaining() && !cable.hasOutput();
        return said || System.nanoTime() - endNanos > 0;
    }

    private void step() throws IOException {
        listener.register(selector, SelectionKey.OP_ACCEPT);
        if (client.isPresent()) {
            client.get().register(selector, interest());
        }
        if (ending) {
            selector.select(POLL_MILLIS);
        } else {
            selector.select();
        }
        selector.selectedKeys().clear();
        accept();
        try {
            if (client.isPresent()) {
                transmit(client.get());
                receive(client.get());
            }
        } catch (IOException gone) {
            disconnect();
        }
    }

    /// More input only if there is room for it.
    private int interest() {
        boolean more = sending.hasRemaining() || cable.hasOutput();
        return (cable.room() > 0 ? SelectionKey.OP_READ : 0) | (more ? SelectionKey.OP_WRITE : 0);
    }

    private void accept() {
        try {
            SocketChannel newcomer = listener.accept();
            if (newcomer != null) {
                welcome(newcomer);
            }
        } catch (IOException noMoreFiles) {
            // It will be there at the next try, too; others need their time.
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private void welcome(SocketChannel newcomer) {
        try {
            newcomer.configureBlocking(false);
            newcomer.setOption(StandardSocketOptions.SO_SNDBUF, SEND_BUFFER);
            if (client.isEmpty()) {
                client = Optional.of(newcomer);
                cable.listening(true);
                return;
            }
            newcomer.write(ByteBuffer.wrap(BUSY));
        } catch (IOException gone) {
            // Then it needn't be told.
        }
        closeQuietly(newcomer);
    }

    /// Sends a chunk; what is left has its turn after a look at what comes in.
    private void transmit(SocketChannel to) throws IOException {
        if (!sending.hasRemaining()) {
            sending.clear();
            cable.take(sending);
            sending.flip();
        }
        if (sending.hasRemaining()) {
            to.write(sending);
        }
    }

    private void receive(SocketChannel from) throws IOException {
        int room = cable.room();
        if (room == 0) {
            return;
        }
        received.clear().limit(Math.min(received.capacity(), room));
        int count = from.read(received);
        if (count < 0) {
            disconnect();
        } else if (count > 0) {
            cable.give(received.flip());
        }
    }

    private void disconnect() {
        client.ifPresent(SocketServer::closeQuietly);
        client = Optional.empty();
        sending.clear().flip();
        cable.listening(false);
    }

    private static void closeQuietly(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException alreadyGone) {
            // All that could be sent was sent.
        }
    }
}
