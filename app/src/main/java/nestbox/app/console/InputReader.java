package nestbox.app.console;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Optional;

/// Brings what the user types, or what a pipe holds, to a guest's serial port.
///
/// The end of the input means nothing to the guest: a serial line has no end. But whoever runs the
/// guest may want to know that nobody can type any more. A pipe is read only as fast as the guest
/// takes it; from a terminal everything is read, because the keys that leave must always work, and
/// what the guest doesn't take is dropped in the end.
final class InputReader {
    private static final int CHUNK = 1024;
    private static final int MOST_TYPED_AHEAD = 1 << 16;
    private static final int POLL_MILLIS = 5;

    private final InputStream in;
    private final Optional<EscapeKeys> keys;
    private final SerialInput port;

    /// @param keys what filters the input of a raw terminal; nothing for a pipe
    InputReader(InputStream in, Optional<EscapeKeys> keys, SerialInput port) {
        this.in = in;
        this.keys = keys;
        this.port = port;
    }

    /// Reads on a thread of its own for the rest of the process: a read of standard input can't be
    /// ended from outside.
    void start() {
        Thread.ofPlatform().daemon().name("console-input").start(this::readAll);
    }

    private void readAll() {
        byte[] chunk = new byte[CHUNK];
        try {
            for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                byte[] bytes =
                        keys.isPresent()
                                ? keys.get().filter(chunk, count)
                                : Arrays.copyOf(chunk, count);
                if (keys.isEmpty() || port.backlog() < MOST_TYPED_AHEAD) {
                    port.send(bytes);
                }
                while (keys.isEmpty() && port.backlog() > 0) {
                    Thread.sleep(POLL_MILLIS);
                }
            }
            port.end();
        } catch (IOException e) {
            // Nothing can be typed any more, which is no different from the end of the input.
            port.end();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
