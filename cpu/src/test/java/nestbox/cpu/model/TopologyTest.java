package nestbox.cpu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

import java.util.stream.IntStream;

class TopologyTest {
    @Test
    void coresWithoutHyperThreadingAreNumberedInSequence() {
        Topology topology = Topology.ofCores(3);
        assertThat(IntStream.range(0, 3).map(topology::apicId)).containsExactly(0, 1, 2);
        assertThat(topology.coreShift()).isZero();
        assertThat(topology.packageShift()).isEqualTo(2);
    }

    @Test
    void everyLevelHasBitsOfItsOwn() {
        Topology topology = new Topology(2, 3, 2);
        assertThat(topology.processors()).isEqualTo(12);
        assertThat(IntStream.range(0, 12).map(topology::apicId))
                .containsExactly(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13);
    }

    @Test
    void refusesEmptyLevels() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Topology(1, 0, 1));
    }
}
