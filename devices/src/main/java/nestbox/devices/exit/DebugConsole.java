package nestbox.devices.exit;

import nestbox.devices.BytePorts;
import nestbox.platform.ByteSink;
import nestbox.platform.Device;

/// A port that prints what is written to it, for firmware and programs without a serial driver.
public final class DebugConsole implements Device, BytePorts {
    /// What a read gives, so that a guest can tell that the port is there.
    private static final int PRESENT = 0xE9;

    private final ByteSink out;

    public DebugConsole(ByteSink out) {
        this.out = out;
    }

    @Override
    public String name() {
        return "debugcon";
    }

    @Override
    public void reset() {}

    @Override
    public int read(int port) {
        return PRESENT;
    }

    @Override
    public void write(int port, int value) {
        out.write((byte) value);
    }
}
