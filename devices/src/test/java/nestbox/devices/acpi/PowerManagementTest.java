package nestbox.devices.acpi;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Board;
import nestbox.devices.BoardMap;
import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

class PowerManagementTest {
    private final VirtualClock clock = new VirtualClock();
    private final Wire sci = new Wire();
    private final Board board = new Board();
    private final PowerManagement pm = new PowerManagement(clock, sci, board);

    private void tick(long tick) {
        clock.advanceTo(PowerManagement.TIMER_CLOCK.nanos(tick));
    }

    @Test
    void sleepTypeSevenSwitchesOff() {
        pm.write(BoardMap.PM1A_CNT, 2, 5 << 10 | 1 << 13);
        assertThat(board.off).isFalse();
        pm.write(BoardMap.PM1A_CNT, 2, 7 << 10 | 1);
        assertThat(board.off).isFalse();
        pm.write(BoardMap.PM1A_CNT, 2, 7 << 10 | 1 << 13);
        assertThat(board.off).isTrue();
        assertThat(pm.read(BoardMap.PM1A_CNT, 2)).isEqualTo(7 << 10);
    }

    @Test
    void firmwareSwitchesToAcpiMode() {
        pm.write(BoardMap.SMI_COMMAND, PowerManagement.ACPI_ENABLE);
        assertThat(pm.read(BoardMap.PM1A_CNT, 2)).isEqualTo(1);
        pm.write(BoardMap.SMI_COMMAND, PowerManagement.ACPI_DISABLE);
        assertThat(pm.read(BoardMap.PM1A_CNT, 2)).isZero();
    }

    @Test
    void powerButtonInterruptsUntilItsStatusIsCleared() {
        pm.write(BoardMap.PM1A_CNT, 2, 1);
        pm.pressPowerButton();
        assertThat(sci.asserted).isFalse();
        pm.write(BoardMap.PM1A_EVT + 2, 2, PowerManagement.PWRBTN);
        assertThat(sci.asserted).isTrue();
        pm.write(BoardMap.PM1A_EVT, 2, PowerManagement.PWRBTN);
        assertThat(sci.asserted).isFalse();
        assertThat(pm.read(BoardMap.PM1A_EVT, 4)).isEqualTo(PowerManagement.PWRBTN << 16);
    }

    @Test
    void timerCountsTwentyFourBits() {
        tick(0x12_3456);
        assertThat(pm.read(BoardMap.PM_TMR, 4)).isEqualTo(0x12_3456);
        tick(0x112_3456);
        assertThat(pm.read(BoardMap.PM_TMR, 4)).isEqualTo(0x12_3456);
    }

    @Test
    void timerInterruptsWhenItsTopBitChanges() {
        pm.write(BoardMap.PM1A_CNT, 2, 1);
        pm.write(BoardMap.PM1A_EVT + 2, 2, PowerManagement.TMR);
        tick((1 << 23) - 1);
        assertThat(sci.asserted).isFalse();
        tick(1 << 23);
        assertThat(sci.asserted).isTrue();
        pm.write(BoardMap.PM1A_EVT, 2, PowerManagement.TMR);
        assertThat(sci.asserted).isFalse();
        tick(1 << 24);
        assertThat(sci.asserted).isTrue();
    }

    @Test
    void generalPurposeEvents() {
        pm.write(BoardMap.PM1A_CNT, 2, 1);
        pm.raise(9);
        assertThat(pm.read(BoardMap.GPE0 + 1)).isEqualTo(2);
        pm.write(BoardMap.GPE0 + BoardMap.GPE0_LENGTH / 2 + 1, 2);
        assertThat(sci.asserted).isTrue();
        pm.write(BoardMap.GPE0 + 1, 2);
        assertThat(sci.asserted).isFalse();
    }

    @Test
    void restoredStateIsTheSame() {
        pm.write(BoardMap.PM1A_CNT, 2, 1);
        pm.raise(3);
        pm.pressPowerButton();
        Wire otherSci = new Wire();
        PowerManagement other = new PowerManagement(clock, otherSci, board);
        other.restore(pm.save());
        assertThat(other.save()).isEqualTo(pm.save());
    }

    @Test
    void resetStartsWhenItsBitRises() {
        ResetControl reset = new ResetControl(board);
        reset.write(BoardMap.RESET, 0x02);
        assertThat(board.resets).isZero();
        reset.write(BoardMap.RESET, 0x06);
        assertThat(board.resets).isEqualTo(1);
        reset.write(BoardMap.RESET, 0x06);
        assertThat(board.resets).isEqualTo(1);
        assertThat(reset.read(BoardMap.RESET)).isEqualTo(0x06);
        reset.write(BoardMap.RESET, 0);
        reset.write(BoardMap.RESET, 0x04);
        assertThat(board.resets).isEqualTo(2);
    }
}
