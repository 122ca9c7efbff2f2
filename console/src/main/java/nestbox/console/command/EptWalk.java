package nestbox.console.command;

import nestbox.console.subject.Subject;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// A guest-physical address on its way through EPT, entry by entry. SDM Vol. 3C, "EPT Translation
/// Mechanism".
///
/// @param steps the entries that were read, from the root
/// @param host the host-physical address, if there is one
/// @param outcome the end of the walk in words
record EptWalk(List<Step> steps, OptionalLong host, String outcome) {
    private static final String[] NAMES = {"PTE", "PDE", "PDPTE", "PML4E", "PML5E"};
    private static final String[] SIZES = {"4 KB", "2 MB", "1 GB"};
    private static final int PAGE_SHIFT = 12;
    private static final int INDEX_BITS = 9;
    private static final int SHORTEST = 4;
    private static final int LONGEST = 5;
    private static final long PERMISSIONS = EptEntry.READ | EptEntry.WRITE | EptEntry.EXECUTE;

    /// Bits 6:3 of an entry that names a table, which must be 0.
    private static final long RESERVED_IN_TABLES = 0x78;

    /// @param level the name of its table's entries
    /// @param address of the entry
    record Step(String level, long address, long entry) {
        /// Bits 2:0 as three letters.
        String permissions() {
            return ((entry & EptEntry.READ) != 0 ? "r" : "-")
                    + ((entry & EptEntry.WRITE) != 0 ? "w" : "-")
                    + ((entry & EptEntry.EXECUTE) != 0 ? "x" : "-");
        }
    }

    static EptWalk of(Subject subject, long eptPointer, long guestPhysical) {
        EptPointer pointer = EptPointer.of(eptPointer);
        List<Step> steps = new ArrayList<>();
        int levels = pointer.walkLength();
        if (levels < SHORTEST || levels > LONGEST) {
            return fails(steps, "the EPT pointer asks for %d levels".formatted(levels));
        }
        if (guestPhysical >>> PAGE_SHIFT + levels * INDEX_BITS != 0) {
            return fails(steps, "the address is too large for %d levels".formatted(levels));
        }
        long table = pointer.root();
        for (int level = levels - 1; ; level--) {
            long at = table + 8 * (guestPhysical >>> pageShift(level) & (1 << INDEX_BITS) - 1);
            OptionalLong entry = quadword(subject, at);
            if (entry.isEmpty()) {
                return fails(steps, "the %s at 0x%x is not in RAM".formatted(NAMES[level], at));
            }
            long bits = entry.getAsLong();
            steps.add(new Step(NAMES[level], at, bits));
            boolean leaf = level == 0 || level < SIZES.length && (bits & EptEntry.PAGE) != 0;
            Optional<String> problem = problem(bits, level, leaf);
            if (problem.isPresent()) {
                return fails(steps, "the %s is %s".formatted(NAMES[level], problem.get()));
            }
            if (leaf) {
                return mapped(steps, bits, level, guestPhysical);
            }
            table = bits & EptEntry.ADDRESS;
        }
    }

    private static EptWalk fails(List<Step> steps, String why) {
        return new EptWalk(List.copyOf(steps), OptionalLong.empty(), why);
    }

    private static EptWalk mapped(List<Step> steps, long entry, int level, long guestPhysical) {
        long offset = guestPhysical & (1L << pageShift(level)) - 1;
        return new EptWalk(
                List.copyOf(steps),
                OptionalLong.of((entry & EptEntry.ADDRESS & -(1L << pageShift(level))) + offset),
                "%s page, %s".formatted(SIZES[level], memoryType(entry)));
    }

    private static int pageShift(int level) {
        return PAGE_SHIFT + level * INDEX_BITS;
    }

    /// SDM Vol. 3C, "EPT Misconfigurations".
    private static Optional<String> problem(long entry, int level, boolean leaf) {
        if ((entry & PERMISSIONS) == 0) {
            return Optional.of("not present");
        }
        if ((entry & (EptEntry.READ | EptEntry.WRITE)) == EptEntry.WRITE) {
            return Optional.of("misconfigured: writable, but not readable");
        }
        if (!leaf) {
            boolean large = level >= SIZES.length && (entry & EptEntry.PAGE) != 0;
            return large || (entry & RESERVED_IN_TABLES) != 0
                    ? Optional.of("misconfigured: reserved bits are set")
                    : Optional.empty();
        }
        long belowPage = (1L << pageShift(level)) - (1L << PAGE_SHIFT);
        if ((entry & belowPage) != 0) {
            return Optional.of("misconfigured: its page is not aligned");
        }
        return memoryType(entry).isEmpty()
                ? Optional.of("misconfigured: reserved memory type")
                : Optional.empty();
    }

    /// SDM Vol. 3A, "Memory Types and Their Properties". Empty if reserved.
    private static String memoryType(long entry) {
        return switch ((int) (entry >>> EptEntry.MEMORY_TYPE) & 7) {
            case 0 -> "UC";
            case 1 -> "WC";
            case 4 -> "WT";
            case 5 -> "WP";
            case 6 -> "WB";
            default -> "";
        };
    }

    private static OptionalLong quadword(Subject subject, long address) {
        return subject.hostMemory(address, Long.BYTES).stream()
                .mapToLong(bytes -> ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong())
                .findFirst();
    }
}
