package nestbox.boot;

import nestbox.devices.BoardMap;
import nestbox.devices.bios.BiosArea;
import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/// The map of physical memory that firmware hands to an operating system (INT 15h, E820h), in
/// ascending order and without overlaps.
///
/// Every boot protocol passes on the same map in a form of its own, and a boot loader puts nothing
/// where the map has no usable memory. So a hypervisor keeps a range for itself by leaving it out.
public record MemoryLayout(List<Range> ranges) {
    /// End of the memory that programs can use below the video window; the EBDA follows.
    static final long CONVENTIONAL_END = BiosArea.CONVENTIONAL_END;

    static final long ONE_MIB = 0x10_0000;

    /// What Linux's zero page has room for.
    private static final int MOST_RANGES = 128;

    private static final long VIDEO = 0xA_0000;

    /// What a range is, with its number in the map.
    public enum Type {
        USABLE(1),
        RESERVED(2),
        ACPI_TABLES(3),
        ACPI_NVS(4);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        public int number() {
            return number;
        }
    }

    public record Range(long start, long length, Type type) {
        public Range {
            if (start < 0 || length <= 0 || start + length < 0) {
                throw new IllegalArgumentException("range of %d at %d".formatted(length, start));
            }
        }

        public long end() {
            return start + length;
        }
    }

    public MemoryLayout {
        ranges = List.copyOf(ranges);
        if (ranges.size() > MOST_RANGES) {
            throw new IllegalArgumentException(ranges.size() + " ranges of memory");
        }
        for (int i = 1; i < ranges.size(); i++) {
            if (ranges.get(i).start() < ranges.get(i - 1).end()) {
                throw new IllegalArgumentException("overlap or disorder in " + ranges);
            }
        }
    }

    /// A board that has all its memory to itself.
    public static MemoryLayout of(GuestMemory memory) {
        return of(memory.lowTop(), memory.highTop());
    }

    /// A PC, real or virtual, with memory up to these addresses.
    ///
    /// @param lowTop end of the memory below 4 GiB
    /// @param highTop end of the memory that continues at 4 GiB; 0 if none does
    public static MemoryLayout of(long lowTop, long highTop) {
        List<Range> ranges = new ArrayList<>();
        add(ranges, 0, CONVENTIONAL_END, Type.USABLE);
        add(ranges, CONVENTIONAL_END, VIDEO, Type.RESERVED);
        add(ranges, VIDEO, ONE_MIB, Type.RESERVED);
        add(ranges, ONE_MIB, lowTop, Type.USABLE);
        add(ranges, BoardMap.ECAM, BoardMap.ECAM_END, Type.RESERVED);
        add(ranges, GuestMemory.FOUR_GIB, highTop, Type.USABLE);
        return new MemoryLayout(ranges);
    }

    /// The same map with a hole: no range of it has any of these addresses.
    public MemoryLayout without(long start, long length) {
        long end = start + length;
        List<Range> rest = new ArrayList<>();
        for (Range range : ranges) {
            add(rest, range.start(), Math.min(range.end(), start), range.type());
            add(rest, Math.max(range.start(), end), range.end(), range.type());
        }
        return new MemoryLayout(rest);
    }

    /// Bytes that an operating system may use.
    public long usableBytes() {
        return usable().mapToLong(Range::length).sum();
    }

    /// End of the usable memory below 4 GiB.
    long lowTop() {
        return ends().filter(end -> end <= GuestMemory.FOUR_GIB).max().orElse(0);
    }

    /// End of all usable memory.
    long top() {
        return ends().max().orElse(0);
    }

    /// End of the usable memory that goes on from 1 MiB without a hole; 1 MiB if none does.
    long firstHole() {
        long end = ONE_MIB;
        for (Range range : ranges) {
            if (range.type() == Type.USABLE && range.start() <= end) {
                end = Math.max(end, range.end());
            }
        }
        return end;
    }

    private Stream<Range> usable() {
        return ranges.stream().filter(range -> range.type() == Type.USABLE);
    }

    private LongStream ends() {
        return usable().mapToLong(Range::end);
    }

    private static void add(List<Range> ranges, long start, long end, Type type) {
        if (end > start) {
            ranges.add(new Range(start, end - start, type));
        }
    }
}
