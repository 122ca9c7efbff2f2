package nestbox.devices.uart;

/// Registers and bits of the 16550A, named as in the PC16550D data sheet of National
/// Semiconductor, section "Registers".
final class UartRegisters {
    // Offsets from the base port
    static final int DATA = 0; // RBR, THR; DLL when DLAB
    static final int INTERRUPT_ENABLE = 1; // IER; DLM when DLAB
    static final int INTERRUPT_IDENT = 2; // IIR; FCR when written
    static final int LINE_CONTROL = 3;
    static final int MODEM_CONTROL = 4;
    static final int LINE_STATUS = 5;
    static final int MODEM_STATUS = 6;
    static final int SCRATCH = 7;
    static final int COUNT = 8;

    // IER
    static final int ERBFI = 0x01;
    static final int ETBEI = 0x02;
    static final int ELSI = 0x04;
    static final int EDSSI = 0x08;

    // IIR: what is pending, and that the FIFOs are on
    static final int IIR_NONE = 0x1;
    static final int IIR_MODEM_STATUS = 0x0;
    static final int IIR_THR_EMPTY = 0x2;
    static final int IIR_DATA_AVAILABLE = 0x4;
    static final int IIR_LINE_STATUS = 0x6;
    static final int IIR_TIMEOUT = 0xC;
    static final int IIR_FIFOS_ENABLED = 0xC0;

    // FCR
    static final int FIFO_ENABLE = 0x01;
    static final int RCVR_FIFO_RESET = 0x02;
    static final int XMIT_FIFO_RESET = 0x04;
    static final int DMA_MODE = 0x08;
    static final int TRIGGER_SHIFT = 6;
    static final int TRIGGER_BITS = 3 << TRIGGER_SHIFT;

    // LCR
    static final int WORD_LENGTH = 0x03; // plus 5
    static final int EIGHT_BITS = 0x03;
    static final int STOP_BITS = 0x04;
    static final int PARITY_ENABLE = 0x08;
    static final int SET_BREAK = 0x40;
    static final int DLAB = 0x80;

    // MCR
    static final int DTR = 0x01;
    static final int RTS = 0x02;
    static final int OUT1 = 0x04;
    static final int OUT2 = 0x08;
    static final int LOOP = 0x10;
    static final int MCR_BITS = 0x1F;

    // LSR
    static final int DR = 0x01;
    static final int OE = 0x02;
    static final int PE = 0x04;
    static final int FE = 0x08;
    static final int BI = 0x10;
    static final int THRE = 0x20;
    static final int TEMT = 0x40;
    static final int FIFO_ERROR = 0x80;

    // MSR
    static final int DCTS = 0x01;
    static final int DDSR = 0x02;
    static final int TERI = 0x04;
    static final int DDCD = 0x08;
    static final int DELTAS = 0x0F;
    static final int CTS = 0x10;
    static final int DSR = 0x20;
    static final int RI = 0x40;
    static final int DCD = 0x80;
    static final int INPUTS = 0xF0;

    static final int FIFO_DEPTH = 16;

    /// Bits per second with a divisor of 1: 1.8432 MHz / 16.
    static final long BASE_BAUD = 115_200;

    private static final long NANOS_PER_HALF_BIT = 1_000_000_000L / 2;

    private static final int[] TRIGGER_LEVELS = {1, 4, 8, 14};

    private UartRegisters() {}

    static int triggerLevel(int fcr) {
        return TRIGGER_LEVELS[fcr >> TRIGGER_SHIFT & 3];
    }

    /// How long a character takes with its start, parity and stop bits.
    static long characterNanos(int lineControl, int divisor) {
        int halfBits = 2 * (1 + (lineControl & WORD_LENGTH) + 5) + stopHalfBits(lineControl);
        if ((lineControl & PARITY_ENABLE) != 0) {
            halfBits += 2;
        }
        return halfBitNanos(halfBits, divisor);
    }

    static long stopNanos(int lineControl, int divisor) {
        return halfBitNanos(stopHalfBits(lineControl), divisor);
    }

    private static int stopHalfBits(int lineControl) {
        boolean more = (lineControl & STOP_BITS) != 0;
        boolean fiveBits = (lineControl & WORD_LENGTH) == 0;
        return !more ? 2 : fiveBits ? 3 : 4;
    }

    private static long halfBitNanos(int halfBits, int divisor) {
        return halfBits * Math.max(divisor, 1) * NANOS_PER_HALF_BIT / BASE_BAUD;
    }
}
