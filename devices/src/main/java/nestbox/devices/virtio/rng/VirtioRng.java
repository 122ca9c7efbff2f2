package nestbox.devices.virtio.rng;

import nestbox.devices.virtio.DescriptorChain;
import nestbox.devices.virtio.VirtQueue;
import nestbox.devices.virtio.VirtioDevice;

import java.util.Optional;

/// A source of numbers that look random: *VIRTIO 1.2*, 5.4 "Entropy Device".
///
/// They come from a seed, so that a run can be repeated; no guest should keep secrets with them.
public final class VirtioRng extends VirtioDevice {
    public record State(long position) implements VirtioDevice.State {}

    private static final int TYPE = 4;
    private static final int CLASS_OTHER = 0xFF0000;
    private static final int QUEUE_SIZE = 64;

    /// A longer request is answered in part, as the specification allows.
    private static final int MAX_REQUEST = 1 << 16;

    private static final long STEP = 0x9E37_79B9_7F4A_7C15L;

    private final long seed;
    private State state;

    public VirtioRng(String name, long seed) {
        super(name, TYPE, CLASS_OTHER, 0);
        this.seed = seed;
        state = new State(seed);
    }

    @Override
    protected long features() {
        return 0;
    }

    @Override
    protected int[] queueSizes() {
        return new int[] {QUEUE_SIZE};
    }

    @Override
    protected boolean serve(VirtQueue queue) {
        Optional<DescriptorChain> next = queue.next();
        next.ifPresent(
                chain -> {
                    byte[] bytes = new byte[(int) Math.min(chain.writable(), MAX_REQUEST)];
                    fill(bytes);
                    chain.write(0, bytes, 0, bytes.length);
                    queue.complete(chain, bytes.length);
                });
        return next.isPresent();
    }

    private void fill(byte[] bytes) {
        long position = state.position;
        long word = 0;
        for (int i = 0; i < bytes.length; i++) {
            if (i % Long.BYTES == 0) {
                position += STEP;
                word = mix(position);
            }
            bytes[i] = (byte) (word >>> 8 * (i % Long.BYTES));
        }
        state = new State(position);
    }

    /// SplitMix64: Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, 2014.
    private static long mix(long z) {
        long a = (z ^ z >>> 30) * 0xBF58_476D_1CE4_E5B9L;
        long b = (a ^ a >>> 27) * 0x94D0_49BB_1331_11EBL;
        return b ^ b >>> 31;
    }

    /// Only the board starts the sequence anew; a driver that resets the device goes on with it.
    @Override
    public void reset() {
        super.reset();
        state = new State(seed);
    }

    @Override
    protected State save() {
        return state;
    }

    @Override
    protected void restore(VirtioDevice.State saved) {
        if (!(saved instanceof State position)) {
            throw new IllegalArgumentException(name() + ": state of another kind of device");
        }
        state = position;
    }
}
