package nestbox.hypervisor.memory;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

class EptTablesTest {
    private static final long PAGE = GuestMemory.PAGE_SIZE;
    private static final long TABLES = 1 << 20;
    private static final int PAGES = 512;

    private GuestMemory memory;
    private EptTables ept;

    @BeforeEach
    void setUp() {
        memory = new GuestMemory(8 << 20);
        ept = new EptTables(new PagePool(memory, TABLES, PAGES * PAGE));
    }

    @AfterEach
    void tearDown() {
        memory.close();
    }

    @Test
    void aRangeIsMappedWithTheLargestPagesThatFit() {
        ept.map(0, 0, 1L << 31, EptTables.RAM);
        ept.map(1L << 32, 1L << 32, 5L << 20, EptTables.DEVICE);
        ept.map(1L << 33, (1L << 33) + PAGE, 4L << 20, EptTables.RAM);

        assertThat(ept.leaf(0x1234).orElseThrow().shift()).isEqualTo(30);
        assertThat(ept.leaf(1L << 32).orElseThrow().shift()).isEqualTo(21);
        assertThat(ept.leaf((1L << 32) + (4 << 20)).orElseThrow().shift()).isEqualTo(12);
        assertThat(ept.leaf(1L << 33).orElseThrow().shift()).isEqualTo(12);
    }

    @Test
    void takingAPageOutOfALargeOneLeavesItsNeighbours() {
        ept.map(0, 1L << 30, 1L << 30, EptTables.RAM);
        ept.unmap(0xA_0000, 0x2_0000);

        assertThat(ept.leaf(0xA_0000)).isEmpty();
        assertThat(ept.leaf(0xB_FFFF)).isEmpty();
        assertThat(ept.leaf(0x9_FFFF).orElseThrow().host(0x9_FFFF))
                .isEqualTo((1L << 30) + 0x9_FFFF);
        assertThat(ept.leaf(0xC_0000).orElseThrow().host(0xC_0000))
                .isEqualTo((1L << 30) + 0xC_0000);
        assertThat(ept.leaf(0x20_0000).orElseThrow().shift()).isEqualTo(21);
    }

    @Test
    void nothingIsMappedAboveWhatFourLevelsReach() {
        assertThat(ept.leaf(1L << 48)).isEmpty();
        assertThat(ept.leaf(-1)).isEmpty();
    }

    @Test
    void ramIsWhatTheBoardHasAndTheGuestMayWrite() {
        ept.map(0, 0, 2L << 20, EptTables.RAM);
        ept.map(4L << 20, 0, 2L << 20, EptTables.DEVICE & ~2);
        ept.map(6L << 20, 1L << 40, 2L << 20, EptTables.RAM);

        assertThat(ept.ram(0x1000, 8)).contains(0x1000L);
        assertThat(ept.ram(0xA_0000, 8)).as("the video window").isEmpty();
        assertThat(ept.ram(4L << 20, 8)).as("not writable").isEmpty();
        assertThat(ept.ram(6L << 20, 8)).as("no RAM").isEmpty();
    }

    @Test
    void tablesThatAreNoLongerNeededAreUsedAgain() {
        for (long i = 0; i < 4 * PAGES; i++) {
            assertThat(ept.tryMap(i << 30, 0, 3 * PAGE, EptTables.RAM)).isTrue();
            assertThat(ept.leaf((i << 30) + PAGE)).isPresent();
            assertThat(ept.unmap(i << 30, 1L << 30)).isTrue();
            assertThat(ept.leaf((i << 30) + PAGE)).isEmpty();
        }
    }

    @Test
    void aLargePageTakesThePlaceOfATable() {
        for (int i = 0; i < 4 * PAGES; i++) {
            assertThat(ept.tryMap(0, PAGE, PAGE, EptTables.RAM)).isTrue();
            assertThat(ept.tryMap(0, 0, 2L << 20, EptTables.RAM)).isTrue();
            assertThat(ept.leaf(0).orElseThrow().shift()).isEqualTo(21);
        }
    }

    @Test
    void withoutPagesNothingMoreIsMapped() {
        long address = 0;
        while (ept.tryMap(address, 0, PAGE, EptTables.RAM)) {
            assertThat(address).isLessThan((long) PAGES << 30);
            address += 1L << 30;
        }
        assertThat(ept.leaf(address)).isEmpty();
        assertThat(ept.leaf(0)).isPresent();
        assertThat(ept.unmap(0, 1L << 30)).isTrue();
        assertThat(ept.tryMap(0, 0, PAGE, EptTables.RAM)).isTrue();
    }

    @Test
    void aPageOfALargeOneCanBeWriteProtectedByItself() {
        ept.map(0, 0, 2L << 20, EptTables.RAM);
        assertThat(ept.writable(0x1234, false)).isTrue();

        assertThat(ept.ram(0x1000, 8)).isEmpty();
        assertThat(ept.ram(0x2000, 8)).contains(0x2000L);
        assertThat(ept.writable(0x1000, true)).isTrue();
        assertThat(ept.ram(0x1000, 8)).contains(0x1000L);
        assertThat(ept.writable(4L << 20, true)).as("not mapped").isFalse();
    }

    @Test
    void whateverIsMappedAndUnmappedTheTablesSayWhatAModelSays() {
        long seed = 20_261_122;
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        Map<Long, Long> model = new HashMap<>();
        for (int i = 0; i < 300; i++) {
            long guest = random.nextLong(4096);
            long length = 1 + random.nextLong(600);
            if (random.nextInt(3) == 0) {
                ept.unmap(guest * PAGE, length * PAGE);
                for (long page = guest; page < guest + length; page++) {
                    model.remove(page);
                }
                continue;
            }
            long host = random.nextBoolean() ? guest : random.nextLong(1 << 20);
            for (long page = guest; page < guest + length; page++) {
                if (!model.containsKey(page)) {
                    ept.map(page * PAGE, (host + page - guest) * PAGE, PAGE, EptTables.RAM);
                    model.put(page, host + page - guest);
                }
            }
        }
        for (long page = 0; page < 5000; page++) {
            long address = page * PAGE + 5;
            assertThat(ept.leaf(address).map(leaf -> leaf.host(address)))
                    .isEqualTo(Optional.ofNullable(model.get(page)).map(host -> host * PAGE + 5));
        }
    }
}
