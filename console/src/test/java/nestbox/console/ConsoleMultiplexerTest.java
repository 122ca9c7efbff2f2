package nestbox.console;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.subject.VmState;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.OptionalInt;

/// Who has the serial line, and what becomes of the bytes of the others.
class ConsoleMultiplexerTest {
    private static final String BACK = "\r\n\r\r\n\r ---Entering ACRN SHELL---\r\n\rACRN:\\>";

    private final FakeHypervisor hypervisor = FakeHypervisor.tutorial();
    private final StringBuilder wire = new StringBuilder();
    private final ConsoleMultiplexer multiplexer =
            new ConsoleMultiplexer(hypervisor, value -> wire.append((char) (value & 0xFF)));
    private final Port port = new Port();
    private final GuestConsole guest = multiplexer.connect(0, port);

    @Test
    void shellHasTheLineAtFirst() {
        multiplexer.start(OptionalInt.empty());
        type("vm_list\r");
        assertThat(wire).startsWith("ACRN:\\>vm_list\r\n\r\r\n\rVM_UUID");
        assertThat(multiplexer.owner()).isEmpty();
    }

    @Test
    void consoleOfAVmCanHaveItAtFirst() {
        multiplexer.start(OptionalInt.of(0));
        send("login: ");
        assertThat(wire).hasToString("login: ");
        assertThat(multiplexer.owner()).hasValue(0);
    }

    @Test
    void startWithAVmThatIsNotThereIsTheShell() {
        multiplexer.start(OptionalInt.of(65535));
        assertThat(wire).hasToString("ACRN:\\>");
    }

    @Test
    void nextGoesRoundTheConsoles() {
        multiplexer.next();
        assertThat(wire).endsWith("----- Entering VM 0 Shell -----\r\n\r");
        assertThat(multiplexer.owner()).hasValue(0);
        wire.setLength(0);
        multiplexer.next();
        assertThat(wire).hasToString(BACK);
        assertThat(multiplexer.owner()).isEmpty();
    }

    @Test
    void nextWithoutAnyConsoleStaysWithTheShell() {
        hypervisor.service().state = VmState.POWERED_OFF;
        multiplexer.next();
        assertThat(wire).isEmpty();
        assertThat(multiplexer.owner()).isEmpty();
    }

    @Test
    void commandGivesTheLineAndNulTakesItBack() {
        type("vm_console 0\r");
        assertThat(wire).endsWith("----- Entering VM 0 Shell -----\r\n\r");
        wire.setLength(0);
        type("ls\r");
        send("a\r\nb");
        assertThat(port.received).hasToString("ls\r");
        assertThat(wire).hasToString("a\r\nb");
        wire.setLength(0);
        type("\0");
        assertThat(wire).hasToString(BACK);
        assertThat(port.received).hasToString("ls\r");
        type("version\r");
        assertThat(wire).contains("API 1.0");
    }

    @Test
    void outputIsKeptForTheNextLook() {
        send("booting");
        assertThat(wire).isEmpty();
        type("vm_console\r");
        assertThat(wire).endsWith("Shell -----\r\n\rbooting");
        type("\0");
        wire.setLength(0);
        send("more");
        type("vm_console\r");
        assertThat(wire).endsWith("\rmore");
        assertThat(wire.toString()).doesNotContain("booting");
    }

    @Test
    void newestOutputIsKept() {
        for (int i = 0; i < 20_000; i++) {
            send(i % 10_000 < 9_999 ? "x" : "\n");
        }
        send("end");
        type("vm_console\r");
        String kept = wire.substring(wire.indexOf("-----\r\n\r") + "-----\r\n\r".length());
        assertThat(kept).hasSize(GuestConsole.OUTPUT_CAPACITY).endsWith("\nend");
    }

    @Test
    void nothingTypedIsLostWhileTheGuestIsBusy() {
        multiplexer.start(OptionalInt.of(0));
        port.room = 16;
        String text = "0123456789".repeat(100);
        type(text);
        assertThat(port.received).hasSize(16);
        assertThat(multiplexer.backlog()).isEqualTo(984);
        while (multiplexer.backlog() > 0) {
            port.room += 7;
            multiplexer.poll();
        }
        assertThat(port.received).hasToString(text);
    }

    @Test
    void escapeWorksThoughTheGuestHangs() {
        multiplexer.start(OptionalInt.of(0));
        port.room = 0;
        type("x".repeat(200_000));
        assertThat(multiplexer.backlog()).isEqualTo(GuestConsole.INPUT_CAPACITY);
        type("\0");
        assertThat(wire).hasToString(BACK);
        assertThat(multiplexer.backlog()).isZero();
        port.room = 10;
        type("vm_console\ry");
        assertThat(port.received).hasToString("y");
    }

    @Test
    void endOfTheVmGivesTheLineBack() {
        for (VmState end : new VmState[] {VmState.PAUSED, VmState.POWERED_OFF}) {
            hypervisor.service().state = VmState.RUNNING;
            type("vm_console\r");
            multiplexer.poll();
            assertThat(multiplexer.owner()).hasValue(0);
            wire.setLength(0);
            hypervisor.service().state = end;
            multiplexer.poll();
            assertThat(wire).hasToString(BACK);
            assertThat(multiplexer.owner()).isEmpty();
            multiplexer.poll();
            assertThat(wire).hasToString(BACK);
        }
    }

    @Test
    void vmWithoutACableIsNotEntered() {
        hypervisor.machines.add(new FakeHypervisor.FakeVm(1, "bare", java.util.Optional.empty()));
        type("vm_console 1\r");
        assertThat(multiplexer.owner()).isEmpty();
        assertThat(wire).endsWith(BACK);
    }

    @Test
    void newCableTakesTheOldOnesPlace() {
        multiplexer.start(OptionalInt.of(0));
        Port second = new Port();
        GuestConsole again = multiplexer.connect(0, second);
        again.write((byte) '!');
        type("x");
        assertThat(wire).hasToString("!");
        assertThat(second.received).hasToString("x");
        assertThat(port.received).isEmpty();
    }

    @Test
    void messagesReachTheLineWhoeverHasIt() {
        multiplexer.start(OptionalInt.of(0));
        multiplexer.print("[1us]: é\n");
        assertThat(wire.toString().getBytes(StandardCharsets.ISO_8859_1))
                .isEqualTo("[1us]: é\n\r".getBytes(StandardCharsets.UTF_8));
    }

    private void type(String text) {
        text.chars().forEach(value -> multiplexer.receive((byte) value));
    }

    private void send(String text) {
        text.chars().forEach(value -> guest.write((byte) value));
    }

    /// A console port with room for so many bytes.
    private static final class Port implements GuestInput {
        final StringBuilder received = new StringBuilder();
        int room = Integer.MAX_VALUE;

        @Override
        public boolean canReceive() {
            return received.length() < room;
        }

        @Override
        public void receive(byte value) {
            received.append((char) (value & 0xFF));
        }
    }
}
