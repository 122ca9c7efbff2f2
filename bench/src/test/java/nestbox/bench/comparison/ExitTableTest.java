package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ExitTableTest {
    @Test
    void theNumberOfAllExitsStandsInTheLastRow() {
        String errors =
                """
                nestbox: 4,012,068,685 instructions, 20.060 s of the guest's time
                nestbox: VM exits, and what the processors did from each to the next VM entry
                  reason                              exits   share      instructions     per exit
                  VMRESUME                        2,000,005  50.0 %         2,000,005            1
                  CPUID                           2,000,001  50.0 %         2,000,001            1
                  all                             4,000,006 100.0 %         4,000,006            1
                """;

        assertThat(ExitTable.of(errors).all()).isEqualTo(4_000_006);
    }

    @Test
    void withoutATableThereIsNoNumber() {
        assertThatThrownBy(() -> ExitTable.of("nestbox: no such file"))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("no such file");
    }
}
