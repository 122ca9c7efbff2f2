package nestbox.hypervisor.vuart;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.IrqLine;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

class VuartTest {
    private static final int BASE = 0x3E9; // not where PCs have ports
    private static final int LSR = 5;
    private static final int MCR = 4;
    private static final int FCR = 2;
    private static final int IIR = 2;
    private static final int IER = 1;
    private static final int DATA_READY = 1;
    private static final int THR_EMPTY = 0x20;
    private static final int RTS = 2;

    private final VirtualClock clock = new VirtualClock();
    private boolean irq;

    /// A port whose guest listens.
    private final class Guest {
        final Vuart vuart;
        final PortSpace ports = new PortSpace();

        Guest(IrqLine line) {
            vuart = new Vuart("vuart", clock, line);
            ports.map(BASE, LegacyVuart.PORTS, new LegacyVuart(vuart, BASE));
            out(MCR, RTS);
            out(FCR, 1);
        }

        int in(int register) {
            return ports.read(BASE + register, 1);
        }

        void out(int register, int value) {
            ports.write(BASE + register, 1, value);
        }

        boolean maySend() {
            return (in(LSR) & THR_EMPTY) != 0;
        }

        String readAll() {
            StringBuilder text = new StringBuilder();
            while ((in(LSR) & DATA_READY) != 0) {
                text.append((char) in(0));
            }
            return text.toString();
        }
    }

    private final Guest guest = new Guest(level -> irq = level);

    @Test
    void outputWaitsUntilSomebodyListens() {
        send("boot ");
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        guest.vuart.attach(console::write);
        send("messages");
        guest.vuart.detach();
        send(" later");
        assertThat(console.toString(StandardCharsets.US_ASCII)).isEqualTo("boot messages");
        assertThat(guest.vuart.takeLost()).isZero();
    }

    @Test
    void theNewestOutputIsKept() {
        for (int i = 0; i < Vuart.TRANSMIT_CAPACITY + 300; i++) {
            guest.out(0, i & 0xFF);
        }
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        guest.vuart.attach(console::write);
        assertThat(console.size()).isEqualTo(Vuart.TRANSMIT_CAPACITY);
        assertThat(console.toByteArray()[0]).isEqualTo((byte) 300);
        assertThat(guest.vuart.takeLost()).isEqualTo(300);
        assertThat(guest.vuart.takeLost()).isZero();
    }

    @Test
    void thereIsRoomForWhatTheGuestHasNotTaken() {
        guest.out(MCR, 0); // nobody listens
        for (int i = 0; i < Vuart.RECEIVE_CAPACITY; i++) {
            assertThat(guest.vuart.room()).isEqualTo(Vuart.RECEIVE_CAPACITY - i);
            guest.vuart.receive((byte) ('a' + i % 26));
        }
        assertThat(guest.vuart.room()).isZero();
        guest.out(MCR, RTS);
        assertThat(guest.readAll()).hasSize(Vuart.RECEIVE_CAPACITY).startsWith("abc");
        assertThat(guest.vuart.room()).isEqualTo(Vuart.RECEIVE_CAPACITY);
    }

    /// Drivers of virtual ports need not know that a PC leads the interrupt through OUT2.
    @Test
    void interruptsWithoutOut2() {
        guest.out(IER, 1);
        assertThat(irq).isFalse();
        guest.vuart.receive((byte) 'x');
        assertThat(irq).isTrue();
        assertThat(guest.in(IIR) & 0xF).isEqualTo(4);
        assertThat(guest.in(0)).isEqualTo('x');
        assertThat(irq).isFalse();
    }

    @Test
    void nothingIsLostBetweenTwoMachines() {
        Guest peer = new Guest(IrqLine.unconnected());
        Vuart.connect(guest.vuart, peer.vuart);
        long seed = 0x5EED_0018;
        System.out.printf("seed %x%n", seed);
        SplittableRandom random = new SplittableRandom(seed);
        StringBuilder sent = new StringBuilder();
        StringBuilder received = new StringBuilder();
        int waits = 0;
        while (sent.length() < 20_000) {
            for (int i = random.nextInt(600); i > 0; i--) {
                if (!guest.maySend()) {
                    waits++;
                    break;
                }
                char next = (char) (' ' + random.nextInt(90));
                guest.out(0, next);
                sent.append(next);
            }
            for (int i = random.nextInt(500); i > 0 && (peer.in(LSR) & DATA_READY) != 0; i--) {
                received.append((char) peer.in(0));
            }
        }
        received.append(peer.readAll());
        assertThat(received.toString()).isEqualTo(sent.toString());
        assertThat(waits).isPositive();
    }

    @Test
    void aHeldSenderIsInterruptedWhenItMayGoOn() {
        Guest peer = new Guest(IrqLine.unconnected());
        peer.out(MCR, 0);
        Vuart.connect(guest.vuart, peer.vuart);
        while (guest.maySend()) {
            guest.out(0, 'x');
        }
        assertThat(peer.vuart.room()).isLessThan(64).isPositive();
        guest.out(IER, 2);
        assertThat(irq).isFalse();
        peer.out(MCR, RTS);
        peer.readAll();
        assertThat(irq).isTrue();
        assertThat(guest.in(IIR) & 0xF).isEqualTo(2);
    }

    private void send(String text) {
        text.chars().forEach(c -> guest.out(0, c));
    }
}
