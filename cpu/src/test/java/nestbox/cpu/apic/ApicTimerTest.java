package nestbox.cpu.apic;

import static nestbox.cpu.apic.ApicRegister.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.Clock;

import org.junit.jupiter.api.Test;

class ApicTimerTest {
    private static final int VECTOR = 0xEC;
    private static final int MASKED = 1 << 16;
    private static final int PERIODIC = 1 << 17;
    private static final int DEADLINE = 2 << 17;
    private static final int DIVIDE_BY_1 = 0xB;

    private final ApicBoard board = new ApicBoard(0).enabled();
    private final LocalApic apic = board.apic();

    private void take() {
        assertThat(apic.acknowledge()).isEqualTo(VECTOR);
        board.write(END_OF_INTERRUPT, 0);
    }

    @Test
    void oneShotRunsOutOnce() {
        board.write(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
        board.write(LVT_TIMER, VECTOR);
        board.write(INITIAL_COUNT, 24_000);
        board.advance(999_999);
        assertThat(apic.highestPending()).isEqualTo(-1);
        assertThat(board.read(CURRENT_COUNT)).isEqualTo(1);
        board.advance(1);
        take();
        assertThat(board.read(CURRENT_COUNT)).isZero();
        assertThat(board.read(INITIAL_COUNT)).isEqualTo(24_000);
        board.advance(10_000_000);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void periodicStaysInStepHoweverLateItIsServed() {
        board.write(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
        board.write(LVT_TIMER, PERIODIC | VECTOR);
        board.write(INITIAL_COUNT, 24_000);
        board.advance(1_000_000);
        board.advance(2_700_000);
        take();
        assertThat(apic.highestPending()).as("missed ones merge").isEqualTo(-1);
        assertThat(board.read(CURRENT_COUNT)).isEqualTo(24_000 * 3 / 10);
        board.advance(299_999);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.advance(1);
        take();
        board.advance(1_000_000);
        take();
    }

    @Test
    void divisionSlowsTheCount() {
        int[][] codes = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
        for (int[] code : codes) {
            board.write(DIVIDE_CONFIGURATION, code[0]);
            board.write(INITIAL_COUNT, 1000);
            long nanos = 300L * code[1] * ApicBoard.NANOS_PER_3_TICKS / 3;
            board.advance(nanos);
            assertThat(board.read(CURRENT_COUNT)).as("divided by %d", code[1]).isEqualTo(700);
        }
    }

    @Test
    void changeOfDivisionKeepsTheCount() {
        board.write(LVT_TIMER, VECTOR);
        board.write(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
        board.write(INITIAL_COUNT, 3000);
        board.advance(1000 * ApicBoard.NANOS_PER_3_TICKS / 3 + 1);
        board.write(DIVIDE_CONFIGURATION, 0);
        assertThat(board.read(CURRENT_COUNT)).isEqualTo(2000);
        board.advance(4000 * ApicBoard.NANOS_PER_3_TICKS / 3 + 1);
        take();
    }

    @Test
    void maskedTimerCountsInSilence() {
        board.write(LVT_TIMER, MASKED | VECTOR);
        board.write(INITIAL_COUNT, 1000);
        board.advance(1_000_000);
        board.write(LVT_TIMER, VECTOR);
        board.advance(1_000_000);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.write(INITIAL_COUNT, 1000);
        board.write(LVT_TIMER, MASKED | VECTOR);
        board.write(LVT_TIMER, VECTOR);
        board.advance(1_000_000);
        take();
    }

    @Test
    void zeroStopsTheTimer() {
        board.write(LVT_TIMER, PERIODIC | VECTOR);
        board.write(INITIAL_COUNT, 1000);
        board.write(INITIAL_COUNT, 0);
        board.advance(1_000_000);
        assertThat(apic.highestPending()).isEqualTo(-1);
        assertThat(board.clock.nextDeadline()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void changeOfModeDisarms() {
        board.write(LVT_TIMER, PERIODIC | VECTOR);
        board.write(INITIAL_COUNT, 1000);
        board.write(LVT_TIMER, VECTOR);
        assertThat(board.read(CURRENT_COUNT)).isZero();
        board.write(LVT_TIMER, DEADLINE | VECTOR);
        apic.setTscDeadline(1_000_000);
        board.write(LVT_TIMER, VECTOR);
        assertThat(apic.tscDeadline()).isZero();
        board.advance(10_000_000);
        assertThat(apic.highestPending()).isEqualTo(-1);
    }

    @Test
    void deadlineIsReachedByTheTsc() {
        board.write(LVT_TIMER, DEADLINE | VECTOR);
        apic.setTscDeadline(2_600_001);
        assertThat(apic.tscDeadline()).isEqualTo(2_600_001);
        board.advance(1_000_000);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.advance(1);
        assertThat(apic.tscDeadline()).isZero();
        take();
        apic.setTscDeadline(1);
        assertThat(apic.highestPending()).as("in the past: at once").isEqualTo(VECTOR);
    }

    @Test
    void deadlineFollowsChangesOfTheTsc() {
        board.write(LVT_TIMER, DEADLINE | VECTOR);
        apic.setTscDeadline(2_600_000);
        board.tscOffset = 1_300_000;
        apic.tscChanged();
        board.advance(500_000);
        take();
        apic.setTscDeadline(5_200_000);
        board.tscOffset = 0;
        apic.tscChanged();
        board.advance(1_499_999);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.advance(1);
        take();
    }

    @Test
    void deadlineBeyondTimeNeverComes() {
        board.write(LVT_TIMER, DEADLINE | VECTOR);
        apic.setTscDeadline(-1);
        assertThat(apic.tscDeadline()).isEqualTo(-1);
        assertThat(board.clock.nextDeadline()).isEqualTo(Long.MAX_VALUE);
        apic.setTscDeadline(0);
        assertThat(apic.tscDeadline()).isZero();
    }

    @Test
    void modesIgnoreEachOthersRegisters() {
        board.write(LVT_TIMER, VECTOR);
        apic.setTscDeadline(1);
        assertThat(apic.tscDeadline()).isZero();
        board.write(LVT_TIMER, DEADLINE | VECTOR);
        board.write(INITIAL_COUNT, 1000);
        assertThat(board.read(INITIAL_COUNT)).isZero();
        assertThat(board.read(CURRENT_COUNT)).isZero();
    }

    @Test
    void shortPeriodCostsNothingUntilItsInterruptIsTaken() {
        board.write(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
        board.write(LVT_TIMER, PERIODIC | VECTOR);
        board.write(INITIAL_COUNT, 1);
        board.clock.advanceTo(board.clock.nextDeadline());
        assertThat(apic.highestPending()).isEqualTo(VECTOR);
        assertThat(board.clock.nextDeadline()).isEqualTo(Long.MAX_VALUE);
        board.clock.advanceTo(3_600_000_000_000L);
        take();
        assertThat(board.clock.nextDeadline()).isLessThan(3_600_000_000_000L + 100);
    }

    @Test
    void illegalVectorOfAPeriodicTimerIsOneErrorUntilSeen() {
        board.write(LVT_TIMER, PERIODIC | 5);
        board.write(INITIAL_COUNT, 1);
        board.clock.advanceTo(board.clock.nextDeadline());
        assertThat(board.clock.nextDeadline()).isEqualTo(Long.MAX_VALUE);
        board.write(ERROR_STATUS, 0);
        assertThat(board.read(ERROR_STATUS)).isEqualTo(0x40);
        assertThat(board.clock.nextDeadline()).isNotEqualTo(Long.MAX_VALUE);
    }

    @Test
    void overdueInterruptIsNotLostWhenTheEntryIsRewritten() {
        board.write(LVT_TIMER, VECTOR);
        board.write(INITIAL_COUNT, 100);
        board.clock.progress(() -> 1_000_000);
        board.write(LVT_TIMER, VECTOR);
        assertThat(apic.highestPending()).isEqualTo(VECTOR);
    }

    @Test
    void longestCountFitsTheArithmetic() {
        board.write(DIVIDE_CONFIGURATION, 10);
        board.write(LVT_TIMER, VECTOR);
        board.write(INITIAL_COUNT, -1);
        assertThat(board.read(CURRENT_COUNT)).isEqualTo(-1);
        assertThat(board.clock.nextDeadline())
                .isEqualTo(ApicBoard.CRYSTAL.nanos(0xFFFF_FFFFL * 128));
    }

    @Test
    void alarmThatRingsEarlyIsSetAgain() {
        Clock.Alarm other = board.clock.alarm(() -> {});
        other.at(1);
        board.write(LVT_TIMER, VECTOR);
        board.write(INITIAL_COUNT, 1000);
        board.advance(10);
        assertThat(apic.highestPending()).isEqualTo(-1);
        board.advance(1_000_000);
        take();
    }
}
