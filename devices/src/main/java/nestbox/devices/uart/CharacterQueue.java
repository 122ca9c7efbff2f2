package nestbox.devices.uart;

import java.util.List;
import java.util.stream.IntStream;

/// A bounded first-in first-out queue of characters, each with its line errors above bit 7.
final class CharacterQueue {
    private final int[] ring;
    private int head;
    private int size;

    CharacterQueue(int capacity) {
        ring = new int[capacity];
    }

    int size() {
        return size;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int space() {
        return ring.length - size;
    }

    /// The queue must not be full.
    void add(int character) {
        assert size < ring.length;
        ring[(head + size++) % ring.length] = character;
    }

    /// The queue must not be empty.
    int remove() {
        int character = peek();
        head = (head + 1) % ring.length;
        size--;
        return character;
    }

    int peek() {
        assert size > 0;
        return ring[head];
    }

    void replaceHead(int character) {
        ring[head] = character;
    }

    boolean anyAbove(int limit) {
        for (int i = 0; i < size; i++) {
            if (ring[(head + i) % ring.length] > limit) {
                return true;
            }
        }
        return false;
    }

    void clear() {
        head = 0;
        size = 0;
    }

    List<Integer> save() {
        return IntStream.range(0, size).mapToObj(i -> ring[(head + i) % ring.length]).toList();
    }

    void restore(List<Integer> characters) {
        clear();
        characters.stream().limit(ring.length).forEach(this::add);
    }
}
