package nestbox.boot;

import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

/// Four-level page tables that map physical memory to itself with pages of 2 MiB: the first 4 GiB
/// and all RAM above.
///
/// Pages of 1 GiB would need fewer tables, but not every processor model has them.
final class IdentityPages {
    private static final long PRESENT_WRITABLE = 0x3;
    private static final long PAGE_2_MIB = 0x83;
    private static final int ENTRIES = 512;
    private static final long GIB = 1L << 30;

    private final int gibibytes;

    IdentityPages(MemoryLayout layout) {
        long top = Math.max(layout.top(), GuestMemory.FOUR_GIB);
        gibibytes = (int) (top + GIB - 1 >> 30);
        assert gibibytes <= ENTRIES : "RAM ends below the 64-bit PCI window";
    }

    /// Bytes of the tables: PML4, one PDPT, and a page directory per GiB.
    long size() {
        return (2 + gibibytes) * GuestMemory.PAGE_SIZE;
    }

    /// Writes the tables, page map level 4 first, to memory that holds zeroes.
    void write(Ram ram, long address) {
        long pointers = address + GuestMemory.PAGE_SIZE;
        long directories = pointers + GuestMemory.PAGE_SIZE;
        ram.writeLong(address, pointers | PRESENT_WRITABLE);
        for (int i = 0; i < gibibytes; i++) {
            long directory = directories + i * GuestMemory.PAGE_SIZE;
            ram.writeLong(pointers + 8L * i, directory | PRESENT_WRITABLE);
            for (int j = 0; j < ENTRIES; j++) {
                ram.writeLong(directory + 8L * j, i * GIB + ((long) j << 21) | PAGE_2_MIB);
            }
        }
    }
}
