package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.nio.file.Path;
import java.util.List;

class ExitCostsTest {
    private final Emulator nestbox = new Nestbox(Path.of("nestbox"), 1);
    private final Results results = new Results(Results.Clock.WALL, List.of("Nestbox"));
    private final ExitCosts costs = new ExitCosts(results);

    @BeforeEach
    void aMillionExitsInTwoSeconds() {
        costs.introduced("Nestbox", "virtualization VMX 16");
        costs.counted("Nestbox", "end exits 00000000000f4240");
        add("exits", 2_000_000_000L);
        add("integer", 900_000_000);
        add("integer-guest", 1_000_000_000);
        add("memory", 1_000_000_000);
        add("memory-guest", 4_000_000_000L);
    }

    @Test
    void aRateFollowsFromTheCountAndTheTime() {
        assertThat(row("ns an exit")).isEqualTo("2000");
        assertThat(row("thousand exits/s")).isEqualTo("500.0");
        assertThat(row("million instr/s")).isEqualTo("8.00");
    }

    @Test
    void theSpeedOfAGuestIsThatOfItsHypervisorOrLess() {
        assertThat(row("guest/root integer")).isEqualTo("0.900");
        assertThat(row("guest/root memory")).isEqualTo("0.250");
    }

    @Test
    void exitsToL0ComeFromTheWarmUpToo() {
        assertThat(row("exits to L0 an exit")).isEqualTo("-");

        costs.ofL0("Nestbox", new ExitTable(4_000_006));

        assertThat(row("exits to L0 an exit")).isEqualTo("2.000");
    }

    @Test
    void anEmulatorWithoutVirtualizationIsRefused() {
        assertThatThrownBy(() -> costs.introduced("QEMU", "virtualization none"))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("QEMU");
    }

    private void add(String task, long nanos) {
        results.add(task, nestbox, new Run.Moment(0, 0), new Run.Moment(nanos, 0));
    }

    private String row(String title) {
        String row =
                costs.table().lines().filter(line -> line.startsWith(title)).findFirst().orElse("");
        return row.substring(title.length()).strip();
    }
}
