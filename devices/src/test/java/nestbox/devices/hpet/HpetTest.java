package nestbox.devices.hpet;

import static nestbox.devices.hpet.HpetRegisters.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class HpetTest {
    private final VirtualClock clock = new VirtualClock();
    private final Wire[] pins = new Wire[24];
    private final Wire irq0 = new Wire();
    private final Wire irq8 = new Wire();
    private final List<Long> messages = new ArrayList<>();
    private final Hpet hpet = hpet();

    private Hpet hpet() {
        for (int i = 0; i < pins.length; i++) {
            pins[i] = new Wire();
        }
        return new Hpet(
                clock,
                i -> pins[i],
                irq0,
                irq8,
                (address, data) -> messages.add(address << 32 | data));
    }

    private static int timer(int n, int register) {
        return TIMERS + n * TIMER_STRIDE + register;
    }

    private void configure(int n, long bits) {
        hpet.write(timer(n, TIMER_CONFIGURATION), 4, bits);
    }

    private void compare(int n, long value) {
        hpet.write(timer(n, TIMER_COMPARATOR), 8, value);
    }

    private void enable(long bits) {
        hpet.write(CONFIGURATION, 8, ENABLE_CNF | bits);
    }

    private static long route(int pin) {
        return (long) pin << INT_ROUTE_SHIFT;
    }

    @Test
    void capabilities() {
        assertThat(hpet.read(0, 8)).isEqualTo(0x0098_9680_8086_A301L);
        assertThat(hpet.read(4, 4) & 0xFFFF_FFFFL).isEqualTo(10_000_000);
        assertThat(hpet.read(timer(3, 0), 8)).isEqualTo(0x00F0_0000_0000_8030L);
        assertThat(hpet.read(timer(4, 0), 8)).isZero();
    }

    @Test
    void counterRunsWhileEnabled() {
        clock.advanceTo(1000);
        assertThat(hpet.read(MAIN_COUNTER, 8)).isZero();
        enable(0);
        clock.advanceTo(3000);
        assertThat(hpet.read(MAIN_COUNTER, 8)).isEqualTo(200);
        hpet.write(CONFIGURATION, 4, 0);
        clock.advanceTo(9000);
        assertThat(hpet.read(MAIN_COUNTER, 8)).isEqualTo(200);
        hpet.write(MAIN_COUNTER + 4, 4, 5);
        assertThat(hpet.read(MAIN_COUNTER, 8)).isEqualTo(5L << 32 | 200);
        assertThat(hpet.read(MAIN_COUNTER + 4, 4)).isEqualTo(5);
    }

    @Test
    void oneShotEdge() {
        configure(2, INT_ENB | route(20));
        compare(2, 100);
        enable(0);
        clock.advanceTo(999);
        assertThat(pins[20].rises).isZero();
        clock.advanceTo(1000);
        assertThat(pins[20].rises).isEqualTo(1);
        clock.advanceTo(1_000_000);
        assertThat(pins[20].rises).isEqualTo(1);
        compare(2, 200_000);
        clock.advanceTo(2_000_000);
        assertThat(pins[20].rises).isEqualTo(2);
    }

    @Test
    void narrowOneShotComesAgainAfterAWrap() {
        configure(2, INT_ENB | MODE_32 | route(20));
        compare(2, 100);
        enable(0);
        clock.advanceTo(1000);
        clock.advanceTo(1000 + (10L << 32));
        assertThat(pins[20].rises).isEqualTo(2);
    }

    @Test
    void levelHoldsUntilItsStatusIsCleared() {
        configure(1, INT_ENB | INT_TYPE_LEVEL | route(21));
        compare(1, 100);
        enable(0);
        clock.advanceTo(1000);
        assertThat(pins[21].asserted).isTrue();
        assertThat(hpet.read(INTERRUPT_STATUS, 8)).isEqualTo(2);
        hpet.write(INTERRUPT_STATUS, 4, 2);
        assertThat(pins[21].asserted).isFalse();
    }

    @Test
    void periodicAddsItsPeriod() {
        configure(0, INT_ENB | TYPE_PERIODIC | VAL_SET | route(22));
        compare(0, 500);
        compare(0, 100);
        enable(0);
        clock.advanceTo(4999);
        assertThat(pins[22].rises).isZero();
        for (int i = 1; i <= 10; i++) {
            clock.advanceTo(4000 + 1000L * i);
            assertThat(pins[22].rises).isEqualTo(i);
        }
        assertThat(hpet.read(timer(0, TIMER_COMPARATOR), 8)).isEqualTo(1500);
    }

    @Test
    void missedPeriodsBecomeOne() {
        configure(0, INT_ENB | TYPE_PERIODIC | VAL_SET | route(22));
        compare(0, 100);
        enable(0);
        clock.advanceTo(100_500);
        assertThat(pins[22].rises).isEqualTo(1);
        clock.advanceTo(101_000);
        assertThat(pins[22].rises).isEqualTo(2);
    }

    @Test
    void legacyReplacementCutsTheOldTimersOff() {
        hpet.pitInput().set(true);
        hpet.rtcInput().set(true);
        assertThat(irq0.asserted && irq8.asserted).isTrue();
        configure(0, INT_ENB | TYPE_PERIODIC | VAL_SET);
        compare(0, 100);
        enable(LEG_RT_CNF);
        assertThat(irq0.asserted || irq8.asserted).isFalse();
        hpet.pitInput().set(false);
        hpet.pitInput().set(true);
        assertThat(irq0.asserted).isFalse();
        int before = irq0.rises;
        clock.advanceTo(1000);
        clock.advanceTo(2000);
        assertThat(irq0.rises).isEqualTo(before + 2);
        hpet.write(CONFIGURATION, 4, 0);
        assertThat(irq8.asserted).isTrue();
    }

    @Test
    void messages() {
        configure(3, INT_ENB | FSB_EN);
        hpet.write(timer(3, TIMER_FSB_ROUTE), 8, 0xFEE0_1000_0000_0031L);
        compare(3, 10);
        enable(0);
        clock.advanceTo(100);
        assertThat(messages).containsExactly(0xFEE0_1000_0000_0031L);
    }

    @Test
    void disabledTimerStillSetsItsStatus() {
        configure(1, INT_TYPE_LEVEL | route(21));
        compare(1, 10);
        enable(0);
        clock.advanceTo(1000);
        assertThat(hpet.read(INTERRUPT_STATUS, 4)).isEqualTo(2);
        assertThat(pins[21].rises).isZero();
    }

    @Test
    void restoredTimersRunOn() {
        configure(0, INT_ENB | TYPE_PERIODIC | VAL_SET | route(22));
        compare(0, 100);
        enable(0);
        clock.advanceTo(1500);
        Hpet.State state = hpet.save();
        hpet.reset();
        Wire pin = new Wire();
        Hpet other = new Hpet(clock, i -> pin, irq0, irq8, (address, data) -> {});
        other.restore(state);
        assertThat(other.save().timers()).isEqualTo(state.timers());
        int before = pin.rises;
        clock.advanceTo(2000);
        assertThat(pin.rises).isEqualTo(before + 1);
    }
}
