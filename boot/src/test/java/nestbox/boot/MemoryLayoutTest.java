package nestbox.boot;

import static nestbox.boot.MemoryLayout.Type.RESERVED;
import static nestbox.boot.MemoryLayout.Type.USABLE;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import nestbox.boot.MemoryLayout.Range;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.Test;

import java.util.Collections;
import java.util.List;

class MemoryLayoutTest {
    private static final MemoryLayout BOARD = MemoryLayout.of(0x400_0000, 0x1_4000_0000L);

    @Test
    void mapLeavesOutTheHoles() {
        try (GuestMemory memory = new GuestMemory(3L << 30)) {
            List<Range> ranges = MemoryLayout.of(memory).ranges();
            assertThat(ranges)
                    .extracting(Range::start)
                    .containsExactly(
                            0L, 0x9F000L, 0xA0000L, 0x10_0000L, 0xE000_0000L, 0x1_0000_0000L);
            assertThat(ranges.getLast().end()).isEqualTo(memory.highTop());
            for (Range range : ranges) {
                boolean usable = range.type() == USABLE;
                assertThat(!usable || memory.host(range.start(), range.length()) >= 0).isTrue();
            }
        }
    }

    @Test
    void rangeThatIsTakenOutSplitsWhatIsAroundIt() {
        MemoryLayout rest = BOARD.without(0x100_0000, 0x80_0000);

        assertThat(rest.ranges())
                .contains(
                        new Range(0x10_0000, 0xF0_0000, USABLE),
                        new Range(0x180_0000, 0x280_0000, USABLE))
                .hasSize(BOARD.ranges().size() + 1);
        assertThat(rest.usableBytes()).isEqualTo(BOARD.usableBytes() - 0x80_0000);
        assertThat(rest.firstHole()).isEqualTo(0x100_0000);
        assertThat(rest.lowTop()).isEqualTo(0x400_0000);
    }

    @Test
    void rangeThatIsTakenOutMayCoverSeveral() {
        // The map of a PC ends its PCI configuration space at 0xF0000000.
        assertThat(BOARD.without(0x8_0000, 0xEFF8_0000L).ranges())
                .containsExactly(new Range(0, 0x8_0000, USABLE), BOARD.ranges().getLast());
    }

    @Test
    void nothingIsTakenOutWhereNothingIs() {
        assertThat(BOARD.without(0x9000_0000L, 0x1000_0000)).isEqualTo(BOARD);
    }

    @Test
    void impossibleMapsAreRefused() {
        Range first = new Range(0, 0x1000, USABLE);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MemoryLayout(List.of(first, new Range(0xFFF, 1, RESERVED))));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MemoryLayout(Collections.nCopies(129, first)));
        assertThatIllegalArgumentException().isThrownBy(() -> new Range(0, 0, USABLE));
        assertThatIllegalArgumentException().isThrownBy(() -> new Range(1, Long.MAX_VALUE, USABLE));
    }
}
