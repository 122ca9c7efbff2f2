package nestbox.hypervisor.memory;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.hypervisor.memory.Ranges.Range;

import org.junit.jupiter.api.Test;

import java.util.BitSet;
import java.util.SplittableRandom;

class RangesTest {
    @Test
    void emptyRangesAreLeftOut() {
        assertThat(Ranges.of(new Range(5, 5), new Range(0x1_0000_0000L, 0)).list()).isEmpty();
    }

    @Test
    void aRangeIsContainedOnlyAsAWhole() {
        Ranges ranges = Ranges.of(new Range(0, 10), new Range(10, 20));

        assertThat(ranges.contains(new Range(2, 10))).isTrue();
        assertThat(ranges.contains(new Range(15, 21))).isFalse();
    }

    @Test
    void whatIsTakenAwayIsGoneAndNothingElse() {
        long seed = 77;
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            Ranges ranges = Ranges.of(new Range(0, 100), new Range(150, 200));
            BitSet model = new BitSet();
            model.set(0, 100);
            model.set(150, 200);
            for (int i = 0; i < 8; i++) {
                int start = random.nextInt(210);
                int end = start + 1 + random.nextInt(30);
                ranges = ranges.without(new Range(start, end));
                model.clear(start, end);
            }
            BitSet left = new BitSet();
            ranges.list().forEach(range -> left.set((int) range.start(), (int) range.end()));
            assertThat(left).isEqualTo(model);
        }
    }
}
