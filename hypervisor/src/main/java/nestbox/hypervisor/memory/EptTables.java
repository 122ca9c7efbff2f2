package nestbox.hypervisor.memory;

import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;

import java.util.Optional;

/// EPT tables of four levels that L0 makes: what a virtual machine's guest-physical addresses are.
/// SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)".
///
/// Mappings use the largest pages that fit. Nothing is ever mapped twice.
public final class EptTables {
    /// Attributes of RAM: everything allowed, write-back.
    public static final long RAM =
            EptEntry.READ | EptEntry.WRITE | EptEntry.EXECUTE | 6 << EptEntry.MEMORY_TYPE;

    /// Attributes of what isn't RAM: everything allowed, uncacheable.
    public static final long DEVICE = EptEntry.READ | EptEntry.WRITE | EptEntry.EXECUTE;

    private static final long PERMISSIONS = DEVICE;
    private static final long READ_WRITE = EptEntry.READ | EptEntry.WRITE;
    private static final int WRITE_BACK = 6;
    private static final int LEVELS = 4;
    private static final int INDEX_BITS = 9;
    private static final long INDEX_MASK = (1 << INDEX_BITS) - 1;

    private final PagePool pages;
    private final GuestMemory memory;
    private final long root;

    /// What an address is mapped to.
    ///
    /// @param entry the entry that maps it: address, permissions, memory type
    /// @param shift its size, as a power of two: 12, 21 or 30
    public record Leaf(long entry, int shift) {
        /// The host-physical address behind a guest-physical one.
        public long host(long guestPhysical) {
            long offset = guestPhysical & (1L << shift) - 1;
            return (entry & EptEntry.ADDRESS & -(1L << shift)) + offset;
        }

        /// Bits 2:0: read, write, execute.
        public int permissions() {
            return (int) (entry & PERMISSIONS);
        }
    }

    public EptTables(PagePool pages) {
        this.pages = pages;
        memory = pages.memory();
        root = pages.takeOwn();
    }

    /// The EPT pointer: write-back tables, four levels, no accessed and dirty flags.
    public long pointer() {
        return new EptPointer(WRITE_BACK, LEVELS, false, root).toLong();
    }

    private static int shift(int level) {
        return GuestMemory.PAGE_SHIFT + INDEX_BITS * level;
    }

    private static long slot(long table, int level, long guestPhysical) {
        return table + 8 * (guestPhysical >>> shift(level) & INDEX_MASK);
    }

    /// Maps a range.
    ///
    /// @param attributes permissions and memory type, as in an entry
    /// @param length in bytes; all numbers on page boundaries
    public void map(long guestPhysical, long host, long length, long attributes) {
        long done = 0;
        while (done < length) {
            int level = level(guestPhysical + done | host + done, length - done);
            long page = 1L << shift(level);
            long large = level > 0 ? EptEntry.PAGE : 0;
            put(guestPhysical + done, level, host + done | attributes | large);
            done += page;
        }
    }

    /// The level of the largest page that is aligned and not longer than this.
    private static int level(long addresses, long length) {
        int level = 2;
        while (level > 0
                && ((addresses & (1L << shift(level)) - 1) != 0 || length < 1L << shift(level))) {
            level--;
        }
        return level;
    }

    private void put(long guestPhysical, int level, long entry) {
        long table = root;
        for (int at = LEVELS - 1; at > level; at--) {
            table = child(slot(table, at, guestPhysical), at);
        }
        write(slot(table, level, guestPhysical), level, entry);
    }

    /// The table below an entry, made if there is none, and from a large page if it is one.
    private long child(long slot, int level) {
        long entry = memory.readLong(slot);
        if ((entry & PERMISSIONS) != 0 && (entry & EptEntry.PAGE) == 0) {
            return entry & EptEntry.ADDRESS;
        }
        long table = pages.takeOwn();
        if ((entry & PERMISSIONS) != 0) {
            long size = 1L << shift(level - 1);
            long parts = level == 1 ? entry & ~EptEntry.PAGE : entry;
            for (int i = 0; i <= INDEX_MASK; i++) {
                memory.writeLong(table + 8 * i, parts + i * size);
            }
        }
        memory.writeLong(slot, table | PERMISSIONS);
        return table;
    }

    /// Maps a range for somebody who may have used up the pages for its tables. What was mapped
    /// there before is no longer.
    ///
    /// @return false if there are no pages left, with a part of the range mapped
    public boolean tryMap(long guestPhysical, long host, long length, long attributes) {
        long done = 0;
        while (done < length) {
            if (pages.available() < LEVELS - 1) {
                return false;
            }
            long page = 1L << shift(level(guestPhysical + done | host + done, length - done));
            map(guestPhysical + done, host + done, page, attributes);
            done += page;
        }
        return true;
    }

    /// Takes a range away. Translations that processors keep are the caller's business.
    ///
    /// @return false if a large page has to be split and there are no pages left
    public boolean unmap(long guestPhysical, long length) {
        long done = 0;
        while (done < length) {
            int level = level(guestPhysical + done, length - done);
            if (!clear(guestPhysical + done, level)) {
                return false;
            }
            done += 1L << shift(level);
        }
        return true;
    }

    private boolean clear(long guestPhysical, int level) {
        long table = root;
        for (int at = LEVELS - 1; at > level; at--) {
            long slot = slot(table, at, guestPhysical);
            long entry = memory.readLong(slot);
            if ((entry & PERMISSIONS) == 0) {
                return true;
            }
            if ((entry & EptEntry.PAGE) != 0 && pages.available() == 0) {
                return false;
            }
            table = child(slot, at);
        }
        write(slot(table, level, guestPhysical), level, 0);
        return true;
    }

    /// Writes an entry, in place of what may have been a table.
    private void write(long slot, int level, long entry) {
        free(memory.readLong(slot), level);
        memory.writeLong(slot, entry);
    }

    /// Gives back the tables below an entry.
    private void free(long entry, int level) {
        boolean leaf = level == 0 || (entry & EptEntry.PAGE) != 0;
        if (leaf || (entry & PERMISSIONS) == 0) {
            return;
        }
        long table = entry & EptEntry.ADDRESS;
        for (int i = 0; level > 1 && i <= INDEX_MASK; i++) {
            free(memory.readLong(table + 8 * i), level - 1);
        }
        pages.free(table);
    }

    /// Changes what may be done with a page that is mapped.
    ///
    /// @return false if it isn't mapped, or has to be split and there are no pages left
    public boolean writable(long guestPhysical, boolean allowed) {
        long page = guestPhysical & -GuestMemory.PAGE_SIZE;
        Optional<Leaf> leaf = leaf(page);
        if (leaf.isEmpty()) {
            return false;
        }
        long attributes = leaf.get().entry() & ~EptEntry.ADDRESS & ~EptEntry.PAGE;
        long changed = allowed ? attributes | EptEntry.WRITE : attributes & ~EptEntry.WRITE;
        return tryMap(page, leaf.get().host(page), GuestMemory.PAGE_SIZE, changed);
    }

    /// What an address is mapped to, if it is.
    public Optional<Leaf> leaf(long guestPhysical) {
        if (guestPhysical >>> shift(LEVELS) != 0) {
            return Optional.empty();
        }
        long table = root;
        for (int level = LEVELS - 1; ; level--) {
            long entry = memory.readLong(slot(table, level, guestPhysical));
            if ((entry & PERMISSIONS) == 0) {
                return Optional.empty();
            }
            if (level == 0 || (entry & EptEntry.PAGE) != 0) {
                return Optional.of(new Leaf(entry, shift(level)));
            }
            table = entry & EptEntry.ADDRESS;
        }
    }

    /// The host-physical address of RAM that a guest may read and write.
    ///
    /// @param length in bytes, within a page
    /// @return nothing if any of it is something else
    public Optional<Long> ram(long guestPhysical, int length) {
        long last = guestPhysical + length - 1;
        if ((guestPhysical ^ last) >>> GuestMemory.PAGE_SHIFT != 0) {
            throw new IllegalArgumentException("crosses a page: " + Long.toHexString(last));
        }
        return leaf(guestPhysical)
                .filter(leaf -> (leaf.permissions() & READ_WRITE) == READ_WRITE)
                .map(leaf -> leaf.host(guestPhysical))
                .filter(host -> memory.host(host, length) >= 0);
    }
}
