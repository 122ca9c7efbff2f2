package nestbox.devices.virtio.console;

import nestbox.devices.pci.RegisterBlock;
import nestbox.devices.virtio.DescriptorChain;
import nestbox.devices.virtio.VirtQueue;
import nestbox.devices.virtio.VirtioDevice;
import nestbox.platform.ByteSink;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A terminal line with one port: *VIRTIO 1.2*, 5.3 "Console Device".
public final class VirtioConsole extends VirtioDevice {
    /// What a snapshot holds.
    ///
    /// @param input what was typed and the guest has not yet taken
    public record State(List<Byte> input) implements VirtioDevice.State {
        public State {
            input = List.copyOf(input);
        }
    }

    /// How much input waits for the guest; more is refused.
    public static final int MAX_INPUT = 1 << 16;

    private static final int TYPE = 3;
    private static final int CLASS_COMMUNICATION = 0x078000;
    private static final int CONFIG_BYTES = 12;
    private static final int QUEUE_SIZE = 128;
    private static final int RECEIVE = 0;
    private static final long F_SIZE = 1;
    private static final long F_EMERGENCY_WRITE = 1L << 2;
    private static final int CHUNK = 4096;

    /// Of one chain, output beyond this is dropped.
    private static final int MAX_OUTPUT = 1 << 20;

    private final ByteSink output;
    private final RegisterBlock.Register columns;
    private final RegisterBlock.Register rows;
    private final byte[] input = new byte[MAX_INPUT];
    private int inputStart;
    private int inputLength;

    /// @param output takes what the guest writes
    @SuppressWarnings("this-escape") // hooks run only after a guest can reach the device
    public VirtioConsole(String name, ByteSink output) {
        super(name, TYPE, CLASS_COMMUNICATION, CONFIG_BYTES);
        this.output = output;
        columns = config.register("cols", 0, 2).reset(80);
        rows = config.register("rows", 2, 2).reset(25);
        config.register("max_nr_ports", 4, 4).reset(1);
        config.register("emerg_wr", 8, 4).accepts(value -> output.write((byte) value));
    }

    @Override
    protected long features() {
        return F_SIZE | F_EMERGENCY_WRITE;
    }

    @Override
    protected int[] queueSizes() {
        return new int[] {QUEUE_SIZE, QUEUE_SIZE};
    }

    @Override
    protected boolean isInput(VirtQueue queue) {
        return queue.index() == RECEIVE;
    }

    /// Types to the guest, which gets it at the next poll.
    ///
    /// @return how many of the bytes were taken; the queue for input has a limit
    public int input(byte[] bytes) {
        int count = Math.min(bytes.length, MAX_INPUT - inputLength);
        for (int i = 0; i < count; i++) {
            input[(inputStart + inputLength++) % MAX_INPUT] = bytes[i];
        }
        return count;
    }

    /// The terminal has another size now.
    public void resize(int newColumns, int newRows) {
        columns.set(newColumns & 0xFFFF);
        rows.set(newRows & 0xFFFF);
        configChanged();
    }

    @Override
    protected boolean serve(VirtQueue queue) {
        if (queue.index() == RECEIVE && inputLength == 0) {
            return false;
        }
        Optional<DescriptorChain> chain = queue.next();
        chain.ifPresent(
                c -> queue.complete(c, queue.index() == RECEIVE ? receive(c) : transmit(c)));
        return chain.isPresent();
    }

    private int receive(DescriptorChain chain) {
        int total = (int) Math.min(inputLength, chain.writable());
        int step;
        for (int done = 0; done < total; done += step) {
            step = Math.min(total - done, MAX_INPUT - inputStart);
            chain.write(done, input, inputStart, step);
            inputStart = (inputStart + step) % MAX_INPUT;
        }
        inputLength -= total;
        return total;
    }

    private int transmit(DescriptorChain chain) {
        int total = (int) Math.min(chain.readable(), MAX_OUTPUT);
        byte[] chunk = new byte[Math.min(total, CHUNK)];
        for (int done = 0; done < total; done += CHUNK) {
            int count = chain.read(done, chunk, 0, Math.min(CHUNK, total - done));
            for (int i = 0; i < count; i++) {
                output.write(chunk[i]);
            }
        }
        return 0;
    }

    @Override
    public void reset() {
        super.reset();
        inputStart = 0;
        inputLength = 0;
    }

    @Override
    protected State save() {
        List<Byte> waiting = new ArrayList<>(inputLength);
        for (int i = 0; i < inputLength; i++) {
            waiting.add(input[(inputStart + i) % MAX_INPUT]);
        }
        return new State(waiting);
    }

    @Override
    protected void restore(VirtioDevice.State saved) {
        if (!(saved instanceof State(List<Byte> waiting)) || waiting.size() > MAX_INPUT) {
            throw new IllegalArgumentException(name() + ": state of another kind of device");
        }
        inputStart = 0;
        inputLength = waiting.size();
        for (int i = 0; i < inputLength; i++) {
            input[i] = waiting.get(i);
        }
    }
}
