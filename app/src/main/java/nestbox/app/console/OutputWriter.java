package nestbox.app.console;

import nestbox.platform.ByteSink;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// Takes single bytes from the board's thread and writes them to a stream on a thread of its own.
///
/// A byte is written at once when nothing else waits, so a prompt appears as soon as the guest has
/// sent it; while one write is under way the next gathers, so a flood of output costs few system
/// calls. A reader that is too slow makes the guest wait instead of filling memory.
public final class OutputWriter implements ByteSink, AutoCloseable {
    private static final int CAPACITY = 1 << 16;

    private final OutputStream out;
    private final Consumer<IOException> onFailure;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Guarded by lock.
    private byte[] gathered = new byte[CAPACITY];
    private int count;
    private boolean closing;
    private boolean finished;
    private Optional<IOException> failure = Optional.empty();

    /// Used by the writing thread, and in turn with `gathered`.
    private byte[] underWay = new byte[CAPACITY];

    /// @param onFailure told once, on another thread, when the stream takes no more; further bytes
    ///     are dropped
    public OutputWriter(String name, OutputStream out, Consumer<IOException> onFailure) {
        this.out = out;
        this.onFailure = onFailure;
        Thread.ofPlatform().daemon().name(name).start(this::writeAll);
    }

    @Override
    public void write(byte value) {
        lock.lock();
        try {
            while (count == CAPACITY && failure.isEmpty()) {
                changed.awaitUninterruptibly();
            }
            if (failure.isPresent()) {
                return;
            }
            gathered[count++] = value;
            if (count == 1) {
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /// Like [#write(byte)] for each of them, with nobody else's in between.
    public void write(byte[] bytes) {
        lock.lock();
        try {
            int from = 0;
            while (from < bytes.length && failure.isEmpty()) {
                if (count == CAPACITY) {
                    changed.awaitUninterruptibly();
                    continue;
                }
                int length = Math.min(bytes.length - from, CAPACITY - count);
                System.arraycopy(bytes, from, gathered, count, length);
                from += length;
                count += length;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /// Why the stream takes no more, if that is so. After [#close] the answer is final.
    public Optional<IOException> failure() {
        lock.lock();
        try {
            return failure;
        } finally {
            lock.unlock();
        }
    }

    /// Writes what is left. The stream stays open.
    @Override
    public void close() {
        lock.lock();
        try {
            closing = true;
            changed.signalAll();
            while (!finished) {
                changed.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
    }

    private void writeAll() {
        try {
            for (int length = next(); length > 0; length = next()) {
                out.write(underWay, 0, length);
                out.flush();
            }
        } catch (IOException e) {
            fail(e);
            onFailure.accept(e);
        }
        lock.lock();
        try {
            finished = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void fail(IOException e) {
        lock.lock();
        try {
            failure = Optional.of(e);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /// Waits for bytes and takes them; 0 when there will be no more.
    private int next() {
        lock.lock();
        try {
            while (count == 0 && !closing) {
                changed.awaitUninterruptibly();
            }
            byte[] full = gathered;
            gathered = underWay;
            underWay = full;
            int length = count;
            count = 0;
            changed.signalAll();
            return length;
        } finally {
            lock.unlock();
        }
    }
}
