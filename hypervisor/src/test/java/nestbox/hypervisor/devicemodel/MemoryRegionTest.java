package nestbox.hypervisor.devicemodel;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.hypervisor.devicemodel.MemoryRegion.Kind;
import nestbox.hypervisor.memory.EptTables;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.ByteBuffer;

class MemoryRegionTest {
    private static final int ALL = 7;
    private static final long TOP = 1L << 48;

    private static boolean isValid(Kind kind, int attributes, long at, long from, long length) {
        return new MemoryRegion(kind, attributes, at, from, length).isValid();
    }

    @Test
    void fieldsAreWhereTheDeviceModelHasThem() {
        ByteBuffer list = ServiceMemory.structure(2 * MemoryRegion.SIZE);
        list.putInt(32, 2).putInt(36, 0x43).putLong(40, 0x1000).putLong(48, 0x2000);
        list.putLong(56, 0x3000);

        assertThat(MemoryRegion.of(list, 32))
                .isEqualTo(new MemoryRegion(Kind.DELETE, 0x43, 0x1000, 0x2000, 0x3000));
        assertThat(MemoryRegion.of(list, 0).kind()).isEqualTo(Kind.ADD);
        list.putInt(0, 1);
        assertThat(MemoryRegion.of(list, 0).kind()).isEqualTo(Kind.UNKNOWN);
    }

    @Test
    void onlyPagesThatCanBeReadAreMapped() {
        assertThat(isValid(Kind.ADD, ALL, 0x1000, 0x2000, 0x3000)).isTrue();
        assertThat(isValid(Kind.ADD, ALL & ~1, 0x1000, 0x2000, 0x3000)).isFalse();
        assertThat(isValid(Kind.DELETE, 0, 0x1000, 5, 0x3000)).isTrue();
        assertThat(isValid(Kind.UNKNOWN, ALL, 0x1000, 0x2000, 0x3000)).isFalse();
        assertThat(isValid(Kind.ADD, ALL, 0x1001, 0x2000, 0x3000)).isFalse();
        assertThat(isValid(Kind.ADD, ALL, 0x1000, 0x2001, 0x3000)).isFalse();
        assertThat(isValid(Kind.ADD, ALL, 0x1000, 0x2000, 0x3001)).isFalse();
    }

    @Test
    void addressesEndWhereFourLevelsOfTablesDo() {
        assertThat(isValid(Kind.DELETE, 0, TOP - 0x1000, 0, 0x1000)).isTrue();
        assertThat(isValid(Kind.DELETE, 0, TOP - 0x1000, 0, 0x2000)).isFalse();
        assertThat(isValid(Kind.DELETE, 0, TOP, 0, 0)).isTrue();
        assertThat(isValid(Kind.DELETE, 0, -0x1000, 0, 0x1000)).isFalse();
        assertThat(isValid(Kind.DELETE, 0, 0x1000, 0, Long.MIN_VALUE)).isFalse();
        assertThat(isValid(Kind.DELETE, 0, 0x1000, 0, Long.MAX_VALUE & -0x1000)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"0x47, 6", "0x87, 4", "0x107, 0", "0x207, 1", "0x407, 5", "0x7, 0"})
    void memoryTypesAreThoseOfEpt(int attributes, long type) {
        long entry = new MemoryRegion(Kind.ADD, attributes, 0, 0, 0).eptAttributes();
        assertThat(entry).isEqualTo(ALL | type << 3);
    }

    @Test
    void ordinaryMemoryIsWhatL0CallsRam() {
        assertThat(new MemoryRegion(Kind.ADD, 0x47, 0, 0, 0).eptAttributes())
                .isEqualTo(EptTables.RAM);
    }
}
