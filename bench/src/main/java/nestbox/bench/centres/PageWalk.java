package nestbox.bench.centres;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Setup;

/// One load from a page that the software TLB doesn't know: a walk of four levels of page tables.
public class PageWalk extends CentreBenchmark {
    private static final int LOADS = 60;

    /// Loads and the three instructions that close the loop.
    private static final int LOOP = LOADS + 3;

    @Setup
    public void start() {
        StringBuilder code = new StringBuilder();
        for (int i = 0; i < LOADS; i++) {
            // MOV RAX,[RDI+disp32]
            code.append("488b87").append(Code.int32(GuestLoop.SMALL_PAGES + i * 0x1000));
        }
        // ADD EDI,60 pages; AND EDI,half of the pages, so that the last load is inside, too
        code.append("81c7").append(Code.int32(LOADS * 0x1000));
        code.append("81e7").append(Code.int32((GuestLoop.PAGES / 2 - 1) * 0x1000));
        start(code + Code.jump(LOADS * 7 + 12, 0));
    }

    @Benchmark
    @OperationsPerInvocation(GuestLoop.INSTRUCTIONS / LOOP * LOADS)
    public long load() {
        return turn();
    }
}
