package nestbox.app.console;

/// A queue of bytes with a limit.
final class ByteRing {
    private final byte[] ring;
    private int first;
    private int size;

    ByteRing(int capacity) {
        ring = new byte[capacity];
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    void add(byte value) {
        if (size == ring.length) {
            throw new IllegalStateException("the queue is full");
        }
        ring[(first + size++) % ring.length] = value;
    }

    byte remove() {
        if (size == 0) {
            throw new IllegalStateException("the queue is empty");
        }
        byte value = ring[first];
        first = (first + 1) % ring.length;
        size--;
        return value;
    }
}
