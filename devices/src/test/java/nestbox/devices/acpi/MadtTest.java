package nestbox.devices.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.BoardMap;
import nestbox.devices.FirmwareImage;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

class MadtTest {
    private static final long SEED = 0x4D41_4454L;

    private final GuestMemory memory = new GuestMemory(1 << 20);

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void processorsThatAreNotPassedOnAreDisabled() {
        AcpiTables.of(AcpiSetup.of(4)).install(memory);
        assertThat(Madt.enableOnly(memory, Set.of(1, 2, 3))).isEqualTo(3);

        assertThat(enabled()).containsExactly(1, 2, 3);
        assertThat(sum()).isZero();
    }

    @Test
    void processorsWithWideIdsAreDisabledToo() {
        AcpiSetup setup =
                new AcpiSetup("A", "B", List.of(0, 254, 255, 300), AcpiPart.BOARD, List.of());
        AcpiTables.of(setup).install(memory);
        assertThat(Madt.enableOnly(memory, Set.of(254, 300))).isEqualTo(2);

        assertThat(enabled()).containsExactly(254, 300);
        assertThat(sum()).isZero();
    }

    @Test
    void tablesStayAsTheyAreWhereAllProcessorsArePassedOn() {
        FirmwareImage image = AcpiTables.of(AcpiSetup.of(4));
        image.install(memory);
        assertThat(Madt.enableOnly(memory, Set.of(0, 1, 2, 3))).isEqualTo(4);

        byte[] after = new byte[image.bytes().length];
        memory.read(image.address(), after, 0, after.length);
        assertThat(after).isEqualTo(image.bytes());
    }

    @Test
    void withoutTablesNothingIsEnabled() {
        assertThat(Madt.enableOnly(memory, Set.of(0))).isZero();
    }

    /// A guest can write anything to where the tables lie before its machine starts again.
    @Test
    void damagedTablesDoNoHarm() {
        SplittableRandom random = new SplittableRandom(SEED);
        FirmwareImage image = AcpiTables.of(AcpiSetup.of(4));
        for (int round = 0; round < 3000; round++) {
            image.install(memory);
            for (int i = random.nextInt(1, 5); i > 0; i--) {
                long at = image.address() + random.nextInt(image.bytes().length);
                memory.writeByte(
                        random.nextBoolean() ? at : madt() + random.nextInt(64), random.nextInt());
            }
            assertThat(Madt.enableOnly(memory, Set.of(1, 2)))
                    .as("round %d, seed %x", round, SEED)
                    .isBetween(0, 0x1_0000 / 8);
        }
    }

    private long madt() {
        long xsdt = memory.readLong(BoardMap.ACPI_TABLES + 24);
        return memory.readLong(xsdt + 36 + 8);
    }

    private List<Integer> enabled() {
        List<Integer> ids = new ArrayList<>();
        long end = madt() + memory.readInt(madt() + 4);
        for (long at = madt() + 44; at < end; at += memory.readByte(at + 1)) {
            switch (memory.readByte(at)) {
                case 0 -> addEnabled(ids, memory.readByte(at + 3), at + 4);
                case 9 -> addEnabled(ids, memory.readInt(at + 4), at + 8);
                default -> {}
            }
        }
        return ids;
    }

    private void addEnabled(List<Integer> ids, int id, long flags) {
        if ((memory.readInt(flags) & 1) != 0) {
            ids.add(id);
        }
    }

    private int sum() {
        int sum = 0;
        for (int i = 0; i < memory.readInt(madt() + 4); i++) {
            sum += memory.readByte(madt() + i);
        }
        return sum & 0xFF;
    }
}
