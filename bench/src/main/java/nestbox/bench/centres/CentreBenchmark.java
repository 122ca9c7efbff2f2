package nestbox.bench.centres;

import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/// What the benchmarks of single cost centres have in common: a loop that runs, and how to measure.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = "--enable-native-access=ALL-UNNAMED")
@State(Scope.Thread)
public abstract class CentreBenchmark {
    private GuestLoop loop;

    /// Called once, when the parameters are known.
    final void start(String code) {
        loop = new GuestLoop(code);
    }

    final long turn() {
        return loop.turn();
    }

    @TearDown
    public void close() {
        loop.close();
    }
}
