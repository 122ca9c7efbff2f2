package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.List;

class ResultsTest {
    private final Emulator nestbox = new Nestbox(Path.of("nestbox"), 1);
    private final Emulator qemu = Qemu.withAll();

    @Test
    void theMedianOfAnEvenNumberOfTimesLiesBetweenTheMiddleOnes() {
        assertThat(Results.median(List.of(9.0, 1.0, 2.0))).isEqualTo(2);
        assertThat(Results.median(List.of(9.0, 1.0, 2.0, 4.0))).isEqualTo(3);
    }

    @Test
    void aRatioSaysHowManyTimesLongerTheFirstTakes() {
        Results results = new Results(Results.Clock.WALL, List.of("Nestbox", "QEMU"));
        add(results, "one", nestbox, 4_000_000_000L, 0);
        add(results, "one", qemu, 2_000_000_000L, 0);
        add(results, "two", nestbox, 8_000_000_000L, 0);
        add(results, "two", qemu, 1_000_000_000L, 0);

        assertThat(results.table().lines().map(line -> line.substring(line.lastIndexOf(' ') + 1)))
                .containsExactly("QEMU", "2.00", "8.00");
        assertThat(results.mean()).contains("4.00");
    }

    @Test
    void processorTimeIsThatOfTheProcess() {
        Results results = new Results(Results.Clock.PROCESSOR, List.of("Nestbox"));
        add(results, "one", nestbox, 4_000_000_000L, 500_000_000);

        assertThat(results.table()).contains("0.500");
    }

    @Test
    void aTimeThatCouldNotBeReadIsNoResult() {
        Results results = new Results(Results.Clock.PROCESSOR, List.of("QEMU"));

        assertThatThrownBy(() -> add(results, "one", qemu, 4_000_000_000L, 0))
                .isInstanceOf(BenchException.class);
    }

    @Test
    void whatAnEmulatorHasNotDoneIsADash() {
        Results results = new Results(Results.Clock.WALL, List.of("Nestbox", "QEMU"));
        add(results, "one", nestbox, 4_000_000_000L, 0);

        assertThat(results.table().lines().toList().getLast()).matches("one +4.000 +- +-");
        assertThat(results.median("one", "QEMU")).isNaN();
        assertThat(results.median("two", "Nestbox")).isNaN();
    }

    private static void add(
            Results results, String task, Emulator emulator, long nanos, long processorNanos) {
        results.add(task, emulator, new Run.Moment(0, 0), new Run.Moment(nanos, processorNanos));
    }
}
