package nestbox.bench.centres;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;

/// One indirect jump to one of 256 blocks by chance, and the six instructions that choose it: no
/// link from block to block helps, so each block is looked up.
public class IndirectBranch extends CentreBenchmark {
    private static final int TARGETS = 256;
    private static final int LOOP = 7;

    @Setup
    public void start() {
        // IMUL EAX,EAX,1664525; ADD EAX,1013904223; MOV ECX,EAX; SHR ECX,24; SHL ECX,5;
        // ADD ECX,CODE; JMP RCX; five bytes that never run
        String target =
                "69c00d661900 055ff36e3c 89c1 c1e918 c1e105 81c1"
                        + Code.int32(GuestLoop.CODE)
                        + "ffe1 9090909090";
        start(target.repeat(TARGETS));
    }

    @Benchmark
    @OperationsPerInvocation(GuestLoop.INSTRUCTIONS / LOOP)
    public long jump() {
        return turn();
    }
}
