package nestbox.devices.rtc;

import static nestbox.devices.rtc.RtcRegisters.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.time.Instant;
import java.util.SplittableRandom;

class RtcTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long SEED = 0x146818;

    private final VirtualClock clock = new VirtualClock();
    private final Wire irq = new Wire();
    private final Rtc rtc = rtc("2024-02-29T23:59:58Z");

    private Rtc rtc(String start) {
        return new Rtc(clock, irq, Instant.parse(start), 2L << 30, 6L << 30);
    }

    private int get(int register) {
        rtc.write(0x70, register);
        return rtc.read(0x71);
    }

    private void set(int register, int value) {
        rtc.write(0x70, register);
        rtc.write(0x71, value);
    }

    private String date() {
        return "%02x%02x-%02x-%02x %02x:%02x:%02x"
                .formatted(
                        get(CENTURY),
                        get(YEAR),
                        get(MONTH),
                        get(DATE_OF_MONTH),
                        get(HOURS),
                        get(MINUTES),
                        get(SECONDS));
    }

    @Test
    void dateRunsWithTheClock() {
        assertThat(date()).isEqualTo("2024-02-29 23:59:58");
        assertThat(get(DAY_OF_WEEK)).isEqualTo(5);
        clock.advanceTo(2 * SECOND);
        assertThat(date()).isEqualTo("2024-03-01 00:00:00");
        assertThat(get(DAY_OF_WEEK)).isEqualTo(6);
        assertThat(get(REGISTER_D)).isEqualTo(VRT);
    }

    @Test
    void formatsAreThoseOfRegisterB() {
        set(REGISTER_B, DM_BINARY | HOURS_24);
        assertThat(get(SECONDS)).isEqualTo(58);
        assertThat(get(YEAR)).isEqualTo(24);
        set(REGISTER_B, 0);
        assertThat(get(HOURS)).isEqualTo(0x11 | PM);
        clock.advanceTo(3 * SECOND);
        assertThat(get(HOURS)).isEqualTo(0x12);
    }

    @Test
    void guestSetsTheDate() {
        set(REGISTER_B, SET | HOURS_24);
        set(YEAR, 0x99);
        set(MONTH, 0x12);
        set(DATE_OF_MONTH, 0x31);
        set(HOURS, 0x23);
        set(MINUTES, 0x59);
        set(SECONDS, 0x59);
        set(CENTURY, 0x19);
        set(DAY_OF_WEEK, 3);
        clock.advanceTo(10 * SECOND);
        assertThat(date()).isEqualTo("1999-12-31 23:59:59");
        set(REGISTER_B, HOURS_24);
        clock.advanceTo(10 * SECOND + SECOND - 1);
        assertThat(date()).isEqualTo("1999-12-31 23:59:59");
        clock.advanceTo(11 * SECOND);
        assertThat(date()).isEqualTo("2000-01-01 00:00:00");
        assertThat(get(DAY_OF_WEEK)).isEqualTo(4);
    }

    @Test
    void dividerResetDelaysTheNextUpdateByHalfASecond() {
        set(REGISTER_A, 0x76);
        clock.advanceTo(SECOND * 7 / 10);
        assertThat(date()).isEqualTo("2024-02-29 23:59:58");
        set(REGISTER_A, 0x26);
        clock.advanceTo(SECOND * 7 / 10 + SECOND / 2 - 1);
        assertThat(get(SECONDS)).isEqualTo(0x58);
        clock.advanceTo(SECOND * 7 / 10 + SECOND / 2);
        assertThat(get(SECONDS)).isEqualTo(0x59);
    }

    @Test
    void updateInProgressEndsWithTheUpdate() {
        clock.advanceTo(SECOND - 2_228_001);
        assertThat(get(REGISTER_A) & UIP).isZero();
        clock.advanceTo(SECOND - 2_228_000);
        assertThat(get(REGISTER_A) & UIP).isEqualTo(UIP);
        clock.advanceTo(SECOND);
        assertThat(get(REGISTER_A) & UIP).isZero();
        set(REGISTER_B, SET | HOURS_24);
        clock.advanceTo(2 * SECOND - 1);
        assertThat(get(REGISTER_A) & UIP).isZero();
    }

    @Test
    void periodicInterruptsWaitForTheReader() {
        set(REGISTER_A, 0x26); // 1024 Hz
        set(REGISTER_B, PIE | HOURS_24);
        assertThat(irq.asserted).isFalse();
        clock.advanceTo(SECOND / 1024 + 1);
        assertThat(irq.asserted).isTrue();
        clock.advanceTo(SECOND / 2);
        assertThat(irq.rises).isEqualTo(1);
        assertThat(get(REGISTER_C)).isEqualTo(IRQF | PF);
        assertThat(irq.asserted).isFalse();
        assertThat(get(REGISTER_C)).isZero();
        for (int i = 1; i <= 20; i++) {
            clock.advanceTo(SECOND / 2 + i * SECOND / 1024 + 1);
            assertThat(get(REGISTER_C) & PF).isEqualTo(PF);
        }
        assertThat(irq.rises).isEqualTo(21);
    }

    @Test
    void flagsComeUpWithoutTheirInterrupts() {
        clock.advanceTo(5 * SECOND);
        assertThat(get(REGISTER_C)).isEqualTo(PF | UF | AF);
        assertThat(irq.rises).isZero();
    }

    @Test
    void updateEndedInterrupt() {
        set(REGISTER_B, UIE | HOURS_24);
        clock.advanceTo(SECOND);
        assertThat(get(REGISTER_C) & (IRQF | UF)).isEqualTo(IRQF | UF);
        set(REGISTER_B, SET | UIE | HOURS_24);
        assertThat(get(REGISTER_B) & UIE).isZero();
    }

    @Test
    void alarmRingsAtItsTime() {
        set(HOURS_ALARM, 0x00);
        set(MINUTES_ALARM, 0x01);
        set(SECONDS_ALARM, 0xFF);
        set(REGISTER_B, AIE | HOURS_24);
        clock.advanceTo(61 * SECOND);
        assertThat(irq.asserted).isFalse();
        clock.advanceTo(62 * SECOND);
        assertThat(get(REGISTER_C) & (IRQF | AF)).isEqualTo(IRQF | AF);
        clock.advanceTo(63 * SECOND);
        assertThat(irq.asserted).isTrue();
    }

    @Test
    void alarmThatMatchesNothingNeverRings() {
        set(HOURS_ALARM, 0xFF);
        set(MINUTES_ALARM, 0xFF);
        set(SECONDS_ALARM, 0x7F);
        set(REGISTER_B, AIE | HOURS_24);
        clock.advanceTo(100_000 * SECOND);
        assertThat(irq.asserted).isFalse();
        assertThat(get(REGISTER_C) & AF).isZero();
    }

    @Test
    void memorySizesAreWhereFirmwarePutsThem() {
        assertThat(get(0x15) | get(0x16) << 8).isEqualTo(640);
        assertThat(get(0x17) | get(0x18) << 8).isEqualTo(0xFFFF);
        assertThat(get(0x34) | get(0x35) << 8).isEqualTo((2 << 14) - 0x100);
        assertThat(get(0x5B) | get(0x5C) << 8 | get(0x5D) << 16).isEqualTo(6 << 14);
        int sum = 0;
        for (int i = 0x10; i <= 0x2D; i++) {
            sum += get(i);
        }
        assertThat(get(0x2E) << 8 | get(0x2F)).isEqualTo(sum);
    }

    @Test
    void bothBanksAreMemory() {
        set(0x40, 0x12);
        rtc.write(0x72, 0x40);
        rtc.write(0x73, 0x34);
        assertThat(get(0x40)).isEqualTo(0x12);
        assertThat(rtc.read(0x73)).isEqualTo(0x34);
        rtc.write(0x70, 0x80 | 0x40);
        assertThat(rtc.nmiMasked()).isTrue();
        assertThat(rtc.read(0x71)).isEqualTo(0x12);
    }

    @Test
    void resetKeepsTheDateAndEndsInterrupts() {
        set(REGISTER_B, UIE | HOURS_24);
        clock.advanceTo(2 * SECOND);
        rtc.reset();
        assertThat(irq.asserted).isFalse();
        assertThat(date()).isEqualTo("2024-03-01 00:00:00");
    }

    @Test
    void anyBytesAreSomeDate() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < 2000; i++) {
            set(random.nextInt(0x80), random.nextInt(0x100));
            clock.advanceTo(clock.nanos() + random.nextLong(3 * SECOND));
            date();
        }
    }

    @Test
    void restoredClockRunsOn() {
        set(HOURS_ALARM, 0x00);
        set(REGISTER_B, AIE | UIE | HOURS_24);
        clock.advanceTo(3 * SECOND / 2);
        get(REGISTER_C);
        Wire otherIrq = new Wire();
        Rtc other = new Rtc(clock, otherIrq, Instant.EPOCH, 0, 0);
        other.restore(rtc.save());
        assertThat(other.save()).isEqualTo(rtc.save());
        clock.advanceTo(2 * SECOND);
        assertThat(otherIrq.asserted).isTrue();
    }
}
