package nestbox.devices.uart;

import static nestbox.devices.uart.UartRegisters.*;

import nestbox.devices.BytePorts;
import nestbox.devices.Deadline;
import nestbox.platform.ByteSink;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;

import java.util.List;

/// A serial port: the 16550A with its 16-byte FIFOs, as it sits on a PC, where OUT2 gates the
/// interrupt.
///
/// How fast characters leave is a choice. [Timing#IMMEDIATE] empties the transmitter within the
/// write, so a kernel that polls its console spends no time on it; the transmitter-empty interrupt
/// still drops and rises for each character, as edge-triggered drivers need. [Timing#PACED] takes
/// the time that the divisor says, both ways.
///
/// Characters from outside wait in a queue, the other end of the cable, until the receiver has
/// room: [#canReceive] tells a well-behaved sender when to hold back, one that doesn't care
/// overruns the receiver.
///
/// The other end keeps its characters until the guest listens: it asks for them (RTS), lets
/// them interrupt it, or polls for one. A driver that sets the port up discards what it finds
/// there, so commands that a script sends before the guest is up would otherwise be lost.
///
/// Where the other end may be slower than the guest, [#hold] keeps characters in the transmitter:
/// to the guest it is a slow line.
public final class Uart implements Device, BytePorts {
    /// When characters move.
    public enum Timing {
        IMMEDIATE,
        PACED
    }

    /// What differs between a PC's ports and others.
    ///
    /// @param cableCapacity characters that can wait on the cable
    /// @param gated whether OUT2 gates the interrupt, as a PC wires it
    public record Options(Timing timing, int cableCapacity, boolean gated) {}

    /// Everything a snapshot holds. Times are nanoseconds of the board's clock, or
    /// [Deadline#NEVER].
    ///
    /// @param lineErrors bits 4:1 of the line status
    /// @param mostQueued the transmit FIFO's highest fill since it was last empty
    /// @param held characters stay in the transmitter
    /// @param shifting the character in the transmitter shift register, -1 for none
    /// @param polls how often the guest has looked for a character since it last did anything else
    public record State(
            int interruptEnable,
            int fifoControl,
            int lineControl,
            ModemState modem,
            int scratch,
            int divisor,
            int lineErrors,
            boolean thrEmptyPending,
            boolean timeoutPending,
            int mostQueued,
            boolean held,
            int shifting,
            int polls,
            List<Integer> receiveFifo,
            List<Integer> transmitFifo,
            List<Integer> cable,
            long shiftedAt,
            long thrEmptyAt,
            long arrivesAt,
            long timeoutAt) {}

    /// Characters that can wait on the cable of a PC's port.
    public static final int CABLE_CAPACITY = 4096;

    private static final int IDLE = -1;

    /// A guest that has read the line status this often, and written nothing, waits for input.
    private static final int POLLS_OF_A_LISTENER = 16;

    private final String name;
    private final Clock clock;
    private final IrqLine irq;
    private final ByteSink out;
    private final Timing timing;
    private final boolean gated;

    private final ModemLines modem = new ModemLines();
    private final CharacterQueue receiveFifo = new CharacterQueue(FIFO_DEPTH);
    private final CharacterQueue transmitFifo = new CharacterQueue(FIFO_DEPTH);
    private final CharacterQueue cable;
    private final Deadline shifted;
    private final Deadline thrEmpty;
    private final Deadline arrives;
    private final Deadline timeout;

    private int interruptEnable;
    private int fifoControl;
    private int lineControl;
    private int scratch;
    private int divisor;
    private int lineErrors;
    private boolean thrEmptyPending;
    private boolean timeoutPending;
    private int mostQueued;
    private boolean held;
    private int shifting;
    private int polls;
    private Runnable taken = () -> {};

    /// A PC's port.
    public Uart(String name, Clock clock, IrqLine irq, ByteSink out, Timing timing) {
        this(name, clock, irq, out, new Options(timing, CABLE_CAPACITY, true));
    }

    public Uart(String name, Clock clock, IrqLine irq, ByteSink out, Options options) {
        this.name = name;
        this.clock = clock;
        this.irq = irq;
        this.out = out;
        timing = options.timing;
        gated = options.gated;
        cable = new CharacterQueue(options.cableCapacity);
        shifted = new Deadline(clock, this::characterShifted);
        thrEmpty = new Deadline(clock, this::thrEmptyDelayOver);
        arrives = new Deadline(clock, this::characterArrived);
        timeout = new Deadline(clock, this::receiveTimeout);
        reset();
    }

    @Override
    public String name() {
        return name;
    }

    /// Master Reset, and then what firmware leaves behind, on which small kernels rely: 115200 baud
    /// and eight bits. What waits on the cable stays there.
    @Override
    public void reset() {
        interruptEnable = 0;
        fifoControl = 0;
        lineControl = EIGHT_BITS;
        modem.reset();
        scratch = 0;
        divisor = 1;
        lineErrors = 0;
        thrEmptyPending = false;
        timeoutPending = false;
        mostQueued = 0;
        shifting = IDLE;
        polls = 0;
        receiveFifo.clear();
        transmitFifo.clear();
        shifted.cancel();
        thrEmpty.cancel();
        arrives.cancel();
        timeout.cancel();
        acceptFromCable();
        update();
    }

    /// Whether [#receive] has room for another character.
    public boolean canReceive() {
        return room() > 0;
    }

    /// For how many characters [#receive] has room.
    public int room() {
        return cable.space();
    }

    /// Who wants to know that the receiver has taken a character from the cable.
    public void onTaken(Runnable listener) {
        taken = listener;
    }

    /// Keeps characters in the transmitter, or lets them go again. What a guest sends although the
    /// transmitter is full is lost, as ever.
    public void hold(boolean holds) {
        if (held == holds) {
            return;
        }
        held = holds;
        if (!held && !transmitFifo.isEmpty()) {
            sendQueued();
        }
        update();
    }

    /// A character from outside.
    public void receive(byte value) {
        receive(value & 0xFF, 0);
    }

    /// A break condition from outside, longer than a character.
    public void receiveBreak() {
        receive(0, BI | FE);
    }

    /// The modem's outputs to this port.
    public void modemInputs(boolean cts, boolean dsr, boolean ri, boolean dcd) {
        modem.inputs((cts ? CTS : 0) | (dsr ? DSR : 0) | (ri ? RI : 0) | (dcd ? DCD : 0));
        update();
    }

    @Override
    public int read(int port) {
        int value =
                switch (port & COUNT - 1) {
                    case DATA -> divisorLatch() ? divisor & 0xFF : readReceiver();
                    case INTERRUPT_ENABLE -> divisorLatch() ? divisor >> 8 : interruptEnable;
                    case INTERRUPT_IDENT -> readInterruptIdent();
                    case LINE_CONTROL -> lineControl;
                    case MODEM_CONTROL -> modem.control();
                    case LINE_STATUS -> readLineStatus();
                    case MODEM_STATUS -> modem.readStatus();
                    default -> scratch;
                };
        update();
        return value;
    }

    @Override
    public void write(int port, int value) {
        polls = 0;
        switch (port & COUNT - 1) {
            case DATA -> {
                if (divisorLatch()) {
                    divisor = divisor & 0xFF00 | value;
                } else {
                    writeTransmitter(value);
                }
            }
            case INTERRUPT_ENABLE -> {
                if (divisorLatch()) {
                    divisor = divisor & 0xFF | value << 8;
                } else {
                    writeInterruptEnable(value & (ERBFI | ETBEI | ELSI | EDSSI));
                }
            }
            case INTERRUPT_IDENT -> writeFifoControl(value);
            case LINE_CONTROL -> lineControl = value;
            case MODEM_CONTROL -> {
                boolean wasInterruptible = interruptible();
                modem.control(value);
                listenerChanged(wasInterruptible);
            }
            case SCRATCH -> scratch = value;
            default -> {} // LSR and MSR: writing is for factory tests
        }
        update();
    }

    public State save() {
        return new State(
                interruptEnable,
                fifoControl,
                lineControl,
                modem.save(),
                scratch,
                divisor,
                lineErrors,
                thrEmptyPending,
                timeoutPending,
                mostQueued,
                held,
                shifting,
                polls,
                receiveFifo.save(),
                transmitFifo.save(),
                cable.save(),
                shifted.when(),
                thrEmpty.when(),
                arrives.when(),
                timeout.when());
    }

    public void restore(State state) {
        interruptEnable = state.interruptEnable;
        fifoControl = state.fifoControl;
        lineControl = state.lineControl;
        modem.restore(state.modem);
        scratch = state.scratch;
        divisor = state.divisor;
        lineErrors = state.lineErrors;
        thrEmptyPending = state.thrEmptyPending;
        timeoutPending = state.timeoutPending;
        mostQueued = state.mostQueued;
        held = state.held;
        shifting = state.shifting;
        polls = state.polls;
        receiveFifo.restore(state.receiveFifo);
        transmitFifo.restore(state.transmitFifo);
        cable.restore(state.cable);
        shifted.at(state.shiftedAt);
        thrEmpty.at(state.thrEmptyAt);
        arrives.at(state.arrivesAt);
        timeout.at(state.timeoutAt);
        update();
    }

    /// The only place that drives the interrupt line.
    private void update() {
        // In loop mode the modem control outputs, OUT2 among them, are inactive.
        boolean open = !gated || modem.has(OUT2) && !modem.has(LOOP);
        irq.set(open && pendingInterrupt() != IIR_NONE);
    }

    /// The pending interrupt of the highest priority: table "Interrupt Control Functions".
    private int pendingInterrupt() {
        if ((interruptEnable & ELSI) != 0 && lineErrors != 0) {
            return IIR_LINE_STATUS;
        }
        if ((interruptEnable & ERBFI) != 0) {
            if (receiveFifo.size() >= (fifosEnabled() ? triggerLevel(fifoControl) : 1)) {
                return IIR_DATA_AVAILABLE;
            }
            if (timeoutPending) {
                return IIR_TIMEOUT;
            }
        }
        if ((interruptEnable & ETBEI) != 0 && thrEmptyPending) {
            return IIR_THR_EMPTY;
        }
        if ((interruptEnable & EDSSI) != 0 && modem.hasChanged()) {
            return IIR_MODEM_STATUS;
        }
        return IIR_NONE;
    }

    private int readInterruptIdent() {
        int pending = pendingInterrupt();
        if (pending == IIR_THR_EMPTY) {
            thrEmptyPending = false;
        }
        return pending | (fifosEnabled() ? IIR_FIFOS_ENABLED : 0);
    }

    private void writeInterruptEnable(int value) {
        boolean enables = (value & ~interruptEnable & ETBEI) != 0;
        if (enables && transmitFifo.isEmpty() && !thrEmpty.isSet()) {
            thrEmptyPending = true;
        }
        boolean wasInterruptible = interruptible();
        interruptEnable = value;
        listenerChanged(wasInterruptible);
    }

    private void writeFifoControl(int value) {
        boolean toggles = ((value ^ fifoControl) & FIFO_ENABLE) != 0;
        boolean enable = (value & FIFO_ENABLE) != 0;
        // The other bits are only programmed while bit 0 is written as 1.
        if (toggles || enable && (value & RCVR_FIFO_RESET) != 0) {
            receiveFifo.clear();
            lineErrors = 0;
            timeoutPending = false;
            timeout.cancel();
        }
        if (toggles || enable && (value & XMIT_FIFO_RESET) != 0) {
            boolean hadData = !transmitFifo.isEmpty();
            transmitFifo.clear();
            thrEmpty.cancel();
            thrEmptyPending |= hadData;
        }
        if (toggles) {
            mostQueued = FIFO_DEPTH; // the first interrupt after a change isn't delayed
        }
        fifoControl = enable ? value & (FIFO_ENABLE | DMA_MODE | TRIGGER_BITS) : 0;
        acceptFromCable();
    }

    private boolean divisorLatch() {
        return (lineControl & DLAB) != 0;
    }

    private boolean fifosEnabled() {
        return (fifoControl & FIFO_ENABLE) != 0;
    }

    private boolean loop() {
        return modem.has(LOOP);
    }

    private int wordMask() {
        return (1 << (lineControl & WORD_LENGTH) + 5) - 1;
    }

    // Transmitter

    private void writeTransmitter(int value) {
        thrEmptyPending = false;
        thrEmpty.cancel();
        update(); // the line drops, if only for a moment: an edge-triggered input must see it
        if (timing == Timing.IMMEDIATE && !isHeldBack()) {
            leave(value & wordMask());
            thrEmptyPending = true;
            return;
        }
        int capacity = fifosEnabled() ? FIFO_DEPTH : 1;
        if (transmitFifo.size() < capacity) {
            transmitFifo.add(value);
        } else if (!fifosEnabled()) {
            transmitFifo.replaceHead(value);
        }
        mostQueued = Math.max(mostQueued, transmitFifo.size());
        if (shifting == IDLE && !isHeldBack()) {
            loadShiftRegister();
        }
    }

    /// In loop mode nothing goes to the other end.
    private boolean isHeldBack() {
        return held && !loop();
    }

    /// Sends what has been held.
    private void sendQueued() {
        if (timing == Timing.PACED) {
            if (shifting == IDLE) {
                loadShiftRegister();
            }
            return;
        }
        // The other end may hold again.
        while (!transmitFifo.isEmpty() && !isHeldBack()) {
            leave(transmitFifo.remove() & wordMask());
        }
        thrEmptyPending |= transmitFifo.isEmpty();
    }

    private void loadShiftRegister() {
        shifting = transmitFifo.remove() & wordMask();
        shifted.at(clock.nanos() + characterNanos());
        if (!transmitFifo.isEmpty()) {
            return;
        }
        if (fifosEnabled() && mostQueued < 2) {
            // "FIFO Interrupt Mode Operation": delayed one character time less the stop bit
            thrEmpty.at(clock.nanos() + characterNanos() - stopNanos());
        } else {
            thrEmptyPending = true;
        }
        mostQueued = 0;
    }

    private void characterShifted() {
        int character = shifting;
        shifting = IDLE;
        leave(character);
        if (!transmitFifo.isEmpty() && !isHeldBack()) {
            loadShiftRegister();
        }
        update();
    }

    private void thrEmptyDelayOver() {
        thrEmptyPending = true;
        update();
    }

    private void leave(int character) {
        if (loop()) {
            arrive(character);
        } else if ((lineControl & SET_BREAK) == 0) {
            out.write((byte) character);
        }
    }

    // Receiver

    private void receive(int character, int errors) {
        if (cable.space() > 0) {
            cable.add(character | errors << 8);
        } else if (!loop()) {
            lineErrors |= OE;
        }
        acceptFromCable();
        update();
    }

    /// Moves characters from the cable to the receiver: all that fit, or the next one when its
    /// time has come.
    private void acceptFromCable() {
        if (loop() || !listens()) {
            return;
        }
        if (timing == Timing.PACED) {
            if (!cable.isEmpty() && !arrives.isSet()) {
                arrives.at(clock.nanos() + characterNanos());
            }
            return;
        }
        int capacity = fifosEnabled() ? FIFO_DEPTH : 1;
        while (!cable.isEmpty() && receiveFifo.size() < capacity) {
            takeFromCable();
        }
    }

    private void takeFromCable() {
        arrive(cable.remove());
        taken.run();
    }

    /// Whether the guest takes characters now.
    private boolean listens() {
        return modem.has(RTS)
                || interruptible() && !(timing == Timing.IMMEDIATE && arrives.isSet())
                || polls == POLLS_OF_A_LISTENER;
    }

    /// Whether a character that comes in interrupts the guest.
    private boolean interruptible() {
        return (interruptEnable & ERBFI) != 0 && (!gated || modem.has(OUT2));
    }

    /// The interrupt enable or modem control register has been written. A guest that begins to take
    /// interrupts may not have finished setting the port up, so the first character that it has not
    /// asked for with RTS takes its time.
    private void listenerChanged(boolean wasInterruptible) {
        if (timing == Timing.IMMEDIATE && interruptible() != wasInterruptible) {
            if (wasInterruptible) {
                arrives.cancel();
            } else {
                arrives.at(clock.nanos() + characterNanos());
            }
        }
        acceptFromCable();
    }

    private void characterArrived() {
        if (timing == Timing.PACED && !loop() && !cable.isEmpty()) {
            takeFromCable();
        }
        acceptFromCable();
        update();
    }

    private void arrive(int character) {
        int received = character & ~0xFF | character & wordMask();
        if (receiveFifo.size() == (fifosEnabled() ? FIFO_DEPTH : 1)) {
            lineErrors |= OE;
            if (fifosEnabled()) {
                return; // what is in the FIFO stays
            }
            receiveFifo.clear();
        }
        receiveFifo.add(received);
        if (receiveFifo.size() == 1) {
            revealErrors();
        }
        restartTimeout();
    }

    /// Line errors show in the line status when their character is at the top of the FIFO.
    private void revealErrors() {
        if (!receiveFifo.isEmpty()) {
            int character = receiveFifo.peek();
            lineErrors |= character >> 8;
            receiveFifo.replaceHead(character & 0xFF);
        }
    }

    private int readReceiver() {
        if (receiveFifo.isEmpty()) {
            return 0;
        }
        int character = receiveFifo.remove();
        revealErrors();
        timeoutPending = false;
        restartTimeout();
        acceptFromCable();
        return character & 0xFF;
    }

    private void restartTimeout() {
        if (fifosEnabled() && !receiveFifo.isEmpty()) {
            timeout.at(clock.nanos() + 4 * characterNanos());
        } else {
            timeout.cancel();
        }
    }

    private void receiveTimeout() {
        timeoutPending = true;
        update();
    }

    private int readLineStatus() {
        if (polls < POLLS_OF_A_LISTENER && ++polls == POLLS_OF_A_LISTENER) {
            acceptFromCable();
        }
        int value = lineErrors;
        if (!receiveFifo.isEmpty()) {
            value |= DR;
        }
        if (transmitFifo.isEmpty()) {
            value |= THRE | (shifting == IDLE ? TEMT : 0);
        }
        if (fifosEnabled() && ((lineErrors & ~OE) != 0 || receiveFifo.anyAbove(0xFF))) {
            value |= FIFO_ERROR;
        }
        lineErrors = 0;
        return value;
    }

    private long characterNanos() {
        return UartRegisters.characterNanos(lineControl, divisor);
    }

    private long stopNanos() {
        return UartRegisters.stopNanos(lineControl, divisor);
    }
}
