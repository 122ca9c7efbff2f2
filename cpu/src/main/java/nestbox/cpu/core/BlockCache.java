package nestbox.cpu.core;

import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/// Decoded code of a board, by physical address. All processors share it.
///
/// A page with blocks has [GuestMemory#HAS_CODE] set, and no TLB lets a processor write to it
/// directly: every write, also by devices, comes here first.
public final class BlockCache {
    private static final int CHUNK_SHIFT = 9;

    /// Decoded instructions that are kept at most, some 150 bytes each. A guest that runs code at
    /// every offset could otherwise fill the Java heap; when they are too many all are dropped, as
    /// finding the right ones to keep would cost more than decoding the useful ones again.
    private static final int LIMIT = 1_500_000;

    private final GuestMemory memory;
    private final CodePage[][] pages;
    private final List<LongConsumer> writablePage = new ArrayList<>();
    private final List<Runnable> dropped = new ArrayList<>();

    /// Instructions decoded since all were dropped. Those of blocks that are gone count as well: a
    /// processor's caches may still hold them.
    private int size;

    public BlockCache(GuestMemory memory) {
        this.memory = memory;
        pages = new CodePage[(memory.pageCount() >> CHUNK_SHIFT) + 1][];
        memory.onCodeWrite(this::written);
    }

    /// Adds an action that takes write permission for a page out of a processor's TLBs, given the
    /// page's place in the address space reservation.
    public void onCodeInWritablePage(LongConsumer action) {
        writablePage.add(action);
    }

    /// Adds an action that takes all blocks out of a processor's caches.
    public void onDrop(Runnable action) {
        dropped.add(action);
    }

    /// @param hostPage place of the page in the address space reservation
    /// @return the block, or null
    Block find(long hostPage, int start, int mode) {
        CodePage page = page(memory.page(hostPage));
        return page == null ? null : page.find(start, mode);
    }

    void add(long hostPage, Block block) {
        int number = memory.page(hostPage);
        CodePage[] chunk = pages[number >> CHUNK_SHIFT];
        if (chunk == null) {
            chunk = new CodePage[1 << CHUNK_SHIFT];
            pages[number >> CHUNK_SHIFT] = chunk;
        }
        int index = number & (1 << CHUNK_SHIFT) - 1;
        if (chunk[index] == null) {
            chunk[index] = new CodePage();
            memory.setFlags(number, GuestMemory.HAS_CODE);
            if ((memory.flags(number) & GuestMemory.WRITABLE_IN_TLB) != 0) {
                memory.clearFlags(number, GuestMemory.WRITABLE_IN_TLB);
                writablePage.forEach(action -> action.accept(hostPage));
            }
        }
        chunk[index].add(block);
        size += block.insns.length;
    }

    /// Drops every block once there are too many. Must not be called while one of them runs.
    void trim() {
        if (size <= LIMIT) {
            return;
        }
        for (int number = 0; number < memory.pageCount(); number++) {
            CodePage page = page(number);
            if (page != null) {
                page.retire();
                remove(number);
            }
        }
        size = 0;
        dropped.forEach(Runnable::run);
    }

    private void remove(int number) {
        pages[number >> CHUNK_SHIFT][number & (1 << CHUNK_SHIFT) - 1] = null;
        memory.clearFlags(number, GuestMemory.HAS_CODE);
    }

    /// Bytes at a physical address are about to change.
    public void written(long address, long length) {
        long at = address;
        long left = length;
        while (left > 0) {
            int start = (int) (at & GuestMemory.PAGE_SIZE - 1);
            long inPage = Math.min(left, GuestMemory.PAGE_SIZE - start);
            long host = memory.host(at);
            if (host >= 0) {
                written(memory.page(host), start, inPage);
            }
            at += inPage;
            left -= inPage;
        }
    }

    private void written(int number, int start, long length) {
        CodePage page = page(number);
        if (page != null && page.covers(start, length)) {
            page.drop();
            remove(number);
        }
    }

    private CodePage page(int number) {
        CodePage[] chunk = pages[number >> CHUNK_SHIFT];
        return chunk == null ? null : chunk[number & (1 << CHUNK_SHIFT) - 1];
    }
}
