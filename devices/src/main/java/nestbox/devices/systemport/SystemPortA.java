package nestbox.devices.systemport;

import nestbox.devices.A20Gate;
import nestbox.devices.BytePorts;
import nestbox.platform.BoardControl;
import nestbox.platform.Device;

/// System control port A, 0x92: the fast ways to reset the processor and to open the A20 gate.
public final class SystemPortA implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(int value) {}

    private static final int INIT_NOW = 0x01;
    private static final int ALT_A20_GATE = 0x02;

    private final BoardControl board;
    private final A20Gate a20;
    private int value;

    /// @param a20 one of the two sources that can open the gate; the other is the keyboard
    ///     controller
    public SystemPortA(BoardControl board, A20Gate a20) {
        this.board = board;
        this.a20 = a20;
    }

    @Override
    public String name() {
        return "port92";
    }

    @Override
    public void reset() {
        value = 0;
        update();
    }

    @Override
    public int read(int port) {
        return value;
    }

    @Override
    public void write(int port, int written) {
        boolean starts = (written & ~value & INIT_NOW) != 0;
        value = written & (INIT_NOW | ALT_A20_GATE);
        update();
        if (starts) {
            board.reset();
        }
    }

    public State save() {
        return new State(value);
    }

    public void restore(State state) {
        value = state.value;
        update();
    }

    private void update() {
        a20.enable((value & ALT_A20_GATE) != 0);
    }
}
