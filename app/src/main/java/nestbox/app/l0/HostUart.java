package nestbox.app.l0;

import nestbox.platform.ByteSink;
import nestbox.platform.PortSpace;

/// L0's driver of the serial port that is its console: polled, without interrupts, as ACRN does it.
/// Registers are those of the PC16550D data sheet.
final class HostUart implements ByteSink {
    private static final int DATA = 0;
    private static final int INTERRUPT_ENABLE = 1;
    private static final int FIFO_CONTROL = 2;
    private static final int LINE_CONTROL = 3;
    private static final int MODEM_CONTROL = 4;
    private static final int LINE_STATUS = 5;

    private static final int FIFOS_ENABLED_AND_CLEAR = 7;
    private static final int EIGHT_BITS = 3;
    private static final int DIVISOR_LATCH = 1 << 7;
    private static final int FASTEST = 1;
    private static final int DTR_AND_RTS = 3;
    private static final int DATA_READY = 1;

    private final PortSpace ports;
    private final int base;

    /// @param base its first port
    HostUart(PortSpace ports, int base) {
        this.ports = ports;
        this.base = base;
    }

    /// 115200 baud, eight bits, no parity, one stop bit.
    void begin() {
        out(LINE_CONTROL, DIVISOR_LATCH | EIGHT_BITS);
        out(DATA, FASTEST);
        out(INTERRUPT_ENABLE, 0);
        out(LINE_CONTROL, EIGHT_BITS);
        out(INTERRUPT_ENABLE, 0);
        out(FIFO_CONTROL, FIFOS_ENABLED_AND_CLEAR);
        out(MODEM_CONTROL, DTR_AND_RTS);
    }

    /// Sends at once: the transmitter of the board's port is never full.
    @Override
    public void write(byte value) {
        out(DATA, value & 0xFF);
    }

    /// Whether a byte has come in.
    boolean hasInput() {
        return (in(LINE_STATUS) & DATA_READY) != 0;
    }

    byte read() {
        return (byte) in(DATA);
    }

    private int in(int register) {
        return ports.read(base + register, 1);
    }

    private void out(int register, int value) {
        ports.write(base + register, 1, value);
    }
}
