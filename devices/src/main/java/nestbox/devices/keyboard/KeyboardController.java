package nestbox.devices.keyboard;

import static nestbox.devices.BoardMap.KEYBOARD_COMMAND;
import static nestbox.devices.BoardMap.KEYBOARD_DATA;

import nestbox.devices.A20Gate;
import nestbox.devices.BytePorts;
import nestbox.devices.Deadline;
import nestbox.platform.BoardControl;
import nestbox.platform.Clock;
import nestbox.platform.Device;
import nestbox.platform.IrqLine;

import java.util.Arrays;
import java.util.List;

/// The keyboard controller: an 8042 with the firmware of the PS/2, and nothing plugged in.
///
/// A byte for the keyboard or the mouse is clocked out to nobody; after a while the controller
/// gives up and answers 0xFE with the time-out bit set. The controller is here because it can
/// reset the processor and move the A20 gate, and because guests that look for a keyboard must
/// find out honestly that there is none.
public final class KeyboardController implements Device, BytePorts {
    /// Everything a snapshot holds.
    ///
    /// @param parameterOf the command whose data byte is expected, -1 for none
    /// @param waiting a byte for a device that waits for the transmission before it, -1 for none
    public record State(
            List<Integer> memory,
            int output,
            boolean outputFull,
            boolean outputFromMouse,
            boolean timedOut,
            boolean lastWasCommand,
            int parameterOf,
            int waiting,
            boolean sendingToMouse,
            boolean a20,
            long transmittedAt) {}

    // Status register
    private static final int STATUS_OUTPUT_FULL = 0x01;
    private static final int STATUS_INPUT_FULL = 0x02;
    private static final int STATUS_SYSTEM = 0x04;
    private static final int STATUS_COMMAND = 0x08;
    private static final int STATUS_NOT_INHIBITED = 0x10;
    private static final int STATUS_MOUSE = 0x20;
    private static final int STATUS_TIME_OUT = 0x40;

    // Command byte, at address 0 of the controller's memory
    private static final int KEYBOARD_INTERRUPT = 0x01;
    private static final int MOUSE_INTERRUPT = 0x02;
    private static final int SYSTEM_FLAG = 0x04;
    private static final int DISABLE_KEYBOARD = 0x10;
    private static final int DISABLE_MOUSE = 0x20;
    private static final int TRANSLATE = 0x40;
    private static final int COMMAND_BYTE_AFTER_RESET =
            SYSTEM_FLAG | DISABLE_KEYBOARD | DISABLE_MOUSE | TRANSLATE;

    // Commands
    private static final int READ_MEMORY = 0x20;
    private static final int WRITE_MEMORY = 0x60;
    private static final int TEST_PASSWORD = 0xA4;
    private static final int MOUSE_OFF = 0xA7;
    private static final int MOUSE_ON = 0xA8;
    private static final int TEST_MOUSE_INTERFACE = 0xA9;
    private static final int SELF_TEST = 0xAA;
    private static final int TEST_KEYBOARD_INTERFACE = 0xAB;
    private static final int KEYBOARD_OFF = 0xAD;
    private static final int KEYBOARD_ON = 0xAE;
    private static final int READ_INPUT_PORT = 0xC0;
    private static final int READ_OUTPUT_PORT = 0xD0;
    private static final int WRITE_OUTPUT_PORT = 0xD1;
    private static final int WRITE_KEYBOARD_OUTPUT = 0xD2;
    private static final int WRITE_MOUSE_OUTPUT = 0xD3;
    private static final int WRITE_TO_MOUSE = 0xD4;
    private static final int READ_TEST_INPUTS = 0xE0;
    private static final int PULSE_OUTPUT_PORT = 0xF0;

    // Answers
    private static final int SELF_TEST_PASSED = 0x55;
    private static final int INTERFACE_PASSED = 0x00;
    private static final int NO_PASSWORD = 0xF1;
    private static final int RESEND = 0xFE;

    /// Input port: keyboard not locked, no manufacturing jumper.
    private static final int INPUT_PORT = 0xB0;

    /// Test inputs: both clock lines idle.
    private static final int TEST_INPUTS = 0x03;

    // Output port
    private static final int PORT_NOT_RESET = 0x01;
    private static final int PORT_A20 = 0x02;
    private static final int PORT_IDLE_LINES = 0xC0;

    private static final int MEMORY_SIZE = 32;
    private static final int NOTHING = -1;

    /// How long the controller waits for a device to take a byte.
    private static final long TRANSMISSION_NANOS = 20_000_000;

    private final Clock clock;
    private final IrqLine keyboardIrq;
    private final IrqLine mouseIrq;
    private final BoardControl board;
    private final A20Gate gate;
    private final Deadline transmitted;
    private final int[] memory = new int[MEMORY_SIZE];
    private int output;
    private boolean outputFull;
    private boolean outputFromMouse;
    private boolean timedOut;
    private boolean lastWasCommand;
    private int parameterOf;
    private int waiting;
    private boolean sendingToMouse;
    private boolean a20;

    /// @param gate one of the two sources that can open the gate; the other is system control
    ///     port A
    public KeyboardController(
            Clock clock, IrqLine keyboardIrq, IrqLine mouseIrq, BoardControl board, A20Gate gate) {
        this.clock = clock;
        this.keyboardIrq = keyboardIrq;
        this.mouseIrq = mouseIrq;
        this.board = board;
        this.gate = gate;
        transmitted = new Deadline(clock, this::transmissionTimesOut);
        reset();
    }

    @Override
    public String name() {
        return "i8042";
    }

    /// As firmware leaves it: tested, both interfaces off, the A20 gate open.
    @Override
    public void reset() {
        Arrays.fill(memory, 0);
        memory[0] = COMMAND_BYTE_AFTER_RESET;
        output = 0;
        outputFull = false;
        outputFromMouse = false;
        timedOut = false;
        lastWasCommand = false;
        parameterOf = NOTHING;
        waiting = NOTHING;
        sendingToMouse = false;
        a20 = true;
        transmitted.cancel();
        update();
    }

    @Override
    public int read(int port) {
        return switch (port) {
            case KEYBOARD_DATA -> {
                outputFull = false;
                update();
                yield output;
            }
            case KEYBOARD_COMMAND -> status();
            default -> OPEN_BUS;
        };
    }

    @Override
    public void write(int port, int value) {
        switch (port) {
            case KEYBOARD_DATA -> {
                lastWasCommand = false;
                data(value);
            }
            case KEYBOARD_COMMAND -> {
                lastWasCommand = true;
                parameterOf = NOTHING;
                command(value);
            }
            default -> {}
        }
        update();
    }

    public State save() {
        return new State(
                Arrays.stream(memory).boxed().toList(),
                output,
                outputFull,
                outputFromMouse,
                timedOut,
                lastWasCommand,
                parameterOf,
                waiting,
                sendingToMouse,
                a20,
                transmitted.when());
    }

    public void restore(State state) {
        for (int i = 0; i < MEMORY_SIZE; i++) {
            memory[i] = state.memory.get(i);
        }
        output = state.output;
        outputFull = state.outputFull;
        outputFromMouse = state.outputFromMouse;
        timedOut = state.timedOut;
        lastWasCommand = state.lastWasCommand;
        parameterOf = state.parameterOf;
        waiting = state.waiting;
        sendingToMouse = state.sendingToMouse;
        a20 = state.a20;
        transmitted.at(state.transmittedAt);
        update();
    }

    private int status() {
        return (outputFull ? STATUS_OUTPUT_FULL : 0)
                | (waiting != NOTHING ? STATUS_INPUT_FULL : 0)
                | ((memory[0] & SYSTEM_FLAG) != 0 ? STATUS_SYSTEM : 0)
                | (lastWasCommand ? STATUS_COMMAND : 0)
                | STATUS_NOT_INHIBITED
                | (outputFull && outputFromMouse ? STATUS_MOUSE : 0)
                | (timedOut ? STATUS_TIME_OUT : 0);
    }

    /// The only place that drives the interrupt lines and the A20 gate.
    private void update() {
        keyboardIrq.set(isKeyboardInterrupt());
        mouseIrq.set(isMouseInterrupt());
        gate.enable(a20);
    }

    private boolean isKeyboardInterrupt() {
        return outputFull && !outputFromMouse && (memory[0] & KEYBOARD_INTERRUPT) != 0;
    }

    private boolean isMouseInterrupt() {
        return outputFull && outputFromMouse && (memory[0] & MOUSE_INTERRUPT) != 0;
    }

    private void command(int command) {
        switch (command) {
            case TEST_PASSWORD -> answer(NO_PASSWORD);
            case MOUSE_OFF -> memory[0] |= DISABLE_MOUSE;
            case MOUSE_ON -> memory[0] &= ~DISABLE_MOUSE;
            case TEST_MOUSE_INTERFACE, TEST_KEYBOARD_INTERFACE -> answer(INTERFACE_PASSED);
            case SELF_TEST -> selfTest();
            case KEYBOARD_OFF -> memory[0] |= DISABLE_KEYBOARD;
            case KEYBOARD_ON -> memory[0] &= ~DISABLE_KEYBOARD;
            case READ_INPUT_PORT -> answer(INPUT_PORT);
            case READ_OUTPUT_PORT -> answer(outputPort());
            case READ_TEST_INPUTS -> answer(TEST_INPUTS);
            case WRITE_OUTPUT_PORT, WRITE_KEYBOARD_OUTPUT, WRITE_MOUSE_OUTPUT, WRITE_TO_MOUSE ->
                    parameterOf = command;
            default -> commandWithOperand(command);
        }
    }

    /// Commands that carry an operand in their low bits. The rest means nothing to the controller.
    private void commandWithOperand(int command) {
        if (command >= READ_MEMORY && command < READ_MEMORY + MEMORY_SIZE) {
            answer(memory[command - READ_MEMORY]);
        } else if (command >= WRITE_MEMORY && command < WRITE_MEMORY + MEMORY_SIZE) {
            parameterOf = command;
        } else if (command >= PULSE_OUTPUT_PORT && (command & PORT_NOT_RESET) == 0) {
            board.reset();
        }
    }

    private void selfTest() {
        memory[0] |= SYSTEM_FLAG | DISABLE_KEYBOARD | DISABLE_MOUSE;
        waiting = NOTHING;
        transmitted.cancel();
        answer(SELF_TEST_PASSED);
    }

    private int outputPort() {
        return PORT_IDLE_LINES
                | (isMouseInterrupt() ? 0x20 : 0)
                | (isKeyboardInterrupt() ? 0x10 : 0)
                | (a20 ? PORT_A20 : 0)
                | PORT_NOT_RESET;
    }

    private void data(int value) {
        int command = parameterOf;
        parameterOf = NOTHING;
        switch (command) {
            case NOTHING -> transmit(value, false);
            case WRITE_TO_MOUSE -> transmit(value, true);
            case WRITE_KEYBOARD_OUTPUT -> put(value, false, false);
            case WRITE_MOUSE_OUTPUT -> put(value, true, false);
            case WRITE_OUTPUT_PORT -> {
                a20 = (value & PORT_A20) != 0;
                if ((value & PORT_NOT_RESET) == 0) {
                    board.reset();
                }
            }
            default -> memory[command - WRITE_MEMORY] = value;
        }
    }

    private void transmit(int value, boolean toMouse) {
        if (transmitted.isSet()) {
            waiting = value | (toMouse ? 0x100 : 0);
            return;
        }
        memory[0] &= toMouse ? ~DISABLE_MOUSE : ~DISABLE_KEYBOARD;
        sendingToMouse = toMouse;
        transmitted.at(clock.nanos() + TRANSMISSION_NANOS);
    }

    private void transmissionTimesOut() {
        put(RESEND, sendingToMouse, true);
        if (waiting != NOTHING) {
            int next = waiting;
            waiting = NOTHING;
            transmit(next & 0xFF, next > 0xFF);
        }
        update();
    }

    private void answer(int value) {
        put(value, false, false);
    }

    private void put(int value, boolean fromMouse, boolean timeOut) {
        outputFull = false;
        update(); // the line drops, if only for a moment: an edge-triggered input must see it
        output = value;
        outputFull = true;
        outputFromMouse = fromMouse;
        timedOut = timeOut;
    }
}
