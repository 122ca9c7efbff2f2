package nestbox.app.console;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/// Both directions of a serial line between the board's thread and the thread that serves its
/// other end.
///
/// Neither waits for the other. Of what the guest sends while nobody listens the newest is kept; a
/// listener that is too slow misses the oldest, and is told so. What comes in waits for the guest,
/// and the serving thread takes no more of it than there is room for.
final class Cable {
    /// As much output is kept for somebody who comes later, as the hypervisor's shell does.
    static final int KEPT = 8192;

    /// As much output waits for a listener who is slow.
    static final int WAITING = 1 << 16;

    /// As much input waits for the guest.
    static final int INPUT = 4096;

    private static final int ROOM_FOR_NOTICE = 80;

    // All guarded by this.
    private final ByteRing output = new ByteRing(WAITING);
    private final ByteRing input = new ByteRing(INPUT);
    private boolean listening;
    private long lost;

    /// Wakes the serving thread.
    private Runnable nudge = () -> {};

    /// Wakes the board's thread. Called without the lock, for it may take others.
    private volatile Runnable wake = () -> {};

    // The board's thread

    synchronized void write(byte value) {
        if (output.size() == (listening ? WAITING : KEPT)) {
            output.remove();
            lost++;
        }
        output.add(value);
        if (listening && output.size() == 1) {
            nudge.run();
        }
    }

    synchronized boolean hasInput() {
        return !input.isEmpty();
    }

    synchronized byte read() {
        if (input.size() == INPUT) {
            nudge.run();
        }
        return input.remove();
    }

    /// @param action called when something has come in, at once if that is so already
    void onInput(Runnable action) {
        wake = action;
        if (hasInput()) {
            action.run();
        }
    }

    // The serving thread

    /// @param action called when there is output for a listener or, after a lack of it, room for
    ///     input; from any thread
    synchronized void onChange(Runnable action) {
        nudge = action;
    }

    /// Somebody has come, or has gone.
    synchronized void listening(boolean is) {
        listening = is;
        lost = 0;
        while (!listening && output.size() > KEPT) {
            output.remove();
        }
    }

    synchronized boolean hasOutput() {
        return !output.isEmpty();
    }

    /// Fills a buffer, which is empty, with output for the listener.
    synchronized void take(ByteBuffer buffer) {
        if (lost > 0 && buffer.remaining() > ROOM_FOR_NOTICE) {
            String notice = "\r\n[nestbox: %d bytes were lost here]\r\n".formatted(lost);
            buffer.put(notice.getBytes(StandardCharsets.US_ASCII));
            lost = 0;
        }
        while (buffer.hasRemaining() && !output.isEmpty()) {
            buffer.put(output.remove());
        }
    }

    /// For how much input there is room.
    synchronized int room() {
        return INPUT - input.size();
    }

    /// Takes what has come in, which must not be more than there is room for.
    void give(ByteBuffer bytes) {
        add(bytes);
        wake.run();
    }

    private synchronized void add(ByteBuffer bytes) {
        while (bytes.hasRemaining()) {
            input.add(bytes.get());
        }
    }
}
