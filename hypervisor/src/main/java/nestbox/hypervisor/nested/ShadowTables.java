package nestbox.hypervisor.nested;

import nestbox.cpu.entry.EptFormat;
import nestbox.hypervisor.memory.PagePool;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;

import java.util.Optional;

/// EPT tables of L0's that lead from L2's addresses to the host's: the shadow of one of L1's EPT
/// pointers, filled as L2 needs it.
///
/// Each table remembers the entries of L1 from which its own were made. An entry is good as long as
/// L1's is what it was, so an invalidation throws away only what L1 has changed.
final class ShadowTables {
    private static final int ENTRIES = 1 << EptFormat.INDEX_BITS;
    private static final int WRITE_BACK = 6;
    private static final long NO_ORIGIN = -1;
    private static final long FLAGS = EptEntry.ACCESSED | EptEntry.DIRTY;
    private static final long LINK =
            EptEntry.READ
                    | EptEntry.WRITE
                    | EptEntry.EXECUTE
                    | EptEntry.EXECUTE_USER
                    | EptEntry.ACCESSED;

    /// One of L0's tables.
    private static final class Table {
        final long page;
        final int shift;

        /// Where L1's table is of which this is the shadow; there is none for a part of a large
        /// page.
        final long origin;

        /// L1's entries, where ours aren't 0.
        final long[] seen;

        final Table[] children;

        Table(long page, int shift, long origin) {
            this.page = page;
            this.shift = shift;
            this.origin = origin;
            seen = new long[origin == NO_ORIGIN ? 0 : ENTRIES];
            children = new Table[shift == EptFormat.PAGE_SHIFT ? 0 : ENTRIES];
        }
    }

    private final PagePool pages;
    private final GuestMemory memory;
    private final EptPointer pointer12;
    private final long rootPage;
    private Optional<Table> root = Optional.empty();
    private boolean stale;

    /// The processor may have cached what isn't there any more.
    private boolean flushNeeded;

    private int used = 1;

    /// @param rootPage an empty page
    ShadowTables(PagePool pages, EptPointer pointer12, long rootPage) {
        this.pages = pages;
        memory = pages.memory();
        this.pointer12 = pointer12;
        this.rootPage = rootPage;
    }

    EptPointer pointer12() {
        return pointer12;
    }

    /// The EPT pointer that L2 runs with. Accessed and dirty flags are as L1 has them, because they
    /// make the processor treat accesses to paging structures as writes.
    long pointer() {
        return new EptPointer(WRITE_BACK, EptFormat.LEVELS, pointer12.accessedDirty(), rootPage)
                .toLong();
    }

    /// How many pages the tables take.
    int used() {
        return used;
    }

    /// L1 has asked for an invalidation: what it changed counts from now on.
    void markStale() {
        stale = true;
    }

    /// Throws away what L1 has changed, if it asked for that.
    void refresh() {
        if (stale && root.isPresent()) {
            refresh(root.get());
        }
        stale = false;
    }

    private void refresh(Table table) {
        for (int i = 0; i < ENTRIES; i++) {
            if (memory.readLong(table.page + 8L * i) == 0) {
                continue;
            }
            if (table.origin != NO_ORIGIN && !isAsSeen(table, i)) {
                drop(table, i);
            } else if (hasChild(table, i) && table.children[i].origin != NO_ORIGIN) {
                refresh(table.children[i]);
            }
        }
    }

    /// Whether the processor has to forget what it has of these tables; asked once.
    boolean takeFlushNeeded() {
        boolean needed = flushNeeded;
        flushNeeded = false;
        return needed;
    }

    /// Flags that were set meanwhile make no difference.
    private boolean isAsSeen(Table table, int index) {
        long now = memory.readLong(table.origin + 8L * index);
        long seen = table.seen[index];
        if (now != seen && (now & ~FLAGS) == (seen & ~FLAGS) && (seen & ~now) == 0) {
            table.seen[index] = now;
            return true;
        }
        return now == seen;
    }

    private static boolean hasChild(Table table, int index) {
        return table.children.length != 0 && table.children[index] != null;
    }

    private void drop(Table table, int index) {
        flushNeeded = true;
        memory.writeLong(table.page + 8L * index, 0);
        if (hasChild(table, index)) {
            free(table.children[index]);
            table.children[index] = null;
        }
    }

    private void free(Table table) {
        for (Table child : table.children) {
            if (child != null) {
                free(child);
            }
        }
        pages.free(table.page);
        used--;
    }

    /// Throws away everything but the root.
    void clear() {
        if (root.isPresent()) {
            for (int i = 0; i < ENTRIES; i++) {
                drop(root.get(), i);
            }
            root = Optional.empty();
        }
        stale = false;
    }

    /// Gives back all pages.
    void close() {
        clear();
        pages.free(rootPage);
    }

    /// Maps the page of an address.
    ///
    /// @param walk that found it in L1's tables
    /// @param shift size of the page, not more than L1's
    /// @param leaf the entry, without the bit that says that it maps a large page
    /// @return false if there are no pages for the tables
    boolean map(EptWalk walk, long l2Physical, int shift, long leaf) {
        if (root.isEmpty()) {
            long origin = origin(walk, EptFormat.TOP_SHIFT);
            root = Optional.of(new Table(rootPage, EptFormat.TOP_SHIFT, origin));
        }
        Table table = root.get();
        while (table.shift > shift) {
            Optional<Table> next = child(table, walk, l2Physical);
            if (next.isEmpty()) {
                return false;
            }
            table = next.get();
        }
        int index = index(table, l2Physical);
        long old = memory.readLong(table.page + 8L * index);
        if (old != 0 && (hasChild(table, index) || ((old ^ leaf) & EptEntry.ADDRESS) != 0)) {
            drop(table, index);
        }
        see(table, index, walk);
        long large = shift == EptFormat.PAGE_SHIFT ? 0 : EptEntry.PAGE;
        memory.writeLong(table.page + 8L * index, leaf | large);
        return true;
    }

    private static int index(Table table, long l2Physical) {
        return (int) (l2Physical >>> table.shift) & ENTRIES - 1;
    }

    /// Where L1's table of a level starts, if the walk used one.
    private static long origin(EptWalk walk, int shift) {
        return shift < walk.shift() ? NO_ORIGIN : walk.slotOf(shift) & -GuestMemory.PAGE_SIZE;
    }

    private static void see(Table table, int index, EptWalk walk) {
        if (table.origin != NO_ORIGIN) {
            table.seen[index] = walk.entry(table.shift);
        }
    }

    private Optional<Table> child(Table table, EptWalk walk, long l2Physical) {
        int index = index(table, l2Physical);
        int shift = table.shift - EptFormat.INDEX_BITS;
        long origin = origin(walk, shift);
        if (hasChild(table, index)) {
            if (table.children[index].origin == origin) {
                see(table, index, walk);
                return Optional.of(table.children[index]);
            }
            drop(table, index);
        }
        Optional<Long> page = pages.take();
        if (page.isEmpty()) {
            return Optional.empty();
        }
        used++;
        Table child = new Table(page.get(), shift, origin);
        table.children[index] = child;
        see(table, index, walk);
        memory.writeLong(table.page + 8L * index, child.page | LINK);
        return Optional.of(child);
    }
}
