package nestbox.console;

import nestbox.platform.ByteSink;

import java.util.ArrayDeque;
import java.util.Deque;

/// The cable between a VM's console port and the multiplexer. What the VM sends while nobody looks
/// is kept, as far as there is room, and what is typed waits until the VM takes it.
public final class GuestConsole implements ByteSink {
    /// As many bytes of output are kept. The oldest make room for new ones.
    public static final int OUTPUT_CAPACITY = 8192;

    /// As many bytes of input wait. What is typed beyond that is lost, as on any serial line.
    public static final int INPUT_CAPACITY = 1 << 16;

    private final GuestInput guest;
    private final ByteSink wire;
    private final byte[] kept = new byte[OUTPUT_CAPACITY];
    private final Deque<Byte> typed = new ArrayDeque<>();
    private long written;
    private long shown;
    private boolean selected;

    GuestConsole(GuestInput guest, ByteSink wire) {
        this.guest = guest;
        this.wire = wire;
    }

    /// Takes what the VM sends.
    @Override
    public void write(byte value) {
        if (selected) {
            wire.write(value);
            return;
        }
        kept[(int) (written % OUTPUT_CAPACITY)] = value;
        written++;
        shown = Math.max(shown, written - OUTPUT_CAPACITY);
    }

    void select() {
        selected = true;
        while (shown < written) {
            wire.write(kept[(int) (shown % OUTPUT_CAPACITY)]);
            shown++;
        }
    }

    void deselect() {
        selected = false;
    }

    void type(byte value) {
        if (typed.size() < INPUT_CAPACITY) {
            typed.add(value);
        }
        deliver();
    }

    void deliver() {
        while (!typed.isEmpty() && guest.canReceive()) {
            guest.receive(typed.remove());
        }
    }

    void forget() {
        typed.clear();
    }

    int backlog() {
        return typed.size();
    }
}
