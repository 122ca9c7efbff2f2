package nestbox.app.console;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/// A pseudo-terminal of Linux, seen from the side that is no terminal. Java has nothing for it, so
/// this calls the C library; names and constants are those of its manual pages.
///
/// One thread uses it; only [#wake] is for others, and not after [#close].
final class PseudoTerminal implements AutoCloseable {
    private static final int O_RDWR = 2;
    private static final int O_NOCTTY = 0x100;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final int TCSANOW = 0;
    private static final long FIONREAD = 0x541B;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;
    private static final short POLLHUP = 16;

    /// More than any `struct termios` takes.
    private static final int TERMIOS_BYTES = 256;

    private static final int LONGEST_NAME = 128;
    private static final int POLLFD_BYTES = 8;
    private static final int POLLFD_EVENTS = 4;
    private static final int POLLFD_REVENTS = 6;

    private final int master;
    private final int waker;
    private final String name;

    private PseudoTerminal(int master, int waker, String name) {
        this.master = master;
        this.waker = waker;
        this.name = name;
    }

    /// Makes one, which changes none of the bytes that go through it.
    static PseudoTerminal open() throws IOException {
        int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        int master = Libc.POSIX_OPENPT.call(flags);
        try (Arena arena = Arena.ofConfined()) {
            Libc.GRANTPT.call(master);
            Libc.UNLOCKPT.call(master);
            MemorySegment name = arena.allocate(LONGEST_NAME);
            Libc.PTSNAME_R.call(master, name, (long) LONGEST_NAME);
            MemorySegment mode = arena.allocate(TERMIOS_BYTES);
            Libc.TCGETATTR.call(master, mode);
            Libc.CFMAKERAW.call(mode);
            Libc.TCSETATTR.call(master, TCSANOW, mode);
            // The kernel tells that nobody has the terminal open only after somebody had.
            Libc.CLOSE.call(Libc.OPEN.call(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
            int waker = Libc.EVENTFD.call(0, O_NONBLOCK | O_CLOEXEC);
            return new PseudoTerminal(master, waker, name.getString(0));
        } catch (IOException e) {
            Libc.CLOSE.call(master);
            throw e;
        }
    }

    /// The terminal's path.
    String name() {
        return name;
    }

    /// What there is to do.
    ///
    /// @param open whether somebody has the terminal open
    record Ready(boolean open, boolean canRead, boolean canWrite) {}

    /// Waits until there is something to do, the time is over, or [#wake] is called.
    ///
    /// @param used whether somebody has the terminal open; if not, only time can tell that somebody
    ///     does
    Ready await(boolean used, boolean read, boolean write, int millis) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment polled = arena.allocate(2 * POLLFD_BYTES, JAVA_INT.byteAlignment());
            poll(polled, 0, waker, POLLIN);
            poll(polled, 1, master, (short) ((read ? POLLIN : 0) | (write ? POLLOUT : 0)));
            long watched = used ? 2 : 1;
            Libc.POLL.call(polled, watched, millis);
            if (polled.get(JAVA_SHORT, POLLFD_REVENTS) != 0) {
                Libc.READ.call(waker, arena.allocate(JAVA_LONG), JAVA_LONG.byteSize());
            }
            Libc.POLL.call(polled, 2L, 0);
            short events = polled.get(JAVA_SHORT, POLLFD_BYTES + POLLFD_REVENTS);
            return new Ready(
                    (events & POLLHUP) == 0, (events & POLLIN) != 0, (events & POLLOUT) != 0);
        }
    }

    private static void poll(MemorySegment polled, int index, int file, short events) {
        polled.set(JAVA_INT, (long) index * POLLFD_BYTES, file);
        polled.set(JAVA_SHORT, (long) index * POLLFD_BYTES + POLLFD_EVENTS, events);
    }

    /// Ends [#await]; from any thread.
    void wake() {
        try (Arena arena = Arena.ofConfined()) {
            Libc.WRITE.call(waker, arena.allocateFrom(JAVA_LONG, 1), JAVA_LONG.byteSize());
        } catch (IOException full) {
            // It is going to wake up anyway.
        }
    }

    /// Takes what has been typed, as far as it fits, and doesn't wait.
    void read(ByteBuffer into) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, into.remaining()));
            int count = Libc.READ.call(master, bytes, (long) into.remaining());
            into.put(bytes.asSlice(0, count).asByteBuffer());
        }
    }

    /// Sends as much as the terminal takes now.
    void write(ByteBuffer from) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(Math.max(1, from.remaining()));
            MemorySegment.copy(MemorySegment.ofBuffer(from), 0, bytes, 0, from.remaining());
            int count = Libc.WRITE.call(master, bytes, (long) from.remaining());
            from.position(from.position() + count);
        }
    }

    /// How much of what was sent waits for a reader. The kernel drops it with [#close].
    int unread() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment path = arena.allocateFrom(name);
            int terminal = Libc.OPEN.call(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
            try {
                MemorySegment count = arena.allocate(JAVA_INT);
                Libc.IOCTL.call(terminal, FIONREAD, count);
                return count.get(JAVA_INT, 0);
            } finally {
                Libc.CLOSE.call(terminal);
            }
        }
    }

    @Override
    public void close() throws IOException {
        Libc.CLOSE.call(waker);
        Libc.CLOSE.call(master);
    }
}
