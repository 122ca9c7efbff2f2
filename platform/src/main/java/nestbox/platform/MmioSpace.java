package nestbox.platform;

import java.util.Map;
import java.util.TreeMap;

/// Everything at physical addresses that isn't RAM. Addresses that nobody claims read as all ones
/// and drop writes.
///
/// A mapping made later hides an earlier one that starts at the same address only; a range that
/// overlaps others is refused, as a guest may program a BAR on top of anything.
public final class MmioSpace {
    private record Range(long start, long length, Mmio device) {
        boolean contains(long address) {
            return address - start >= 0 && address - start < length;
        }
    }

    /// Told of every range that is mapped or taken away.
    @FunctionalInterface
    public interface Listener {
        void changed(long start, long length, boolean mapped);
    }

    private final TreeMap<Long, Range> ranges = new TreeMap<>(Long::compareUnsigned);
    private Range last = new Range(0, 0, null);
    private Listener listener = (start, length, mapped) -> {};

    /// From now on, tells of all changes.
    public void onChange(Listener told) {
        listener = told;
    }

    /// @return false, with nothing changed, if the range overlaps one that is mapped already
    public boolean map(long start, long length, Mmio device) {
        if (length <= 0 || Long.compareUnsigned(start + length - 1, start) < 0) {
            return false;
        }
        Map.Entry<Long, Range> before = ranges.floorEntry(start + length - 1);
        if (before != null
                && Long.compareUnsigned(
                                before.getValue().start + before.getValue().length - 1, start)
                        >= 0) {
            return false;
        }
        ranges.put(start, new Range(start, length, device));
        listener.changed(start, length, true);
        return true;
    }

    /// Takes away the range that this device has at this address; does nothing if it has none.
    public void unmap(long start, Mmio device) {
        Range range = ranges.get(start);
        if (range != null && range.device == device) {
            ranges.remove(start);
            last = new Range(0, 0, null);
            listener.changed(start, range.length, false);
        }
    }

    /// Whether a device has an address.
    public boolean isMapped(long address) {
        return find(address) != null;
    }

    /// @param size 1, 2, 4 or 8 bytes
    public long read(long address, int size) {
        Range range = find(address);
        if (range == null) {
            return allOnes(size);
        }
        long offset = address - range.start;
        if (offset + size <= range.length) {
            return range.device.read(offset, size) & allOnes(size);
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= read(address + i, 1) << 8 * i;
        }
        return value;
    }

    public void write(long address, int size, long value) {
        Range range = find(address);
        if (range == null) {
            return;
        }
        long offset = address - range.start;
        if (offset + size <= range.length) {
            range.device.write(offset, size, value & allOnes(size));
            return;
        }
        for (int i = 0; i < size; i++) {
            write(address + i, 1, value >>> 8 * i);
        }
    }

    private Range find(long address) {
        if (last.contains(address)) {
            return last;
        }
        Map.Entry<Long, Range> entry = ranges.floorEntry(address);
        if (entry == null || !entry.getValue().contains(address)) {
            return null;
        }
        last = entry.getValue();
        return last;
    }

    private static long allOnes(int size) {
        return size == 8 ? -1L : (1L << 8 * size) - 1;
    }
}
