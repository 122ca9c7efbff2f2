package nestbox.boot;

import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

import java.util.Optional;
import java.util.TreeMap;

/// Which usable RAM below 4 GiB a boot loader has not given away yet.
///
/// Where things must lie comes from files, so every range is checked against what RAM there is and
/// against what lies there already.
final class FreeMemory {
    private static final byte[] ZEROES = new byte[1 << 16];

    /// The interrupt vectors and data of a BIOS: some guests look there, so nothing is put there.
    private static final long BIOS_DATA_END = 0x1000;

    private final Ram ram;
    private final MemoryLayout layout;

    /// Start to end of free ranges.
    private final TreeMap<Long, Long> free = new TreeMap<>();

    FreeMemory(Ram ram, MemoryLayout layout) {
        this.ram = ram;
        this.layout = layout;
        for (MemoryLayout.Range range : layout.ranges()) {
            if (range.type() == MemoryLayout.Type.USABLE) {
                free.put(
                        Math.max(range.start(), BIOS_DATA_END),
                        Math.min(range.end(), GuestMemory.FOUR_GIB));
            }
        }
        free.entrySet().removeIf(range -> range.getValue() <= range.getKey());
    }

    Ram ram() {
        return ram;
    }

    MemoryLayout layout() {
        return layout;
    }

    /// Takes a range; false if not all of it is free.
    boolean take(long start, long length) {
        if (length == 0) {
            return true;
        }
        var range = free.floorEntry(start);
        if (length < 0 || range == null || length > range.getValue() - start) {
            return false;
        }
        free.remove(range.getKey());
        if (start > range.getKey()) {
            free.put(range.getKey(), start);
        }
        if (start + length < range.getValue()) {
            free.put(start + length, range.getValue());
        }
        return true;
    }

    /// Takes the lowest fitting place at or above an address.
    ///
    /// @param alignment a power of two
    Optional<Long> takeLowest(long length, long alignment, long from) {
        for (var range : free.entrySet()) {
            long start = Math.max(range.getKey(), from) + alignment - 1 & -alignment;
            if (start <= range.getValue() && length <= range.getValue() - start) {
                take(start, length);
                return Optional.of(start);
            }
        }
        return Optional.empty();
    }

    /// Takes the highest fitting place that ends at or below an address.
    ///
    /// @param alignment a power of two
    Optional<Long> takeHighest(long length, long alignment, long until) {
        for (var range : free.descendingMap().entrySet()) {
            long start = Math.min(range.getValue(), until) - length & -alignment;
            if (start >= range.getKey()) {
                take(start, length);
                return Optional.of(start);
            }
        }
        return Optional.empty();
    }

    /// Makes a range of RAM zero.
    void zero(long start, long length) {
        for (long done = 0; done < length; done += ZEROES.length) {
            ram.write(start + done, ZEROES, 0, (int) Math.min(ZEROES.length, length - done));
        }
    }
}
