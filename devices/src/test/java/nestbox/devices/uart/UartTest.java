package nestbox.devices.uart;

import static nestbox.devices.uart.UartRegisters.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.devices.Wire;
import nestbox.platform.VirtualClock;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

class UartTest {
    private static final int PORT = 0x3F8;

    /// One character of 10 bits at 115200 baud.
    private static final long CHARACTER_NANOS = 86_805;

    private final VirtualClock clock = new VirtualClock();
    private final Wire irq = new Wire();
    private final ByteArrayOutputStream sent = new ByteArrayOutputStream();
    private Uart uart = uart(Uart.Timing.IMMEDIATE);

    private Uart uart(Uart.Timing timing) {
        Uart made = new Uart("uart0", clock, irq, sent::write, timing);
        made.write(PORT + LINE_CONTROL, 3);
        made.write(PORT + MODEM_CONTROL, OUT2 | RTS);
        return made;
    }

    private int in(int register) {
        return uart.read(PORT + register);
    }

    private void out(int register, int value) {
        uart.write(PORT + register, value);
    }

    private void receive(String text) {
        for (byte b : text.getBytes(StandardCharsets.US_ASCII)) {
            uart.receive(b);
        }
    }

    @Test
    void registersAfterReset() {
        uart.reset();
        assertThat(in(INTERRUPT_ENABLE)).isZero();
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_NONE);
        assertThat(in(LINE_CONTROL)).isEqualTo(EIGHT_BITS);
        assertThat(in(MODEM_CONTROL)).isZero();
        assertThat(in(LINE_STATUS)).isEqualTo(THRE | TEMT);
        assertThat(in(MODEM_STATUS)).isEqualTo(CTS | DSR | DCD);
    }

    @Test
    void divisorLatchHidesDataAndInterruptEnable() {
        out(INTERRUPT_ENABLE, 0x0F);
        out(LINE_CONTROL, DLAB | 3);
        out(DATA, 0x34);
        out(INTERRUPT_ENABLE, 0x12);
        assertThat(in(DATA)).isEqualTo(0x34);
        assertThat(in(INTERRUPT_ENABLE)).isEqualTo(0x12);
        out(LINE_CONTROL, 3);
        assertThat(in(INTERRUPT_ENABLE)).isEqualTo(0x0F);
        assertThat(sent.size()).isZero();
    }

    @Test
    void fifosIdentifyA16550A() {
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_FIFOS_ENABLED | IIR_NONE);
        out(INTERRUPT_IDENT, 0);
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_NONE);
        out(SCRATCH, 0xA5);
        assertThat(in(SCRATCH)).isEqualTo(0xA5);
    }

    @Test
    void transmitterEmptyIsRaisedByEnablingIt() {
        out(INTERRUPT_ENABLE, ETBEI);
        assertThat(irq.asserted).isTrue();
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_THR_EMPTY);
        assertThat(irq.asserted).isFalse();
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_NONE);
        out(INTERRUPT_ENABLE, 0);
        out(INTERRUPT_ENABLE, ETBEI);
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_THR_EMPTY);
    }

    @Test
    void everyCharacterGivesAnEdge() {
        out(INTERRUPT_ENABLE, ETBEI);
        int before = irq.rises;
        out(DATA, 'a');
        out(DATA, 'b');
        assertThat(irq.rises).isEqualTo(before + 2);
        assertThat(sent.toString(StandardCharsets.US_ASCII)).isEqualTo("ab");
        assertThat(in(LINE_STATUS)).isEqualTo(THRE | TEMT);
    }

    @Test
    void withoutOut2TheInterruptStaysOnTheChip() {
        out(MODEM_CONTROL, 0);
        out(INTERRUPT_ENABLE, ETBEI);
        assertThat(irq.asserted).isFalse();
        out(MODEM_CONTROL, OUT2);
        assertThat(irq.asserted).isTrue();
        out(MODEM_CONTROL, OUT2 | LOOP);
        assertThat(irq.asserted).isFalse();
    }

    @Test
    void receivesOneByOneWithoutFifo() {
        out(INTERRUPT_ENABLE, ERBFI);
        receive("xy");
        assertThat(irq.asserted).isTrue();
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_DATA_AVAILABLE);
        assertThat(in(DATA)).isEqualTo('x');
        assertThat(in(LINE_STATUS) & DR).isEqualTo(DR);
        assertThat(in(DATA)).isEqualTo('y');
        assertThat(irq.asserted).isFalse();
        assertThat(in(LINE_STATUS) & (DR | OE)).isZero();
    }

    @Test
    void fifoInterruptsAtItsTriggerLevel() {
        out(INTERRUPT_ENABLE, ERBFI);
        out(INTERRUPT_IDENT, FIFO_ENABLE | 2 << TRIGGER_SHIFT);
        receive("1234567");
        assertThat(irq.asserted).isFalse();
        receive("8");
        assertThat(in(INTERRUPT_IDENT) & 0xF).isEqualTo(IIR_DATA_AVAILABLE);
        in(DATA);
        assertThat(irq.asserted).isFalse();
    }

    @Test
    void fewCharactersTimeOut() {
        out(INTERRUPT_ENABLE, ERBFI);
        out(INTERRUPT_IDENT, FIFO_ENABLE | 3 << TRIGGER_SHIFT);
        receive("hi");
        clock.advanceTo(3 * CHARACTER_NANOS);
        assertThat(irq.asserted).isFalse();
        clock.advanceTo(4 * CHARACTER_NANOS + 10);
        assertThat(in(INTERRUPT_IDENT) & 0xF).isEqualTo(IIR_TIMEOUT);
        assertThat(in(DATA)).isEqualTo('h');
        assertThat(irq.asserted).isFalse();
        clock.advanceTo(9 * CHARACTER_NANOS);
        assertThat(irq.asserted).isTrue();
        in(DATA);
        clock.advanceTo(20 * CHARACTER_NANOS);
        assertThat(irq.asserted).isFalse();
    }

    @Test
    void theCableHoldsBackAndOverrunsOnlyWhenIgnored() {
        for (int i = 0; uart.canReceive(); i++) {
            uart.receive((byte) i);
        }
        assertThat(in(LINE_STATUS) & OE).isZero();
        uart.receive((byte) 1);
        assertThat(in(LINE_STATUS) & OE).isEqualTo(OE);
        assertThat(in(LINE_STATUS) & OE).isZero();
        assertThat(in(DATA)).isZero();
        assertThat(in(DATA)).isEqualTo(1);
    }

    @Test
    void breakShowsWhenItReachesTheTop() {
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        out(INTERRUPT_ENABLE, ELSI | ERBFI);
        receive("a");
        uart.receiveBreak();
        assertThat(in(LINE_STATUS) & (BI | FIFO_ERROR)).isEqualTo(FIFO_ERROR);
        assertThat(in(INTERRUPT_IDENT) & 0xF).isEqualTo(IIR_DATA_AVAILABLE);
        in(DATA);
        assertThat(in(INTERRUPT_IDENT) & 0xF).isEqualTo(IIR_LINE_STATUS);
        assertThat(in(LINE_STATUS) & (BI | FE | FIFO_ERROR)).isEqualTo(BI | FE | FIFO_ERROR);
        assertThat(in(LINE_STATUS) & (BI | FE | FIFO_ERROR)).isZero();
        assertThat(in(DATA)).isZero();
    }

    @Test
    void charactersWaitUntilTheGuestListens() {
        out(MODEM_CONTROL, 0);
        out(INTERRUPT_ENABLE, ERBFI); // a driver's test of the register
        out(INTERRUPT_ENABLE, 0);
        receive("abc");
        assertThat(in(LINE_STATUS) & DR).isZero();
        out(MODEM_CONTROL, RTS);
        assertThat(in(DATA)).isEqualTo('a');
        out(MODEM_CONTROL, OUT2);
        assertThat(in(DATA)).isEqualTo('b'); // was in the receiver already
        assertThat(in(LINE_STATUS) & DR).isZero();
        out(INTERRUPT_ENABLE, ERBFI);
        assertThat(in(LINE_STATUS) & DR).isZero();
        clock.advanceTo(clock.nanos() + CHARACTER_NANOS + 1);
        assertThat(in(DATA)).isEqualTo('c');
    }

    @Test
    void guestThatOnlyPollsListens() {
        out(MODEM_CONTROL, 0);
        receive("ab");
        int polls = 1;
        while ((in(LINE_STATUS) & DR) == 0) {
            assertThat(polls++).isLessThan(100);
        }
        assertThat(in(DATA)).isEqualTo('a');
        assertThat(in(DATA)).isEqualTo('b');
    }

    @Test
    void loopbackReturnsCharactersAndModemOutputs() {
        out(MODEM_CONTROL, LOOP | RTS | OUT2);
        assertThat(in(MODEM_STATUS) & INPUTS).isEqualTo(CTS | DCD);
        out(DATA, 0x5A);
        assertThat(in(DATA)).isEqualTo(0x5A);
        assertThat(sent.size()).isZero();
        out(LINE_CONTROL, 0); // five bits
        out(DATA, 0xFF);
        assertThat(in(DATA)).isEqualTo(0x1F);
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        for (int i = 0; i < FIFO_DEPTH + 1; i++) {
            out(DATA, i);
        }
        assertThat(in(LINE_STATUS) & OE).isEqualTo(OE);
        assertThat(in(DATA)).isZero();
    }

    @Test
    void modemDeltasInterruptUntilRead() {
        out(INTERRUPT_ENABLE, EDSSI);
        uart.modemInputs(false, true, true, true);
        assertThat(in(INTERRUPT_IDENT)).isEqualTo(IIR_MODEM_STATUS);
        assertThat(in(MODEM_STATUS)).isEqualTo(DSR | RI | DCD | DCTS);
        assertThat(irq.asserted).isFalse();
        uart.modemInputs(false, true, false, true);
        assertThat(in(MODEM_STATUS) & DELTAS).isEqualTo(TERI);
    }

    @Test
    void pacedTransmitterTakesTheTimeOfItsBits() {
        uart = uart(Uart.Timing.PACED);
        out(DATA, 'a');
        out(DATA, 'b');
        assertThat(in(LINE_STATUS) & (THRE | TEMT)).isZero();
        clock.advanceTo(CHARACTER_NANOS);
        assertThat(in(LINE_STATUS) & (THRE | TEMT)).isEqualTo(THRE);
        clock.advanceTo(2 * CHARACTER_NANOS + 1);
        assertThat(in(LINE_STATUS) & (THRE | TEMT)).isEqualTo(THRE | TEMT);
        assertThat(sent.toString(StandardCharsets.US_ASCII)).isEqualTo("ab");
    }

    @Test
    void pacedFifoDelaysTheInterruptOfALoneCharacter() {
        uart = uart(Uart.Timing.PACED);
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        out(INTERRUPT_ENABLE, ETBEI);
        in(INTERRUPT_IDENT);
        out(DATA, 'a'); // the first after a change of FIFO mode isn't delayed
        assertThat(irq.asserted).isTrue();
        clock.advanceTo(CHARACTER_NANOS + 1);
        in(INTERRUPT_IDENT);
        out(DATA, 'b');
        assertThat(irq.asserted).isFalse();
        clock.advanceTo(2 * CHARACTER_NANOS);
        assertThat(irq.asserted).isTrue();
    }

    @Test
    void pacedReceiverOverrunsAGuestThatSleeps() {
        uart = uart(Uart.Timing.PACED);
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        receive("0123456789abcdefg");
        for (int i = 1; i <= 18; i++) {
            clock.advanceTo(i * CHARACTER_NANOS + 100);
        }
        assertThat(in(LINE_STATUS) & OE).isEqualTo(OE);
        assertThat(in(DATA)).isEqualTo('0');
    }

    @Test
    void restoredPortContinuesWhereItWas() {
        uart = uart(Uart.Timing.PACED);
        out(INTERRUPT_IDENT, FIFO_ENABLE);
        out(INTERRUPT_ENABLE, ETBEI | ERBFI);
        out(DATA, 'q');
        out(DATA, 'r');
        receive("zz");
        Uart.State state = uart.save();
        Uart other = uart(Uart.Timing.PACED);
        other.restore(state);
        assertThat(other.save()).isEqualTo(state);
        sent.reset();
        uart.reset();
        clock.advanceTo(CHARACTER_NANOS + 1);
        clock.advanceTo(2 * CHARACTER_NANOS + 2);
        assertThat(sent.toString(StandardCharsets.US_ASCII)).isEqualTo("qr");
        assertThat(other.read(PORT)).isEqualTo('z');
    }
}
