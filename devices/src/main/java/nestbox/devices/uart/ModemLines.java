package nestbox.devices.uart;

import static nestbox.devices.uart.UartRegisters.*;

/// The modem control lines of a port: outputs that the guest sets, inputs and their changes, and
/// how loop mode connects them.
final class ModemLines {
    private int control;
    private int status;
    private int inputs = CTS | DSR | DCD;

    void reset() {
        control = 0;
        status = inputs;
    }

    ModemState save() {
        return new ModemState(control, status, inputs);
    }

    void restore(ModemState state) {
        control = state.control();
        status = state.status();
        inputs = state.inputs();
    }

    int control() {
        return control;
    }

    void control(int value) {
        control = value & MCR_BITS;
        changed();
    }

    /// Whether the guest has set a bit of the MCR.
    boolean has(int bit) {
        return (control & bit) != 0;
    }

    void inputs(int value) {
        inputs = value;
        changed();
    }

    boolean hasChanged() {
        return (status & DELTAS) != 0;
    }

    int readStatus() {
        int value = status;
        status &= INPUTS;
        return value;
    }

    private void changed() {
        int now = has(LOOP) ? looped() : inputs;
        int deltas = (now ^ status) >> 4 & DELTAS;
        if ((now & RI) != 0) {
            deltas &= ~TERI; // trailing edge only
        }
        status = now | status & DELTAS | deltas;
    }

    private int looped() {
        return (has(RTS) ? CTS : 0)
                | (has(DTR) ? DSR : 0)
                | (has(OUT1) ? RI : 0)
                | (has(OUT2) ? DCD : 0);
    }
}
