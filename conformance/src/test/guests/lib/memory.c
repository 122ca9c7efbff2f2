/* Memory functions that the compiler calls, pages, and page tables. */
#include "guest.h"

extern u8 image_end[];

void *memset(void *to, int value, size_t count)
{
    void *p = to;
    asm volatile("rep stosb" : "+D"(p), "+c"(count) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    void *p = to;
    asm volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(count) : : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const u8 *x = a, *y = b;
    for (; count; count--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *alloc_pages(unsigned count)
{
    static u8 *next;
    if (!next)
        next = (u8 *)(((word)image_end + 4095) & ~4095ul);
    u8 *p = next;
    next += 4096 * count;
    memset(p, 0, 4096 * count);
    return p;
}

void *alloc_page(void)
{
    return alloc_pages(1);
}

struct cpuid cpuid(u32 leaf, u32 subleaf)
{
    struct cpuid r;
    asm volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

#ifdef __x86_64__
extern u64 pml4[];
u64 *base_tables = pml4;

static u64 *walk(u64 *table, u64 linear, int level, bool create)
{
    for (int at = 4;; at--) {
        u64 *entry = &table[linear >> (3 + 9 * at) & 511];
        if (at == level)
            return entry;
        if (!(*entry & PTE_P)) {
            if (!create)
                return 0;
            *entry = (u64)alloc_page() | PTE_P | PTE_W | PTE_U;
        } else if (*entry & PTE_PS && at < 4) {
            return 0;
        }
        table = (u64 *)(*entry & PTE_ADDRESS);
    }
}

u64 *map_page(u64 *top, u64 linear, u64 entry, int level)
{
    u64 *e = walk(top, linear, level, true);
    *e = entry;
    return e;
}

u64 *table_entry(u64 *top, u64 linear, int level)
{
    return walk(top, linear, level, false);
}
#endif
