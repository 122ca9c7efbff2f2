package nestbox.boot;

import nestbox.platform.GuestMemory;

/// Says that a guest's memory can't hold what is to be put into it.
final class MemoryNeed {
    private static final long MIB = 1 << 20;

    private MemoryNeed() {}

    /// @param bytes RAM with which it would fit
    static BootException exception(BootFile kernel, MemoryLayout layout, String what, long bytes) {
        if (bytes > GuestMemory.PCI_HOLE) {
            return new BootException(
                    ("Can't boot %s: %s would need %d MiB of memory below 2 GiB, more"
                                    + " than there ever is.")
                            .formatted(kernel.name(), what, mebibytes(bytes)));
        }
        // Right at the edge, alignment can ask for a little more than the sum of the parts.
        long there = mebibytes(layout.usableBytes());
        long enough = Math.max(mebibytes(bytes), there + 1);
        return new BootException(
                "Can't boot %s: %s won't fit into %d MiB of memory: give it %d MiB."
                        .formatted(kernel.name(), what, there, enough));
    }

    private static long mebibytes(long bytes) {
        return bytes / MIB + (bytes % MIB == 0 ? 0 : 1);
    }
}
