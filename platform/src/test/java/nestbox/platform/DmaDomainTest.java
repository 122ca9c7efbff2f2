package nestbox.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.platform.DmaDomain.Fault;
import nestbox.platform.DmaDomain.Range;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.List;

class DmaDomainTest {
    private static final long MIB = 1 << 20;

    private final GuestMemory memory = new GuestMemory(4 * MIB);
    private final DmaDomain dma = new DmaDomain(memory);

    @AfterEach
    void free() {
        memory.close();
    }

    @Test
    void withoutRestrictionsItIsMemory() {
        dma.writeLong(2 * MIB, 0x1122_3344_5566_7788L);
        assertThat(memory.readLong(2 * MIB)).isEqualTo(0x1122_3344_5566_7788L);
        assertThat(dma.readInt(2 * MIB + 2)).isEqualTo(0x3344_5566);
        assertThat(dma.reaches(0, 0xA0000, true)).isTrue();
        assertThat(dma.reaches(0, 0xA0001, false)).isFalse();
        assertThat(dma.reaches(4 * MIB - 1, 2, false)).isFalse();
        assertThat(dma.readLong(-1)).isZero();
        assertThat(dma.isRestricted()).isFalse();
        assertThat(dma.faults()).isZero();
    }

    @Test
    void addressesAreTranslated() {
        dma.restrictTo(List.of(new Range(0x1000, 2 * MIB, 0x2000, true)));
        dma.writeInt(0x1234, 0xCAFE_BABE);
        assertThat(memory.readInt(2 * MIB + 0x234)).isEqualTo(0xCAFE_BABE);
        assertThat(memory.readInt(0x1234)).isZero();
        memory.writeShort(2 * MIB + 0x1FFE, 0xABCD);
        assertThat(dma.readShort(0x2FFE)).isEqualTo(0xABCD);
        assertThat(dma.reaches(0x1000, 0x2000, true)).isTrue();
        assertThat(dma.faults()).isZero();
        assertThat(dma.lastFault()).isEmpty();
    }

    @Test
    void outsideReadsGiveZeroAndWritesAreDropped() {
        memory.writeLong(0xFF8, -1);
        memory.writeLong(0x1000, -1);
        dma.restrictTo(List.of(new Range(0x1000, 0x1000, 0x1000, true)));
        assertThat(dma.readLong(0xFF8)).isZero();
        assertThat(dma.lastFault()).contains(new Fault(0xFF8, false));
        dma.writeByte(0xFFF, 0x12);
        assertThat(memory.readByte(0xFFF)).isEqualTo(0xFF);
        assertThat(dma.lastFault()).contains(new Fault(0xFFF, true));
        assertThat(dma.reaches(0x1FFF, 2, false)).isFalse();
        assertThat(dma.lastFault()).contains(new Fault(0x2000, false));
        assertThat(dma.faults()).isEqualTo(3);
    }

    @Test
    void whatCrossesTheEndOfARangeIsCutThere() {
        memory.writeLong(0x1FF8, -1);
        memory.writeLong(0x2000, -1);
        dma.restrictTo(List.of(new Range(0x1000, 0x1000, 0x1000, true)));
        assertThat(dma.readLong(0x1FFC)).isEqualTo(0xFFFF_FFFFL);
        dma.writeLong(0x1FFC, 0);
        assertThat(memory.readLong(0x1FF8)).isEqualTo(0xFFFF_FFFFL);
        assertThat(memory.readLong(0x2000)).isEqualTo(-1);
        assertThat(dma.faults()).isEqualTo(2);
        assertThat(dma.lastFault()).contains(new Fault(0x2000, true));
    }

    @Test
    void neighboursOfOtherPlacesAreOneBuffer() {
        dma.restrictTo(
                List.of(
                        new Range(0x2000, 0x8000, 0x1000, true),
                        new Range(0x1000, 3 * MIB, 0x1000, true)));
        assertThat(dma.reaches(0x1000, 0x2000, true)).isTrue();
        dma.writeLong(0x1FFE, 0x8877_6655_4433_2211L);
        assertThat(memory.readShort(3 * MIB + 0xFFE)).isEqualTo(0x2211);
        assertThat(memory.readInt(0x8000)).isEqualTo(0x6655_4433);
        assertThat(dma.readLong(0x1FFE)).isEqualTo(0x8877_6655_4433_2211L);
        assertThat(dma.faults()).isZero();
    }

    @Test
    void readOnlyRangesAreNotWritten() {
        memory.writeInt(0x1000, 7);
        dma.restrictTo(List.of(new Range(0x1000, 0x1000, 0x1000, false)));
        assertThat(dma.reaches(0x1000, 4, false)).isTrue();
        assertThat(dma.readInt(0x1000)).isEqualTo(7);
        assertThat(dma.reaches(0x1000, 4, true)).isFalse();
        dma.writeInt(0x1000, 8);
        assertThat(memory.readInt(0x1000)).isEqualTo(7);
        assertThat(dma.faults()).isEqualTo(2);
    }

    @Test
    void noRangesIsNoMemory() {
        memory.writeByte(0, 1);
        dma.restrictTo(List.of());
        assertThat(dma.readByte(0)).isZero();
        assertThat(dma.reaches(0, 1, false)).isFalse();
        assertThat(dma.faults()).isEqualTo(2);
    }

    @Test
    void writesToCodeAreAnnouncedWhereTheyHappen() {
        long[] announced = {-1};
        memory.onCodeWrite((address, length) -> announced[0] = address);
        memory.setFlags(memory.page(memory.host(2 * MIB)), GuestMemory.HAS_CODE);
        dma.restrictTo(List.of(new Range(0, 2 * MIB, 0x1000, true)));
        dma.write(0x10, new byte[4], 0, 4);
        assertThat(announced[0]).isEqualTo(2 * MIB + 0x10);
    }

    @Test
    void resetLiftsEverything() {
        dma.restrictTo(List.of());
        dma.writeByte(0, 1);
        dma.reset();
        assertThat(dma.isRestricted()).isFalse();
        assertThat(dma.faults()).isZero();
        assertThat(dma.lastFault()).isEmpty();
        dma.writeByte(0, 1);
        assertThat(memory.readByte(0)).isEqualTo(1);
    }

    @Test
    void rangesMakeSense() {
        assertThatThrownBy(() -> new Range(-1, 0, 1, true))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Range(0, 0, 0, true))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Range(0, 2, Long.MAX_VALUE - 1, true))
                .isInstanceOf(IllegalArgumentException.class);
        List<Range> overlapping =
                List.of(new Range(0x1000, 0, 0x1001, true), new Range(0x2000, 0, 1, true));
        assertThatThrownBy(() -> dma.restrictTo(overlapping))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(dma.isRestricted()).isFalse();
    }
}
