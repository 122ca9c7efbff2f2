/* Writes to parts of pages that EPT makes read-only: SDM Vol. 3, section "Sub-Page Write Permissions". */
#include "vmx.h"

#define FRAME 0x4000000ull
#define LARGE 0x4400000ull
#define MAPPED 0x600000000000ull
#define SUB_PAGE 128
#define MISS (1 << 11)

enum { WRITE = 2, FETCH = 4, LINEAR = 1 << 7, TRANSLATION = 1 << 8 };
#define READABLE ((EPT_READ | EPT_EXECUTE) << 3)

static u64 *root, *leaf, *tables[5], *vector;
static u8 *page;

static void flush(void)
{
    invept(EPT_VPID_BIT(EPT_INVEPT_ALL) ? 2 : 1, EPT_VPID_BIT(EPT_INVEPT_ALL) ? 0 : vmread(EPT_POINTER));
}

/* A guest with a page of which it may write what the vector says; RBX points to it. */
static void spp_reset(u64 allowed)
{
    guest_reset();
    on(ENABLE_EPT);
    on(SUB_PAGE_WRITE_PERMISSIONS);
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root));
    vmwrite(SUB_PAGE_PERMISSION_TABLE_POINTER, (u64)tables[4]);
    *leaf = FRAME | EPT_READ | EPT_EXECUTE | EPT_WB | EPT_SUB_PAGES;
    for (int level = 4; level > 1; level--)
        tables[level][FRAME >> (3 + 9 * level) & 511] = (u64)tables[level - 1] | 1;
    *vector = allowed;
    memset(page, 0, 2 * 4096);
    guest.bx = FRAME;
    guest.ax = 0x11223344;
    flush();
}

static u64 sub_page(u32 number)
{
    return 1ull << 2 * number;
}

static void left_with(const char *name, u32 outcome, u32 reason, u64 qualification, u64 physical, u64 linear)
{
    if (outcome != reason || (vmread(EXIT_QUALIFICATION) & 0x1bf) != (qualification & 0x1bf)
        || (reason == R_SPP_EVENT && vmread(EXIT_QUALIFICATION) != qualification)) {
        left(name, outcome, reason, qualification);
        return;
    }
    check_equal(named("%s: physical address", name), vmread(GUEST_PHYSICAL_ADDRESS), physical);
    if (vmread(GUEST_LINEAR_ADDRESS) != linear)
        check_equal(named("%s: linear address", name), vmread(GUEST_LINEAR_ADDRESS), linear);
}

static void refused_at(const char *name, const struct snippet *code, u64 physical)
{
    left_with(name, guest_run(code), R_EPT_VIOLATION, WRITE | READABLE | LINEAR | TRANSLATION, physical, physical);
}

static const struct snippet *store(void)
{
    return GUEST("mov [rbx], eax");
}

static void parts(void)
{
    spp_reset(sub_page(0) | sub_page(3) | sub_page(31));
    static const struct {
        u32 offset;
        bool allowed;
    } places[] = {{0, true}, {0x7c, true}, {0x80, false}, {2 * SUB_PAGE, false}, {3 * SUB_PAGE, true},
        {4 * SUB_PAGE - 4, true}, {4 * SUB_PAGE, false}, {30 * SUB_PAGE, false}, {31 * SUB_PAGE, true}, {0xffc, true}};
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        u32 offset = places[i].offset;
        guest.bx = FRAME + offset;
        if (places[i].allowed) {
            expect_completion(named("a write at %x", offset), store());
            check_equal(named("it is written at %x", offset), *(u32 *)(page + offset), 0x11223344);
        } else {
            refused_at(named("a write at %x", offset), store(), FRAME + offset);
            check_equal(named("it isn't written at %x", offset), *(u32 *)(page + offset), 0);
        }
    }
    guest.bx = FRAME + 0x80;
    completes("a read where writes aren't allowed", "mov eax, [rbx]");
    refused_at("a read and a write", GUEST("add [rbx], eax"), FRAME + 0x80);
    guest.bx = FRAME + 3 * SUB_PAGE;
    completes("a read and a write where they are", "lock xadd [rbx], rax\nxchg [rbx + 8], rcx");
}

static void crossing(void)
{
    spp_reset(sub_page(3) | sub_page(4) | sub_page(6) | sub_page(31));
    guest.bx = FRAME + 4 * SUB_PAGE - 2;
    completes("a write to two parts", "mov [rbx], eax");
    guest.bx = FRAME + 5 * SUB_PAGE - 2;
    refused_at("a write to two parts, the second not allowed", store(), FRAME + 5 * SUB_PAGE);
    check_equal("nothing of it is written", *(u32 *)(page + 5 * SUB_PAGE - 2), 0);
    guest.bx = FRAME + 6 * SUB_PAGE - 2;
    refused_at("a write to two parts, the first not allowed", store(), FRAME + 6 * SUB_PAGE - 2);
    guest.bx = FRAME + 4094;
    completes("a write to two pages, the second writable", "mov [rbx], eax");
    check_equal("it is written to both", *(u32 *)(page + 4094), 0x11223344);
    *vector = 0;
    guest.ax = 0;
    refused_at("a write to two pages, the first not allowed", store(), FRAME + 4094);
    check_equal("neither is written", *(u32 *)(page + 4094), 0x11223344);
}

static void eligible(void)
{
    spp_reset(-1ull / 3);
    *leaf &= ~EPT_SUB_PAGES;
    flush();
    refused_at("a page without the bit", store(), FRAME);
    spp_reset(-1ull / 3);
    off(SUB_PAGE_WRITE_PERMISSIONS);
    refused_at("without the control", store(), FRAME);
    spp_reset(0);
    *leaf |= EPT_WRITE;
    flush();
    completes("a writable page needs no permission", "mov [rbx], eax");
    spp_reset(sub_page(0));
    u64 *directory = ept_entry(root, FRAME, 2);
    *directory &= ~(u64)EPT_WRITE;
    *leaf |= EPT_WRITE;
    flush();
    completes("an upper level forbids writes", "mov [rbx], eax");
    *directory |= EPT_WRITE;
    u64 *large = ept_entry(root, LARGE, 2);
    *large = (*large & ~(u64)EPT_WRITE) | EPT_SUB_PAGES;
    flush();
    guest.bx = LARGE;
    refused_at("a page of 2 MiB", store(), LARGE);
    *large |= EPT_WRITE;
    spp_reset(-1ull / 3);
    *leaf = 0;
    flush();
    left_with("no page", guest_run(store()), R_EPT_VIOLATION, WRITE | LINEAR | TRANSLATION, FRAME, FRAME);
}

static void flags(void)
{
    if (!EPT_VPID_BIT(EPT_ACCESSED_DIRTY))
        return;
    spp_reset(sub_page(0));
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root) | EPTP_ACCESSED_DIRTY);
    flush();
    guest.bx = FRAME + SUB_PAGE;
    refused_at("a write that isn't allowed", store(), FRAME + SUB_PAGE);
    check_equal("it leaves the page clean", *leaf & EPT_DIRTY, 0);
    guest.bx = FRAME;
    completes("a write that is allowed", "mov [rbx], eax");
    check_equal("it makes the page dirty", *leaf & EPT_DIRTY, EPT_DIRTY);
}

static void structures(void)
{
    spp_reset(0);
    u64 *entry = map_page(base_tables, MAPPED, (FRAME + 0x1000) | PTE_P | PTE_W, 1), linear_table = (u64)entry & ~0xfffull;
    u64 *table_leaf = ept_entry(root, linear_table, 1), old = *table_leaf;
    *table_leaf = (old & ~(u64)EPT_WRITE) | EPT_SUB_PAGES;
    for (int level = 4; level > 1; level--)
        tables[level][linear_table >> (3 + 9 * level) & 511] = (u64)tables[level - 1] | 1;
    tables[1][linear_table >> 12 & 511] = -1ull / 3;
    flush();
    guest.bx = MAPPED;
    left_with("an accessed flag is no part of it", guest_run(store()), R_EPT_VIOLATION, WRITE | READABLE | LINEAR,
        (u64)entry, MAPPED);
    *table_leaf = old;
    flush();
}

static void missing(const char *name, u64 qualification)
{
    flush();
    left_with(name, guest_run(store()), R_SPP_EVENT, qualification, FRAME + 0x10, FRAME + 0x10);
}

static void events(void)
{
    u64 beyond = 1ull << (cpuid(0x80000008, 0).a & 0xff);
    for (int level = 4; level > 1; level--) {
        spp_reset(-1ull / 3);
        guest.bx = FRAME + 0x10;
        u64 *entry = &tables[level][FRAME >> (3 + 9 * level) & 511];
        *entry &= ~1ull;
        missing(named("an entry of level %u isn't valid", level), MISS);
        *entry |= 1 | 1 << 1;
        missing(named("an entry of level %u with bit 1", level), 0);
        *entry = (*entry & ~2ull) | 1 << 11;
        missing(named("an entry of level %u with bit 11", level), 0);
        *entry = (*entry & ~0x800ull) | beyond;
        missing(named("an entry of level %u beyond the width", level), 0);
        *entry &= ~beyond;
    }
    spp_reset(-1ull / 3 | 2);
    guest.bx = FRAME + 0x10;
    missing("a vector with a reserved bit", 0);
    *vector = 1ull << 63;
    missing("a vector with its last bit", 0);
    *vector = 1;
    flush();
    completes("a vector in order", "mov [rbx], eax");
}

static void checks(void)
{
    spp_reset(0);
    vmwrite(SUB_PAGE_PERMISSION_TABLE_POINTER, (u64)tables[4] | 8);
    left("a table not aligned", guest_run(store()), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    vmwrite(SUB_PAGE_PERMISSION_TABLE_POINTER, 1ull << (cpuid(0x80000008, 0).a & 0xff));
    left("a table beyond the width", guest_run(store()), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    spp_reset(0);
    off(ENABLE_EPT);
    left("without EPT", guest_run(store()), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
}

void program(void)
{
    if (!vmx_begin())
        return;
    if (need(SUB_PAGE_WRITE_PERMISSIONS, "sub-page write permissions")) {
        root = ept_identity();
        for (int level = 1; level <= 4; level++)
            tables[level] = alloc_page();
        vector = &tables[1][FRAME >> 12 & 511];
        page = (u8 *)FRAME;
        leaf = ept_entry(root, FRAME, 1);
        parts();
        crossing();
        eligible();
        flags();
        structures();
        events();
        checks();
    }
    vmx_end();
}
