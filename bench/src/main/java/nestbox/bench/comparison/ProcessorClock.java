package nestbox.bench.comparison;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/// The processor time of another process, to the nanosecond.
///
/// What Java says about other processes comes in steps of 10 ms, which is as long as the fastest
/// emulator takes for a tenth of a cost centre.
@SuppressWarnings("restricted") // calls a function of the C library
final class ProcessorClock {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle CLOCK_GETTIME =
            LINKER.downcallHandle(
                    LINKER.defaultLookup().findOrThrow("clock_gettime"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    private static final long SECOND = 1_000_000_000;

    /// Linux: the time for which the threads of a process were scheduled.
    private static final int SCHEDULED = 2;

    private final int clock;

    ProcessorClock(Process process) {
        clock = ~(int) process.pid() << 3 | SCHEDULED;
    }

    /// @return 0 if the process is gone
    long nanos() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment time = arena.allocate(ValueLayout.JAVA_LONG, 2);
            int failed = (int) CLOCK_GETTIME.invokeExact(clock, time);
            return failed != 0
                    ? 0
                    : time.getAtIndex(ValueLayout.JAVA_LONG, 0) * SECOND
                            + time.getAtIndex(ValueLayout.JAVA_LONG, 1);
        } catch (Throwable e) {
            throw new IllegalStateException("clock_gettime takes an int and an address", e);
        }
    }
}
