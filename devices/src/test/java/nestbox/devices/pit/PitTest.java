package nestbox.devices.pit;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;

class PitTest {
    private static final int CONTROL = 0x43;
    private static final long SEED = 0x8254;

    private final VirtualClock clock = new VirtualClock();
    private final Wire irq = new Wire();
    private final Pit pit = new Pit(clock, irq);

    /// Control word for both bytes.
    private static int both(int counter, int mode) {
        return counter << 6 | 0x30 | mode << 1;
    }

    private void program(int counter, int mode, int count) {
        pit.write(CONTROL, both(counter, mode));
        pit.write(0x40 + counter, count & 0xFF);
        pit.write(0x40 + counter, count >> 8);
    }

    private void tick(long tick) {
        clock.advanceTo(Pit.CLOCK.nanos(tick));
    }

    private int count(int counter) {
        pit.write(CONTROL, counter << 6);
        return pit.read(0x40 + counter) | pit.read(0x40 + counter) << 8;
    }

    private int status(int counter) {
        pit.write(CONTROL, 0xE0 | 2 << counter);
        return pit.read(0x40 + counter);
    }

    @Test
    void mode0InterruptsOnceCountPlusOneClocksAfterTheWrite() {
        program(0, 0, 10);
        assertThat(irq.asserted).isFalse();
        tick(10);
        assertThat(irq.asserted).isFalse();
        assertThat(count(0)).isEqualTo(1);
        tick(11);
        assertThat(irq.asserted).isTrue();
        tick(12);
        assertThat(count(0)).isEqualTo(0xFFFF);
        tick(1_000_000);
        assertThat(irq.rises).isEqualTo(1);
    }

    @Test
    void mode0StopsAtTheFirstByteOfANewCount() {
        program(0, 0, 10);
        tick(11);
        assertThat(irq.asserted).isTrue();
        pit.write(0x40, 5);
        assertThat(irq.asserted).isFalse();
        int stopped = count(0);
        tick(20);
        assertThat(count(0)).isEqualTo(stopped);
        pit.write(0x40, 0);
        tick(26);
        assertThat(irq.asserted).isTrue();
    }

    @Test
    void mode1IsRetriggeredByItsGate() {
        program(2, 1, 10);
        assertThat(pit.out2()).isTrue();
        pit.setGate2(true);
        tick(1);
        assertThat(pit.out2()).isFalse();
        tick(8);
        pit.setGate2(false);
        pit.setGate2(true);
        tick(18);
        assertThat(pit.out2()).isFalse();
        tick(19);
        assertThat(pit.out2()).isTrue();
    }

    @Test
    void mode2RisesEveryCount() {
        program(0, 2, 100);
        for (int i = 1; i <= 50; i++) {
            tick(100L * i);
            assertThat(irq.rises).isEqualTo(i);
            tick(100L * i + 1);
            assertThat(irq.rises).isEqualTo(i + 1);
        }
    }

    @Test
    void mode2IsLowForTheLastClock() {
        program(2, 2, 4);
        pit.setGate2(true);
        tick(1);
        String wave = "";
        for (int i = 1; i <= 9; i++) {
            tick(i);
            wave += pit.out2() ? "1" : "0";
            assertThat(count(2)).isEqualTo(4 - (i - 1) % 4);
        }
        assertThat(wave).isEqualTo("111011101");
        pit.setGate2(false);
        tick(12);
        assertThat(pit.out2()).isTrue();
    }

    @Test
    void mode2TakesANewCountAtTheEndOfItsCycle() {
        program(0, 2, 100);
        tick(50);
        pit.write(0x40, 10);
        pit.write(0x40, 0);
        assertThat(status(0) & 0x40).isEqualTo(0x40);
        tick(100);
        assertThat(irq.rises).isEqualTo(1);
        tick(101);
        assertThat(irq.rises).isEqualTo(2);
        assertThat(status(0) & 0x40).isZero();
        tick(111);
        assertThat(irq.rises).isEqualTo(3);
    }

    @Test
    void missedTicksBecomeOne() {
        program(0, 2, 100);
        tick(1);
        int before = irq.rises;
        tick(100_050);
        assertThat(irq.rises).isEqualTo(before + 1);
        assertThat(irq.asserted).isTrue();
        tick(100_101);
        assertThat(irq.rises).isEqualTo(before + 2);
    }

    @Test
    void mode3IsASquareWave() {
        for (int n : new int[] {2, 3, 4, 5, 8, 9}) {
            Pit fresh = new Pit(clock, new Wire());
            fresh.setGate2(true);
            long start = Pit.CLOCK.ticks(clock.nanos()) + 1;
            fresh.write(CONTROL, both(2, 3));
            fresh.write(0x42, n);
            fresh.write(0x42, 0);
            for (int i = 0; i < 3 * n; i++) {
                tick(start + i);
                assertThat(fresh.out2()).as("%d of %d", i, n).isEqualTo(i % n < (n + 1) / 2);
                fresh.write(CONTROL, 0x80);
                int low = fresh.read(0x42);
                fresh.read(0x42);
                int position = i % n < (n + 1) / 2 ? i % n : i % n - (n + 1) / 2;
                assertThat(low).as("%d of %d", i, n).isEqualTo((n & ~1) - 2 * position);
            }
        }
    }

    @Test
    void mode3TakesANewCountAtTheEndOfTheHalfCycle() {
        program(0, 3, 100);
        tick(10);
        pit.write(0x40, 20);
        pit.write(0x40, 0);
        tick(50);
        assertThat(irq.asserted).isTrue();
        tick(51);
        assertThat(irq.asserted).isFalse();
        tick(60);
        assertThat(irq.asserted).isFalse();
        tick(61);
        assertThat(irq.asserted).isTrue();
    }

    @Test
    void mode4StrobesOnce() {
        program(2, 4, 5);
        pit.setGate2(true);
        tick(1);
        String wave = "";
        for (int i = 1; i <= 9; i++) {
            tick(i);
            wave += pit.out2() ? "1" : "0";
        }
        assertThat(wave).isEqualTo("111110111");
        program(0, 4, 5);
        int before = irq.rises;
        tick(9 + 7);
        assertThat(irq.rises).isEqualTo(before + 1);
    }

    @Test
    void mode5StrobesAfterItsTrigger() {
        program(2, 5, 3);
        tick(100);
        pit.setGate2(true);
        String wave = "";
        for (int i = 101; i <= 107; i++) {
            tick(i);
            wave += pit.out2() ? "1" : "0";
        }
        assertThat(wave).isEqualTo("1110111");
    }

    @Test
    void gateHoldsTheCount() {
        program(2, 0, 100);
        tick(10);
        assertThat(count(2)).isEqualTo(100);
        pit.setGate2(true);
        tick(20);
        assertThat(count(2)).isEqualTo(90);
        pit.setGate2(false);
        tick(50);
        assertThat(count(2)).isEqualTo(90);
        assertThat(pit.out2()).isFalse();
        pit.setGate2(true);
        tick(140);
        assertThat(pit.out2()).isTrue();
    }

    @Test
    void bcdCountsInDecimal() {
        pit.write(CONTROL, both(0, 2) | 1);
        pit.write(0x40, 0);
        pit.write(0x40, 0);
        tick(2);
        assertThat(count(0)).isEqualTo(0x9999);
        tick(10_000);
        assertThat(count(0)).isEqualTo(0x0001);
        tick(10_001);
        assertThat(count(0)).isZero();
    }

    @Test
    void readBackLatchesStatusBeforeCountAndOnce() {
        program(0, 3, 0x1234);
        assertThat(status(0)).isEqualTo(0x80 | 0x40 | 0x30 | 3 << 1);
        tick(1);
        pit.write(CONTROL, 0xC2);
        tick(500);
        pit.write(CONTROL, 0xC2);
        assertThat(pit.read(0x40)).isEqualTo(0xB6);
        assertThat(pit.read(0x40)).isEqualTo(0x34);
        assertThat(pit.read(0x40)).isEqualTo(0x12);
    }

    @Test
    void singleByteAccess() {
        pit.write(CONTROL, 0x10 | 2 << 1);
        pit.write(0x40, 50);
        tick(1);
        assertThat(pit.read(0x40)).isEqualTo(50);
        assertThat(pit.read(0x40)).isEqualTo(50);
        pit.write(CONTROL, 0x20 | 2 << 1);
        pit.write(0x40, 2);
        tick(2);
        assertThat(pit.read(0x40)).isEqualTo(2);
    }

    @Test
    void restoredTimerContinues() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int mode = 0; mode < 6; mode++) {
            program(0, mode, random.nextInt(2, 1000));
            program(2, mode, random.nextInt(2, 1000));
            pit.setGate2(mode % 2 == 0);
            long now = Pit.CLOCK.ticks(clock.nanos());
            tick(now + random.nextInt(1000));
            pit.write(CONTROL, 0xC0); // reads back nothing, but brings the state up to date
            Wire otherIrq = new Wire();
            Pit other = new Pit(clock, otherIrq);
            other.restore(pit.save());
            assertThat(other.save()).isEqualTo(pit.save());
            irq.rises = otherIrq.rises = 0;
            for (int i = 0; i < 20; i++) {
                now = Pit.CLOCK.ticks(clock.nanos());
                tick(now + random.nextInt(300));
                assertThat(otherIrq.asserted).as("seed %x", SEED).isEqualTo(irq.asserted);
                assertThat(other.out2()).as("seed %x", SEED).isEqualTo(pit.out2());
            }
            assertThat(otherIrq.rises).as("seed %x", SEED).isEqualTo(irq.rises);
        }
    }
}
