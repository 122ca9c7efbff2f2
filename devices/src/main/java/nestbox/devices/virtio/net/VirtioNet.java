package nestbox.devices.virtio.net;

import nestbox.devices.virtio.DescriptorChain;
import nestbox.devices.virtio.QueueFault;
import nestbox.devices.virtio.VirtQueue;
import nestbox.devices.virtio.VirtioDevice;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A network card: *VIRTIO 1.2*, 5.1 "Network Device". One pair of queues and a control queue; no
/// offloads.
///
/// A frame that came in waits until the driver has buffers for it; behind it, frames wait in the
/// back-end.
public final class VirtioNet extends VirtioDevice {
    /// What a snapshot holds.
    ///
    /// @param waiting bytes of the frame that the driver had no buffers for; empty if there is none
    public record State(ReceiveFilter.State filter, boolean linkUp, List<Byte> waiting)
            implements VirtioDevice.State {
        public State {
            waiting = List.copyOf(waiting);
        }
    }

    private static final int TYPE = 1;
    private static final int CLASS_ETHERNET = 0x020000;
    private static final int CONFIG_BYTES = 12;
    private static final int DATA_QUEUE_SIZE = 256;
    private static final int CONTROL_QUEUE_SIZE = 64;

    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;

    private static final long F_MAC = 1L << 5;
    private static final long F_MRG_RXBUF = 1L << 15;
    private static final long F_STATUS = 1L << 16;
    private static final long F_CTRL_VQ = 1L << 17;
    private static final long F_CTRL_RX = 1L << 18;
    private static final long F_CTRL_VLAN = 1L << 19;
    private static final long F_CTRL_RX_EXTRA = 1L << 20;
    private static final long F_CTRL_MAC_ADDR = 1L << 23;
    private static final long NEEDS_CONTROL_QUEUE =
            F_CTRL_RX | F_CTRL_VLAN | F_CTRL_RX_EXTRA | F_CTRL_MAC_ADDR;

    private static final int STATUS_LINK_UP = 1;
    private static final int HEADER_BYTES = 12;
    private static final int NUM_BUFFERS_AT = 10;
    private static final int CONTROL_HEADER = 2;
    private static final int MAX_CONTROL = CONTROL_HEADER + 8 + 6 * ReceiveFilter.MAX_TABLE;
    private static final int CONTROL_OK = 0;
    private static final int CONTROL_ERROR = 1;

    private final NetBackend backend;
    private final ReceiveFilter filter;
    private boolean linkUp;
    private Optional<byte[]> waiting = Optional.empty();

    @SuppressWarnings("this-escape") // hooks run only after a guest can reach the device
    public VirtioNet(String name, MacAddress mac, NetBackend backend) {
        super(name, TYPE, CLASS_ETHERNET, CONFIG_BYTES);
        this.backend = backend;
        filter = new ReceiveFilter(mac);
        linkUp = backend.linkUp();
        config.register("mac", 0, 4).computed(() -> (int) filter.own().littleEndian());
        config.register("mac_high", 4, 2)
                .computed(() -> (int) (filter.own().littleEndian() >>> 32));
        config.register("status", 6, 2).computed(() -> linkUp ? STATUS_LINK_UP : 0);
        config.register("max_virtqueue_pairs", 8, 2).reset(1);
    }

    @Override
    protected long features() {
        return F_MAC | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | NEEDS_CONTROL_QUEUE;
    }

    @Override
    protected int[] queueSizes() {
        return new int[] {DATA_QUEUE_SIZE, DATA_QUEUE_SIZE, CONTROL_QUEUE_SIZE};
    }

    @Override
    protected boolean accepts(long features) {
        return (features & NEEDS_CONTROL_QUEUE) == 0 || (features & F_CTRL_VQ) != 0;
    }

    @Override
    protected boolean isInput(VirtQueue queue) {
        return queue.index() == RECEIVE;
    }

    @Override
    protected void poll() {
        if (linkUp != backend.linkUp()) {
            linkUp = backend.linkUp();
            if (negotiated(F_STATUS)) {
                configChanged();
            }
        }
    }

    @Override
    protected void pollIdle() {
        linkUp = backend.linkUp();
        for (int i = 0; i < NetBackend.MAX_WAITING && backend.receive().isPresent(); i++) {}
    }

    @Override
    protected boolean serve(VirtQueue queue) {
        return switch (queue.index()) {
            case RECEIVE -> receive(queue);
            case TRANSMIT -> transmit(queue);
            default -> control(queue);
        };
    }

    // Receive

    private boolean receive(VirtQueue queue) {
        if (waiting.isEmpty()) {
            waiting = queue.hasNext() ? backend.receive() : Optional.empty();
            if (waiting.isEmpty()) {
                return false;
            }
            if (!filter.accepts(waiting.get(), negotiated(F_CTRL_VLAN))) {
                waiting = Optional.empty();
                return true;
            }
        }
        boolean done = deliver(queue, waiting.get());
        if (done) {
            waiting = Optional.empty();
        }
        return done;
    }

    /// Puts a frame into one buffer or, with mergeable buffers, as many as it takes.
    ///
    /// @return false if the driver must first make more buffers available; a frame that no number
    ///     of them can hold is dropped
    private boolean deliver(VirtQueue queue, byte[] frame) {
        Optional<DescriptorChain> next = queue.next();
        if (next.isEmpty()) {
            return false;
        }
        DescriptorChain first = next.get();
        if (first.writable() < HEADER_BYTES) {
            queue.fail(QueueFault.BAD_REQUEST);
            return false;
        }
        int done = first.write(HEADER_BYTES, frame, 0, frame.length);
        queue.complete(first, HEADER_BYTES + done);
        int buffers = 1;
        boolean merge = negotiated(F_MRG_RXBUF);
        while (done < frame.length) {
            next = merge ? queue.next() : Optional.empty();
            if (next.isEmpty()) {
                queue.undo(0, buffers);
                return !merge || buffers == queue.size();
            }
            int count = next.get().write(0, frame, done, frame.length - done);
            queue.complete(next.get(), count);
            done += count;
            buffers++;
        }
        byte[] header = new byte[HEADER_BYTES];
        header[NUM_BUFFERS_AT] = (byte) buffers;
        header[NUM_BUFFERS_AT + 1] = (byte) (buffers >>> 8);
        first.write(0, header, 0, HEADER_BYTES);
        return true;
    }

    // Transmit

    private boolean transmit(VirtQueue queue) {
        Optional<DescriptorChain> next = queue.next();
        if (next.isEmpty()) {
            return false;
        }
        DescriptorChain chain = next.get();
        long length = chain.readable() - HEADER_BYTES;
        if (length < 0) {
            queue.fail(QueueFault.BAD_REQUEST);
            return false;
        }
        if (length > 0 && length <= NetBackend.MAX_FRAME) {
            byte[] frame = new byte[(int) length];
            chain.read(HEADER_BYTES, frame, 0, frame.length);
            backend.send(frame);
        }
        queue.complete(chain, 0);
        return true;
    }

    // Control

    private boolean control(VirtQueue queue) {
        Optional<DescriptorChain> next = queue.next();
        if (next.isEmpty()) {
            return false;
        }
        DescriptorChain chain = next.get();
        if (chain.readable() < CONTROL_HEADER || chain.writable() < 1) {
            queue.fail(QueueFault.BAD_REQUEST);
            return false;
        }
        int ack = CONTROL_ERROR;
        if (chain.readable() <= MAX_CONTROL) {
            byte[] request = new byte[(int) chain.readable()];
            chain.read(0, request, 0, request.length);
            ByteBuffer fields = ByteBuffer.wrap(request).order(ByteOrder.LITTLE_ENDIAN);
            int commandClass = fields.get() & 0xFF;
            int command = fields.get() & 0xFF;
            byte[] data = new byte[fields.remaining()];
            fields.get(data);
            boolean fine =
                    negotiated(featureOf(commandClass, command))
                            && filter.command(commandClass, command, data);
            ack = fine ? CONTROL_OK : CONTROL_ERROR;
        }
        chain.write(0, new byte[] {(byte) ack}, 0, 1);
        queue.complete(chain, 1);
        return true;
    }

    private static long featureOf(int commandClass, int command) {
        return switch (commandClass) {
            case ReceiveFilter.CLASS_RX ->
                    ReceiveFilter.isExtra(command) ? F_CTRL_RX_EXTRA : F_CTRL_RX;
            case ReceiveFilter.CLASS_MAC ->
                    ReceiveFilter.isAddressSet(command) ? F_CTRL_MAC_ADDR : F_CTRL_RX;
            case ReceiveFilter.CLASS_VLAN -> F_CTRL_VLAN;
            default -> 0;
        };
    }

    // State

    @Override
    protected void stopped() {
        filter.reset();
        waiting = Optional.empty();
    }

    @Override
    public void reset() {
        super.reset();
        linkUp = backend.linkUp();
    }

    @Override
    protected State save() {
        byte[] frame = waiting.orElse(new byte[0]);
        List<Byte> bytes = new ArrayList<>(frame.length);
        for (byte b : frame) {
            bytes.add(b);
        }
        return new State(filter.save(), linkUp, bytes);
    }

    @Override
    protected void restore(VirtioDevice.State saved) {
        if (!(saved instanceof State(ReceiveFilter.State wanted, boolean up, List<Byte> bytes))) {
            throw new IllegalArgumentException(name() + ": state of another kind of device");
        }
        filter.restore(wanted);
        linkUp = up;
        byte[] frame = new byte[bytes.size()];
        for (int i = 0; i < frame.length; i++) {
            frame[i] = bytes.get(i);
        }
        waiting = frame.length == 0 ? Optional.empty() : Optional.of(frame);
    }
}
