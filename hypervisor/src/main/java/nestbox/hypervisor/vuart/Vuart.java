package nestbox.hypervisor.vuart;

import nestbox.devices.uart.Uart;
import nestbox.platform.ByteSink;
import nestbox.platform.Clock;
import nestbox.platform.IrqLine;

import java.util.Optional;

/// A virtual serial port of a virtual machine, whose other end is the host's console or the port of
/// another virtual machine.
///
/// The guest sees the 16550 of a PC. What it sends to the console while nobody listens waits here,
/// the newest characters of it; between two virtual machines nothing is lost: the sender finds its
/// transmitter busy until the receiver has room.
public final class Vuart {
    /// Characters for the guest that can wait.
    public static final int RECEIVE_CAPACITY = 256;

    /// Characters from the guest that can wait.
    public static final int TRANSMIT_CAPACITY = 8192;

    /// A receiver with less room holds its sender back.
    private static final int LEAST_ROOM = 64;

    private static final Uart.Options OPTIONS =
            new Uart.Options(Uart.Timing.IMMEDIATE, RECEIVE_CAPACITY, false);

    private final Uart uart;
    private final Backlog backlog = new Backlog(TRANSMIT_CAPACITY);
    private Optional<ByteSink> otherEnd = Optional.empty();

    public Vuart(String name, Clock clock, IrqLine irq) {
        uart = new Uart(name, clock, irq, this::sent, OPTIONS);
    }

    /// The registers.
    public Uart uart() {
        return uart;
    }

    /// The port as after power-on; what waits for the other end stays.
    public void reset() {
        uart.reset();
    }

    private void sent(byte value) {
        otherEnd.ifPresentOrElse(end -> end.write(value), () -> backlog.add(value));
    }

    // The other end

    /// Leads what the guest sends somewhere, beginning with what has waited.
    public void attach(ByteSink end) {
        backlog.moveTo(end);
        otherEnd = Optional.of(end);
    }

    /// From now on, what the guest sends waits.
    public void detach() {
        otherEnd = Optional.empty();
    }

    /// How many characters of the guest were lost since this was last asked, because they waited
    /// too long.
    public long takeLost() {
        return backlog.takeLost();
    }

    /// For how many characters [#receive] has room.
    public int room() {
        return uart.room();
    }

    /// @param listener called when the guest has taken a character that had waited
    public void onTaken(Runnable listener) {
        uart.onTaken(listener);
    }

    /// A character for the guest; without room it is lost, and the guest told so.
    public void receive(byte value) {
        uart.receive(value);
    }

    /// Connects the ports of two virtual machines, or of one.
    public static void connect(Vuart left, Vuart right) {
        left.sendsTo(right);
        right.sendsTo(left);
    }

    private void sendsTo(Vuart peer) {
        attach(
                value -> {
                    peer.receive(value);
                    uart.hold(!peer.hasRoom());
                });
        peer.uart.onTaken(() -> uart.hold(!peer.hasRoom()));
        uart.hold(!peer.hasRoom());
    }

    private boolean hasRoom() {
        return room() >= LEAST_ROOM;
    }
}
