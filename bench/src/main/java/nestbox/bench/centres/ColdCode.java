package nestbox.bench.centres;

import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Modes;
import nestbox.cpu.decode.Decoder;
import nestbox.platform.NativeSpace;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

import java.util.HexFormat;
import java.util.concurrent.TimeUnit;

/// The decoding of one instruction, of a mixture as compilers make it.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 10, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = "--enable-native-access=ALL-UNNAMED")
@State(Scope.Thread)
public class ColdCode {
    private static final int INSTRUCTIONS = 25;
    private static final long PAGE = 4096;

    // spotless:off
    private static final String CODE =
            // a function's beginning
            "55 4889e5 4157 53 4883ec18"
            // moves, with displacements, indexes and extensions
            + "488b4708 8b0c8e 0fb61402 4c8b2d10200000 89442404 b801000000 48c7450000000000"
            // arithmetic
            + "4801d8 31c9 4839c8 480fafc1 c1e803 83e10f f6470801"
            // vectors
            + "f30f6f07 660fefc1 f20f58c2"
            // and its end
            + "4883c418 5b 7405";
    // spotless:on

    private final Decoder decoder = new Decoder();
    private long place;
    private int size;

    @Setup
    public void start() {
        byte[] bytes = HexFormat.of().parseHex(CODE.replace(" ", ""));
        size = bytes.length;
        place = NativeSpace.allocate(PAGE);
        for (int i = 0; i < size; i++) {
            NativeSpace.SPACE.set(NativeSpace.I8, place + i, bytes[i]);
        }
        int decoded = 0;
        for (int at = 0; at < size; at = decode(at).end) {
            decoded++;
        }
        if (decoded != INSTRUCTIONS) {
            throw new IllegalStateException(
                    "%d instructions, not %d: correct the number."
                            .formatted(decoded, INSTRUCTIONS));
        }
    }

    private Insn decode(int at) {
        int mode = Modes.CODE_64 | Modes.FLAT_CODE | Modes.FLAT_DATA;
        return decoder.decode(place + at, size - at, at, mode);
    }

    @TearDown
    public void close() {
        NativeSpace.free(place, PAGE);
    }

    @Benchmark
    @OperationsPerInvocation(INSTRUCTIONS)
    public void instruction(Blackhole hole) {
        for (int at = 0; at < size; ) {
            Insn insn = decode(at);
            hole.consume(insn);
            at = insn.end;
        }
    }
}
