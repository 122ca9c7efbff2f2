package nestbox.devices.exit;

import nestbox.devices.BytePorts;
import nestbox.platform.Device;

/// The port of power-on self-test codes. Kernels also write to it to let time pass.
public final class PostCode implements Device, BytePorts {
    /// Everything a snapshot holds.
    public record State(int code) {}

    private int code;

    @Override
    public String name() {
        return "post";
    }

    @Override
    public void reset() {
        code = 0;
    }

    /// The code that was written last.
    public int code() {
        return code;
    }

    @Override
    public int read(int port) {
        return code;
    }

    @Override
    public void write(int port, int value) {
        code = value;
    }

    public State save() {
        return new State(code);
    }

    public void restore(State state) {
        code = state.code;
    }
}
