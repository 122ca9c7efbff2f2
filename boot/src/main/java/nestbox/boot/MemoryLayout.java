package nestbox.boot;

import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.List;

/// The map of physical memory that firmware hands to an operating system (INT 15h, E820h), in
/// ascending order and without overlaps.
///
/// Every boot protocol passes on the same map in a form of its own.
public record MemoryLayout(List<Range> ranges) {
    /// End of the memory that programs can use below the video window; the EBDA follows.
    static final long CONVENTIONAL_END = 0x9_F000;

    static final long ONE_MIB = 0x10_0000;

    private static final long VIDEO = 0xA_0000;

    /// What a range is, with its number in the map.
    public enum Type {
        USABLE(1),
        RESERVED(2);

        private final int number;

        Type(int number) {
            this.number = number;
        }

        public int number() {
            return number;
        }
    }

    public record Range(long start, long length, Type type) {
        public long end() {
            return start + length;
        }
    }

    public MemoryLayout {
        ranges = List.copyOf(ranges);
    }

    public static MemoryLayout of(GuestMemory memory) {
        List<Range> ranges = new ArrayList<>();
        add(ranges, 0, CONVENTIONAL_END, Type.USABLE);
        add(ranges, CONVENTIONAL_END, VIDEO, Type.RESERVED);
        add(ranges, VIDEO, ONE_MIB, Type.RESERVED);
        add(ranges, ONE_MIB, memory.lowTop(), Type.USABLE);
        add(ranges, BoardMap.ECAM, BoardMap.ECAM_END, Type.RESERVED);
        add(ranges, GuestMemory.FOUR_GIB, memory.highTop(), Type.USABLE);
        return new MemoryLayout(ranges);
    }

    private static void add(List<Range> ranges, long start, long end, Type type) {
        if (end > start) {
            ranges.add(new Range(start, end - start, type));
        }
    }
}
