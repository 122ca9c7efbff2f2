package nestbox.bench.centres;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;

/// One write to a port of a device that does nothing: the way out of the processor and back.
public class PortWrite extends CentreBenchmark {
    private static final int WRITES = 60;

    /// Writes and the two instructions around them.
    private static final int LOOP = WRITES + 2;

    @Setup
    public void start() {
        // MOV EDX,port; OUT DX,EAX
        String code = "ba" + Code.int32(GuestLoop.PORT) + "ef".repeat(WRITES);
        start(code + Code.jump(5 + WRITES, 0));
    }

    @Benchmark
    @OperationsPerInvocation(GuestLoop.INSTRUCTIONS / LOOP * WRITES)
    public long write() {
        return turn();
    }
}
