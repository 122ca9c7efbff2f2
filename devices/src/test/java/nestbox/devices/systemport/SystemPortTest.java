package nestbox.devices.systemport;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Board;
import nestbox.devices.Wire;
import nestbox.devices.pit.Pit;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

class SystemPortTest {
    private final VirtualClock clock = new VirtualClock();
    private final Wire nmi = new Wire();
    private final Wire a20 = new Wire();
    private final Board board = new Board();
    private final Pit pit = new Pit(clock, new Wire());
    private boolean masked;
    private final SystemPortB portB = new SystemPortB(clock, pit, nmi, () -> masked);
    private final SystemPortA portA = new SystemPortA(board, a20::set);

    @Test
    void speakerTimerIsSeenThroughTheGate() {
        portB.write(0x61, 1);
        pit.write(0x43, 0xB0);
        pit.write(0x42, 100);
        pit.write(0x42, 0);
        assertThat(portB.read(0x61) & 0x21).isEqualTo(1);
        clock.advanceTo(Pit.CLOCK.nanos(101));
        assertThat(portB.read(0x61) & 0x21).isEqualTo(0x21);
    }

    @Test
    void refreshToggles() {
        int changes = 0;
        int last = portB.read(0x61) & 0x10;
        for (int micros = 0; micros < 1500; micros++) {
            clock.advanceTo(micros * 1000L);
            int now = portB.read(0x61) & 0x10;
            changes += now != last ? 1 : 0;
            last = now;
        }
        assertThat(changes).isBetween(98, 100);
    }

    @Test
    void nmiNeedsItsSourceAndNoMask() {
        portB.channelCheck();
        assertThat(nmi.asserted).isTrue();
        assertThat(portB.read(0x61) & 0xC0).isEqualTo(0x40);
        portB.write(0x61, 0x08);
        assertThat(nmi.asserted).isFalse();
        portB.channelCheck();
        assertThat(nmi.asserted).isFalse();
        portB.write(0x61, 0);
        masked = true;
        portB.systemError();
        assertThat(nmi.asserted).isFalse();
        masked = false;
        portB.nmiMaskChanged();
        assertThat(nmi.asserted).isTrue();
    }

    @Test
    void portAResetsOnceAndOpensTheGate() {
        portA.write(0x92, 2);
        assertThat(a20.asserted).isTrue();
        portA.write(0x92, 3);
        portA.write(0x92, 3);
        assertThat(board.resets).isEqualTo(1);
        assertThat(portA.read(0x92)).isEqualTo(3);
        portA.write(0x92, 0);
        assertThat(a20.asserted).isFalse();
    }
}
