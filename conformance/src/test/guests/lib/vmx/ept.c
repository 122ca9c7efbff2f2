/* Extended page tables. */
#include "vmx.h"

u64 *ept_identity(void)
{
    u64 *root = alloc_page(), *pointers = alloc_page();
    root[0] = (u64)pointers | EPT_RWX;
    for (u64 i = 0; i < 4; i++) {
        u64 *directory = alloc_page();
        pointers[i] = (u64)directory | EPT_RWX;
        for (u64 j = 0; j < 512; j++)
            directory[j] = (i << 30 | j << 21) | EPT_RWX | EPT_PAGE | (i < 3 ? EPT_WB : 0);
    }
    return root;
}

static void split(u64 *entry, int level)
{
    u64 *table = alloc_page(), size = 1ull << (3 + 9 * level - 9);
    u64 bits = level > 2 ? *entry : *entry & ~(u64)EPT_PAGE;
    for (u64 i = 0; i < 512; i++)
        table[i] = bits + i * size;
    *entry = (u64)table | EPT_RWX;
}

u64 *ept_entry(u64 *root, u64 address, int level)
{
    u64 *table = root;
    for (int at = 4;; at--) {
        u64 *entry = &table[address >> (3 + 9 * at) & 511];
        if (at == level)
            return entry;
        if (at < 4 && *entry & EPT_PAGE)
            split(entry, at);
        else if (!(*entry & EPT_RWX))
            *entry = (u64)alloc_page() | EPT_RWX;
        table = (u64 *)(*entry & PTE_ADDRESS);
    }
}
