package nestbox.hypervisor.memory;

import nestbox.platform.GuestMemory;

import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;

/// Pages of the RAM that L0 keeps for itself: control structures, bitmaps and EPT tables lie in
/// the board's memory, as on hardware, where a dump shows them.
///
/// Pools are carved out of one another, so that a virtual machine that uses up its own pool takes
/// nothing from others.
public final class PagePool {
    private static final byte[] ZEROES = new byte[(int) GuestMemory.PAGE_SIZE];

    private final GuestMemory memory;
    private final Queue<Long> freed = new ArrayDeque<>();
    private final long start;
    private final long end;
    private long next;

    /// @param start physical address, on a page boundary
    /// @param length in bytes, whole pages
    public PagePool(GuestMemory memory, long start, long length) {
        this.memory = memory;
        this.start = start;
        next = start;
        end = start + length;
    }

    /// A pool of so many pages, taken from this one.
    ///
    /// @throws IllegalStateException if there aren't so many: the size of L0's memory is computed
    ///     from what it will need
    public PagePool carve(int pages) {
        long length = pages * GuestMemory.PAGE_SIZE;
        if (length > end - next) {
            throw new IllegalStateException("L0's memory is too small");
        }
        PagePool part = new PagePool(memory, next, length);
        next += length;
        return part;
    }

    /// A page, filled with zeroes.
    ///
    /// @return its physical address; nothing if all are in use
    public Optional<Long> take() {
        Long page = freed.poll();
        if (page == null) {
            if (next == end) {
                return Optional.empty();
            }
            page = next;
            next += GuestMemory.PAGE_SIZE;
        }
        memory.write(page, ZEROES, 0, ZEROES.length);
        return Optional.of(page);
    }

    /// A page for something that L0 can't do without.
    public long takeOwn() {
        return take().orElseThrow(() -> new IllegalStateException("L0's memory is too small"));
    }

    public void free(long page) {
        freed.add(page);
    }

    /// Takes all pages back, of whoever had them.
    public void clear() {
        freed.clear();
        next = start;
    }

    /// How many pages can still be taken.
    public int available() {
        return freed.size() + (int) ((end - next) / GuestMemory.PAGE_SIZE);
    }

    public GuestMemory memory() {
        return memory;
    }
}
