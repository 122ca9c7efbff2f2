package nestbox.bench.centres;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;

/// One instruction of a long block of arithmetic on registers: nothing but dispatch and meaning.
public class StraightBlock extends CentreBenchmark {
    @Setup
    public void start() {
        // ADD RAX,RBX; XOR RCX,RAX; LEA RDX,[RCX+8]; SUB RSI,RDX
        start("4801d8 4831c1 488d5108 4829d6".repeat(15) + Code.jump(15 * 13, 0));
    }

    @Benchmark
    @OperationsPerInvocation(GuestLoop.INSTRUCTIONS)
    public long instruction() {
        return turn();
    }
}
