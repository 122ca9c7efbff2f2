package nestbox.app.console;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Locale;

/// Functions of Linux's C library that [PseudoTerminal] needs. They are called a few times for some
/// kilobytes at most, so how fast a call is doesn't matter.
enum Libc {
    POSIX_OPENPT(FunctionDescriptor.of(JAVA_INT, JAVA_INT)),
    GRANTPT(FunctionDescriptor.of(JAVA_INT, JAVA_INT)),
    UNLOCKPT(FunctionDescriptor.of(JAVA_INT, JAVA_INT)),
    PTSNAME_R(FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG)),
    TCGETATTR(FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS)),
    TCSETATTR(FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS)),
    CFMAKERAW(FunctionDescriptor.ofVoid(ADDRESS)),
    EVENTFD(FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT)),
    OPEN(FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2)),
    IOCTL(
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
            Linker.Option.firstVariadicArg(2)),
    POLL(FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT)),
    READ(FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG)),
    WRITE(FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG)),
    CLOSE(FunctionDescriptor.of(JAVA_INT, JAVA_INT));

    private static final int EINTR = 4;
    private static final int EAGAIN = 11;
    private static final StructLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private final MethodHandle handle;

    @SuppressWarnings("restricted") // there is no other way to a pseudo-terminal
    Libc(FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        Linker.Option[] all = Arrays.copyOf(options, options.length + 1);
        all[options.length] = Linker.Option.captureCallState("errno");
        MemorySegment function =
                linker.defaultLookup().findOrThrow(name().toLowerCase(Locale.ROOT));
        handle = linker.downcallHandle(function, type, all);
    }

    /// Calls it.
    ///
    /// @return its result, or 0 where nothing could be done without waiting
    /// @throws IOException if it reports an error
    int call(Object... arguments) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            Object[] all = new Object[arguments.length + 1];
            all[0] = state;
            System.arraycopy(arguments, 0, all, 1, arguments.length);
            if (!(handle.invokeWithArguments(all) instanceof Number result)) {
                return 0;
            }
            int error = (int) ERRNO.get(state, 0L);
            if (result.intValue() >= 0) {
                return result.intValue();
            }
            if (error == EAGAIN || error == EINTR) {
                return 0;
            }
            throw new IOException("%s: error %d".formatted(name().toLowerCase(Locale.ROOT), error));
        } catch (IOException e) {
            throw e;
        } catch (Throwable impossible) {
            throw new AssertionError("functions of C declare no exception", impossible);
        }
    }
}
