package nestbox.devices.virtio;

import nestbox.devices.pci.RegisterBlock;
import nestbox.platform.Device;

/// A kind of virtio device: what it offers and what it does with a request. It knows nothing of
/// PCI, of rings in memory or of interrupts; [VirtioPci] does.
///
/// All methods run on the board's thread.
public abstract class VirtioDevice implements Device {
    /// What a snapshot holds of a kind of device.
    public interface State {}

    /// What the device may ask of the transport.
    interface Transport {
        boolean negotiated(long feature);

        void configChanged();
    }

    private static final Transport NONE =
            new Transport() {
                @Override
                public boolean negotiated(long feature) {
                    return false;
                }

                @Override
                public void configChanged() {}
            };

    /// Device-specific configuration; a kind of device declares its registers here.
    protected final RegisterBlock config;

    private final String name;
    private final int type;
    private final int classCode;
    private Transport transport = NONE;

    /// @param type device ID, from chapter 5 of the specification
    /// @param classCode of the PCI function, 24 bits
    /// @param configSize bytes of device-specific configuration
    protected VirtioDevice(String name, int type, int classCode, int configSize) {
        this.name = name;
        this.type = type;
        this.classCode = classCode;
        config = new RegisterBlock(configSize);
    }

    // What a kind of device says of itself

    /// Feature bits 0–23 that it offers.
    protected abstract long features();

    /// The number of queues, and how large each may be.
    protected abstract int[] queueSizes();

    /// Whether a choice of offered features makes sense together.
    protected boolean accepts(long features) {
        return true;
    }

    // What it does

    /// Handles one chain of a queue, if there is one and, for input, something to put into it.
    ///
    /// @return whether it did, so that it is worth calling again
    protected abstract boolean serve(VirtQueue queue);

    /// Whether a queue waits for the world outside and so must be looked at without a notification.
    protected boolean isInput(VirtQueue queue) {
        return false;
    }

    /// Looks at the world outside, before queues are served.
    protected void poll() {}

    /// Like [#poll] while no driver is running: input that nobody waits for is dropped here.
    protected void pollIdle() {}

    /// The driver reset the device, or the board did: what the driver had set is forgotten.
    protected void stopped() {}

    protected abstract State save();

    /// @throws IllegalArgumentException for the state of another kind of device
    protected abstract void restore(State state);

    // What it asks for

    protected final boolean negotiated(long feature) {
        return transport.negotiated(feature);
    }

    /// Tells the driver that device-specific configuration is not what it was.
    protected final void configChanged() {
        transport.configChanged();
    }

    final void attach(Transport to) {
        transport = to;
    }

    final int type() {
        return type;
    }

    final int classCode() {
        return classCode;
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public void reset() {
        config.reset();
        stopped();
    }
}
