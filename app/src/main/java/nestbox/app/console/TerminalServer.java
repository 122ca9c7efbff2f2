package nestbox.app.console;

import java.io.IOException;
import java.nio.ByteBuffer;

/// A serial line whose other end is a pseudo-terminal, for whatever programs open it.
final class TerminalServer {
    private static final int CHUNK = 4096;
    private static final long LAST_WORDS_NANOS = 1_000_000_000;
    private static final int POLL_MILLIS = 10;

    /// How long the terminal has to be empty: the kernel counts bytes as unread only after a while.
    private static final long SETTLED_NANOS = 200_000_000;

    /// How often to look whether somebody has opened the terminal, which nothing tells.
    private static final int LOOK_MILLIS = 100;

    private static final int UNTIL_WOKEN = -1;

    private final PseudoTerminal terminal;
    private final Cable cable = new Cable();
    private final Thread thread;
    private volatile boolean ending;

    // Only the serving thread touches these.
    private final ByteBuffer sending = ByteBuffer.allocate(CHUNK).flip();
    private final ByteBuffer received = ByteBuffer.allocate(CHUNK);
    private boolean used;
    private long endNanos;
    private long busyNanos;

    private TerminalServer(PseudoTerminal terminal) {
        this.terminal = terminal;
        thread = Thread.ofPlatform().daemon().name("console-terminal").unstarted(this::run);
        cable.onChange(terminal::wake);
    }

    /// Makes a terminal; the endpoint's place is its path.
    static Endpoint open() throws IOException {
        if (!System.getProperty("os.name").equals("Linux")) {
            throw new IOException(
                    "this host is not Linux, so there are only unix:PATH and file:PATH");
        }
        TerminalServer server = new TerminalServer(PseudoTerminal.open());
        server.thread.start();
        return new CableEndpoint(server.terminal.name(), server.cable, server::end);
    }

    private void end() {
        ending = true;
        terminal.wake();
        try {
            thread.join();
            cable.onChange(() -> {});
            terminal.close();
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
        } catch (IOException alreadyGone) {
            // There is nothing left to release.
        }
    }

    // The serving thread

    private void run() {
        try {
            while (!hasEnded()) {
                step();
            }
        } catch (IOException unusable) {
            // Without a terminal there is no line; what the guest sends is kept and dropped.
            listening(false);
        }
    }

    /// Someone who doesn't read the last words in time goes without.
    private boolean hasEnded() throws IOException {
        if (!ending) {
            return false;
        }
        if (endNanos == 0) {
            endNanos = System.nanoTime() + LAST_WORDS_NANOS;
            busyNanos = System.nanoTime();
        }
        if (!used) {
            return true;
        }
        long now = System.nanoTime();
        if (!isAllSaid()) {
            busyNanos = now;
        }
        return now - busyNanos > SETTLED_NANOS || now - endNanos > 0;
    }

    private boolean isAllSaid() throws IOException {
        return !sending.hasRemaining() && !cable.hasOutput() && terminal.unread() == 0;
    }

    private void step() throws IOException {
        boolean more = sending.hasRemaining() || cable.hasOutput();
        PseudoTerminal.Ready ready = terminal.await(used, cable.room() > 0, more, patience());
        listening(ready.open());
        if (ready.canRead()) {
            received.clear().limit(Math.min(received.capacity(), cable.room()));
            terminal.read(received);
            cable.give(received.flip());
        }
        if (ready.open() && ready.canWrite()) {
            if (!sending.hasRemaining()) {
                sending.clear();
                cable.take(sending);
                sending.flip();
            }
            terminal.write(sending);
        }
    }

    private int patience() {
        if (ending) {
            return POLL_MILLIS;
        }
        return used ? UNTIL_WOKEN : LOOK_MILLIS;
    }

    private void listening(boolean is) {
        if (used != is) {
            used = is;
            sending.clear().flip();
            cable.listening(is);
        }
    }
}
