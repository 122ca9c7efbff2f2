package nestbox.bench.centres;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/// One load of eight bytes from pages that the software TLB knows, by where the bytes lie.
public class MemoryAccess extends CentreBenchmark {
    /// Loads in the loop; its only other instruction is the jump.
    private static final int LOADS = 60;

    private static final int PAGES = 6;

    /// Where in a page the bytes begin.
    public enum Place {
        ALIGNED(0x100),
        UNALIGNED(0x103),
        CROSSING_LINE(0x13D),
        CROSSING_PAGE(0xFFD);

        private final int offset;

        Place(int offset) {
            this.offset = offset;
        }
    }

    @Param public Place place;

    @Setup
    public void start() {
        StringBuilder code = new StringBuilder();
        for (int i = 0; i < LOADS; i++) {
            // MOV RAX,[disp32]
            code.append("488b0425");
            code.append(Code.int32(GuestLoop.SMALL_PAGES + i % PAGES * 0x1000 + place.offset));
        }
        start(code + Code.jump(LOADS * 8, 0));
    }

    @Benchmark
    @OperationsPerInvocation(GuestLoop.INSTRUCTIONS)
    public long load() {
        return turn();
    }
}
