package nestbox.hypervisor.memory;

import java.util.ArrayList;
import java.util.List;

/// Ranges of physical addresses, without overlaps.
public record Ranges(List<Range> list) {
    /// @param end first address behind it
    public record Range(long start, long end) {
        public long length() {
            return end - start;
        }

        boolean overlaps(Range other) {
            return start < other.end && other.start < end;
        }
    }

    public Ranges {
        list = list.stream().filter(range -> range.start < range.end).toList();
    }

    public static Ranges of(Range... ranges) {
        return new Ranges(List.of(ranges));
    }

    /// What is left without a range.
    public Ranges without(Range taken) {
        List<Range> rest = new ArrayList<>();
        for (Range range : list) {
            if (range.overlaps(taken)) {
                rest.add(new Range(range.start, taken.start));
                rest.add(new Range(taken.end, range.end));
            } else {
                rest.add(range);
            }
        }
        return new Ranges(rest);
    }

    /// Whether a range is all in here.
    public boolean contains(Range wanted) {
        return list.stream()
                .anyMatch(range -> range.start <= wanted.start && wanted.end <= range.end);
    }
}
