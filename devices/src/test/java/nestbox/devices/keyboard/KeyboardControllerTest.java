package nestbox.devices.keyboard;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Board;
import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

class KeyboardControllerTest {
    private final VirtualClock clock = new VirtualClock();
    private final Wire irq1 = new Wire();
    private final Wire irq12 = new Wire();
    private final Wire a20 = new Wire();
    private final Board board = new Board();
    private final KeyboardController kbc =
            new KeyboardController(clock, irq1, irq12, board, a20::set);

    private void command(int value) {
        kbc.write(0x64, value);
    }

    private void data(int value) {
        kbc.write(0x60, value);
    }

    private int status() {
        return kbc.read(0x64);
    }

    private int answer() {
        assertThat(status() & 1).isEqualTo(1);
        int value = kbc.read(0x60);
        assertThat(status() & 1).isZero();
        return value;
    }

    @Test
    void selfTestAndInterfaceTestsPass() {
        command(0xAA);
        assertThat(answer()).isEqualTo(0x55);
        command(0xAB);
        assertThat(answer()).isZero();
        command(0xA9);
        assertThat(answer()).isZero();
        assertThat(status()).isEqualTo(0x1C);
    }

    @Test
    void commandByteIsReadBack() {
        command(0x60);
        data(0x47);
        command(0x20);
        assertThat(answer()).isEqualTo(0x47);
        command(0xA7);
        command(0xAD);
        command(0x20);
        assertThat(answer()).isEqualTo(0x77);
    }

    @Test
    void nobodyTakesAByte() {
        command(0x60);
        data(0x03);
        data(0xF2); // for the keyboard
        assertThat(status() & 3).isZero();
        data(0xED);
        assertThat(status() & 2).isEqualTo(2);
        clock.advanceTo(20_000_000);
        assertThat(irq1.asserted).isTrue();
        assertThat(status() & 0x63).isEqualTo(0x41);
        assertThat(answer()).isEqualTo(0xFE);
        assertThat(irq1.asserted).isFalse();
        clock.advanceTo(40_000_000);
        assertThat(answer()).isEqualTo(0xFE);
        command(0xD4);
        data(0xF2);
        clock.advanceTo(60_000_000);
        assertThat(status() & 0x61).isEqualTo(0x61);
        assertThat(irq12.asserted).isTrue();
        assertThat(answer()).isEqualTo(0xFE);
    }

    @Test
    void loopbackCommandsFillTheOutputBuffer() {
        command(0x60);
        data(0x03);
        command(0xD3);
        data(0xA5);
        assertThat(irq12.asserted).isTrue();
        assertThat(status() & 0x21).isEqualTo(0x21);
        assertThat(answer()).isEqualTo(0xA5);
        command(0xD2);
        data(0x5A);
        assertThat(irq1.asserted).isTrue();
        assertThat(answer()).isEqualTo(0x5A);
    }

    @Test
    void outputPortMovesTheGateAndResets() {
        assertThat(a20.asserted).isTrue();
        command(0xD0);
        assertThat(answer()).isEqualTo(0xC3);
        command(0xD1);
        data(0xDD);
        assertThat(a20.asserted).isFalse();
        command(0xD1);
        data(0xDF);
        assertThat(a20.asserted).isTrue();
        assertThat(board.resets).isZero();
        command(0xFE);
        assertThat(board.resets).isEqualTo(1);
        command(0xFF);
        assertThat(board.resets).isEqualTo(1);
        command(0xD1);
        data(0x02);
        assertThat(board.resets).isEqualTo(2);
    }

    @Test
    void restoredControllerGoesOn() {
        command(0x60);
        data(0x01);
        data(0xFF);
        KeyboardController.State state = kbc.save();
        kbc.reset();
        assertThat(kbc.save()).isNotEqualTo(state);
        kbc.restore(state);
        assertThat(kbc.save()).isEqualTo(state);
        clock.advanceTo(20_000_000);
        assertThat(irq1.asserted).isTrue();
    }
}
