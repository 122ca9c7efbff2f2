package nestbox.cpu.paging;

import static nestbox.cpu.core.LinearMemory.ENTRY_SIZE;
import static nestbox.cpu.core.LinearMemory.HOST_PAGE;
import static nestbox.cpu.core.LinearMemory.TAG_EXECUTE;
import static nestbox.cpu.core.LinearMemory.TAG_READ;
import static nestbox.cpu.core.LinearMemory.TAG_WRITE;
import static nestbox.cpu.core.LinearMemory.TLB_ENTRIES;

import nestbox.cpu.core.Block;
import nestbox.cpu.core.LinearMemory;

import java.util.Arrays;

/// Cached translations of one address space at one privilege: a software TLB for data and code,
/// and a cache from linear instruction pointers to decoded blocks.
///
/// Nothing here needs a permission check: what the privilege doesn't allow isn't in it.
public final class TlbContext {
    private static final int TLB_SIZE = TLB_ENTRIES * ENTRY_SIZE;

    private static final int SLOT_BITS = 6;
    private static final int SLOTS = 1 << 2 * SLOT_BITS;

    /// A TLB without entries. An entry without page has the tag of a page whose entry is another,
    /// so that no address matches it.
    private static final long[] EMPTY = emptyTlb();

    /// The TLB, see [LinearMemory].
    public final long[] tlb = new long[TLB_SIZE];

    private final long[] blockAddress = new long[SLOTS];
    private final Block[] blocks = new Block[SLOTS];

    /// Largest page size that was entered (as 4 KiB slices), as a shift; 12 if there was none.
    private int largestShift = 12;

    private boolean used = true;

    public TlbContext() {
        flush();
    }

    private static long[] emptyTlb() {
        long[] empty = new long[TLB_SIZE];
        for (int i = 0; i < TLB_ENTRIES; i++) {
            clear(empty, i);
        }
        return empty;
    }

    private static void clear(long[] tlb, int index) {
        int entry = index * ENTRY_SIZE;
        long never = (index ^ 1L) << 12;
        tlb[entry + TAG_READ] = never;
        tlb[entry + TAG_WRITE] = never;
        tlb[entry + TAG_EXECUTE] = never;
    }

    /// The empty TLB, for states in which every access must be looked at (alignment checking).
    public static long[] empty() {
        return EMPTY;
    }

    /// Forgets everything.
    public void flush() {
        if (used) {
            System.arraycopy(EMPTY, 0, tlb, 0, TLB_SIZE);
            Arrays.fill(blocks, null);
            largestShift = 12;
            used = false;
        }
    }

    /// Forgets the translation of one linear address, with the whole of its large page.
    public void invalidate(long linear) {
        if (!used) {
            return;
        }
        if (largestShift == 12) {
            dropEntry(linear);
            int first = pageSlot(linear);
            Arrays.fill(blocks, first, first + (1 << SLOT_BITS), null);
            return;
        }
        for (int i = 0; i < TLB_ENTRIES; i++) {
            int entry = i * ENTRY_SIZE;
            if (isSame(entry + TAG_READ, linear)
                    || isSame(entry + TAG_WRITE, linear)
                    || isSame(entry + TAG_EXECUTE, linear)) {
                clear(tlb, i);
            }
        }
        Arrays.fill(blocks, null);
    }

    private boolean isSame(int tag, long linear) {
        return (tlb[tag] ^ linear) >>> largestShift == 0;
    }

    private void dropEntry(long linear) {
        int entry = LinearMemory.entryOf(linear);
        long page = linear & -4096;
        if (tlb[entry + TAG_READ] == page
                || tlb[entry + TAG_WRITE] == page
                || tlb[entry + TAG_EXECUTE] == page) {
            clear(tlb, entry / ENTRY_SIZE);
        }
    }

    /// Enters a translation, or adds permissions to one that is there.
    ///
    /// @param shift size of the page that maps it, as a shift
    void enter(
            long linear, long hostPage, boolean read, boolean write, boolean execute, int shift) {
        used = true;
        largestShift = Math.max(largestShift, shift);
        int entry = LinearMemory.entryOf(linear);
        long page = linear & -4096;
        long never = ((linear >>> 12 & TLB_ENTRIES - 1) ^ 1) << 12;
        tlb[entry + TAG_READ] = read ? page : never;
        tlb[entry + TAG_WRITE] = write ? page : never;
        tlb[entry + TAG_EXECUTE] = execute ? page : never;
        tlb[entry + HOST_PAGE] = hostPage;
    }

    /// Place of the page that holds a linear address if it is cached as executable, else -1.
    long executablePage(long linear) {
        int entry = LinearMemory.entryOf(linear);
        return tlb[entry + TAG_EXECUTE] == (linear & -4096) ? tlb[entry + HOST_PAGE] : -1;
    }

    /// Takes write permission from every translation to a page.
    void dropWritable(long hostPage) {
        if (!used) {
            return;
        }
        for (int i = 0; i < TLB_ENTRIES; i++) {
            int entry = i * ENTRY_SIZE;
            if (tlb[entry + HOST_PAGE] == hostPage) {
                tlb[entry + TAG_WRITE] = (i ^ 1L) << 12;
            }
        }
    }

    /// @return the block that was last run at this linear address, or null
    public Block block(long linear) {
        int slot = slot(linear);
        return blockAddress[slot] == linear ? blocks[slot] : null;
    }

    public void block(long linear, Block block) {
        int slot = slot(linear);
        blockAddress[slot] = linear;
        blocks[slot] = block;
        used = true;
    }

    private static int pageSlot(long linear) {
        long page = linear >>> 12;
        return (int) (page ^ page >>> SLOT_BITS) << SLOT_BITS & SLOTS - 1;
    }

    private static int slot(long linear) {
        int low = (int) linear;
        return pageSlot(linear) | (low ^ low >>> SLOT_BITS) & (1 << SLOT_BITS) - 1;
    }
}
