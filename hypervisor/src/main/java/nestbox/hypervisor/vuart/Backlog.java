package nestbox.hypervisor.vuart;

import nestbox.platform.ByteSink;

/// The newest characters of those that nobody has taken yet.
final class Backlog {
    private final byte[] ring;
    private int first;
    private int size;
    private long lost;

    Backlog(int capacity) {
        ring = new byte[capacity];
    }

    /// Keeps a character, in place of the oldest if there are too many.
    void add(byte value) {
        if (size == ring.length) {
            first = (first + 1) % ring.length;
            size--;
            lost++;
        }
        ring[(first + size++) % ring.length] = value;
    }

    void moveTo(ByteSink sink) {
        while (size > 0) {
            byte value = ring[first];
            first = (first + 1) % ring.length;
            size--;
            sink.write(value);
        }
    }

    /// How many had to go since this was last asked.
    long takeLost() {
        long count = lost;
        lost = 0;
        return count;
    }
}
