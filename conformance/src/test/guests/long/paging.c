/* 4-level paging: SDM Vol. 3, "Paging". */
#include "guest.h"

/* Linear addresses of PML4 entry 1, which the base tables leave free; USER for CPL 3 code as well. */
#define BASE 0x8000000000ull
#define OTHER 0xffff900000000000ull
static u64 *top;
static u8 *frame_a, *frame_b;
static unsigned address_bits;

static bool has_1g, has_pcid, has_invpcid, has_smep, has_smap;

static void flush(void)
{
    write_cr3(read_cr3());
}

/* Entries above a page all allow everything. */
static u64 *page_entry(u64 linear, u64 entry)
{
    u64 *e = map_page(top, linear, entry, 1);
    flush();
    return e;
}

static struct context *at(struct context *c, u64 address)
{
    c->ax = address;
    return c;
}

/* --- permissions --- */

static void permissions(void)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        bool p = bits & 1, w = bits & 2, u = bits & 4, nx = bits & 8;
        page_entry(BASE, (u64)frame_a | (p ? PTE_P : 0) | (w ? PTE_W : 0) | (u ? PTE_U : 0) | (nx ? PTE_NX : 0));
        const char *what = named("%s%s%s%s", p ? "P" : "-", w ? "W" : "-", u ? "U" : "-", nx ? "NX" : "-");
        frame_a[0] = 0xc3; /* RET */
        struct context *c = at(user(), BASE);
        word present = p ? PF_P : 0;
        if (p && u)
            runs(c, named("user read %s", what), "mov cl, [rax]");
        else
            expect_page_fault(named("user read %s", what), c, CODE("mov cl, [rax]"), PF_U | present, BASE);
        c = at(user(), BASE);
        if (p && u && w)
            runs(c, named("user write %s", what), "mov byte ptr [rax], 0xc3");
        else
            expect_page_fault(named("user write %s", what), c, CODE("mov byte ptr [rax], 0xc3"), PF_U | PF_W | present, BASE);
        c = at(user(), BASE);
        if (p && u && !nx) {
            runs(c, named("user fetch %s", what), "call rax");
        } else {
            run_code(c, CODE("call rax"));
            check_equal(named("user fetch %s", what), c->vector << 16 | c->error, PF << 16 | PF_U | PF_I | present);
            check_equal(named("user fetch %s: CR2", what), c->cr2, BASE);
            check_equal(named("user fetch %s: RIP", what), c->ip, BASE);
        }
        for (unsigned wp = 0; wp < 2; wp++) {
            write_cr0(wp ? read_cr0() | CR0_WP : read_cr0() & ~CR0_WP);
            c = at(kernel(), BASE);
            if (p && (w || !wp))
                runs(c, named("supervisor write %s WP %d", what, wp), "mov byte ptr [rax], 0xc3");
            else
                expect_page_fault(named("supervisor write %s WP %d", what, wp), c, CODE("mov byte ptr [rax], 0xc3"), PF_W | present, BASE);
        }
        c = at(kernel(), BASE);
        if (p)
            runs(c, named("supervisor read %s", what), "mov cl, [rax]");
        else
            expect_page_fault(named("supervisor read %s", what), c, CODE("mov cl, [rax]"), 0, BASE);
        c = at(kernel(), BASE);
        run_code(c, CODE("call rax"));
        check_equal(named("supervisor fetch %s", what), c->vector << 16 | c->error, p && !nx ? END << 16 : PF << 16 | PF_I | present);
    }
    /* Every level counts. */
    page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    for (int level = 2; level <= 4; level++) {
        u64 *e = table_entry(top, BASE, level), old = *e;
        *e = old & ~PTE_U;
        flush();
        expect_page_fault(named("level %d supervisor", level), at(user(), BASE), CODE("mov cl, [rax]"), PF_U | PF_P, BASE);
        *e = old & ~PTE_W;
        flush();
        expect_page_fault(named("level %d read-only", level), at(user(), BASE), CODE("mov [rax], cl"), PF_U | PF_P | PF_W, BASE);
        *e = old | PTE_NX;
        flush();
        struct context *c = at(user(), BASE);
        run_code(c, CODE("call rax"));
        check_equal(named("level %d NX", level), c->vector << 16 | c->error, PF << 16 | PF_U | PF_P | PF_I);
        *e = old & ~PTE_P;
        flush();
        expect_page_fault(named("level %d not present", level), at(user(), BASE), CODE("mov cl, [rax]"), PF_U, BASE);
        *e = old;
        flush();
    }
    /* Reads by read-modify-write ask for write at once. */
    page_entry(BASE, (u64)frame_a | PTE_P | PTE_U);
    expect_page_fault("read-modify-write", at(user(), BASE), CODE("inc byte ptr [rax]"), PF_U | PF_P | PF_W, BASE);
    expect_page_fault("CMPXCHG that fails writes", at(user(), BASE), CODE("mov rbx, rax\nmov al, 1\n7: cmpxchg [rbx], cl"), PF_U | PF_P | PF_W, BASE);
    /* Implicit accesses are the supervisor's. */
    struct context *c = user();
    page_entry(BASE, (u64)gdt | PTE_P | PTE_W);
    struct __attribute__((packed)) { u16 limit; u64 base; } p = {GDT_ENTRIES * 8 - 1, BASE + ((u64)gdt & 4095)};
    asm volatile("lgdt [%0]" : : "r"(&p), "m"(p));
    runs(c, "descriptor from a supervisor page at CPL 3", "mov eax, 0x23\nmov es, eax");
    p.base = (u64)gdt;
    asm volatile("lgdt [%0]" : : "r"(&p), "m"(p));
}

/* --- accessed and dirty --- */

#define AD (PTE_A | PTE_D)

static void accessed_dirty(void)
{
    u64 *e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    u64 *upper[5];
    for (int level = 2; level <= 4; level++) {
        upper[level] = table_entry(top, BASE, level);
        *upper[level] &= ~AD;
    }
    flush();
    runs(at(user(), BASE), "read", "mov cl, [rax]");
    check_equal("read sets A", *e & AD, PTE_A);
    for (int level = 2; level <= 4; level++)
        check_equal(named("read sets A of level %d", level), *upper[level] & AD, PTE_A);
    runs(at(user(), BASE), "write", "mov [rax], cl");
    check_equal("write sets D though the translation is cached", *e & AD, AD);
    for (int level = 2; level <= 4; level++)
        check_equal(named("write sets no D of level %d", level), *upper[level] & AD, PTE_A);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_U);
    flush();
    expect_page_fault("write to a read-only page", at(user(), BASE), CODE("mov [rax], cl"), PF_U | PF_P | PF_W, BASE);
    check_equal("a faulting write sets no D", *e & PTE_D, 0);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W);
    flush();
    expect_page_fault("user read of a supervisor page", at(user(), BASE), CODE("mov cl, [rax]"), PF_U | PF_P, BASE);
    check_equal("a faulting read sets no A", *e & AD, 0);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    runs(at(user(), BASE), "CMPXCHG that fails", "mov rbx, rax\nmov al, [rbx]\ninc al\ncmpxchg [rbx], cl");
    check_equal("CMPXCHG that fails sets D", *e & AD, AD);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    frame_a[0] = 0xc3;
    runs(at(user(), BASE), "fetch", "call rax");
    check_equal("fetch sets A", *e & AD, PTE_A);
    u64 *second = page_entry(BASE + 4096, (u64)frame_b | PTE_P | PTE_W | PTE_U);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    runs(at(user(), BASE + 4094), "write across pages", "mov dword ptr [rax], 0x44332211");
    check_equal("write across pages sets D of the first", *e & AD, AD);
    check_equal("write across pages sets D of the second", *second & AD, AD);
    check_equal("write across pages, first", *(u16 *)(frame_a + 4094), 0x2211);
    check_equal("write across pages, second", *(u16 *)frame_b, 0x4433);
    e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    runs(at(user(), BASE), "PREFETCH, NOP and LEA", "nop dword ptr [rax]\nlea rcx, [rax]");
    check_equal("NOP and LEA set nothing", *e & AD, 0);
    /* 2 MiB */
    u64 *big = map_page(top, BASE + 0x40000000, PTE_P | PTE_W | PTE_U | PTE_PS, 2);
    flush();
    runs(at(user(), BASE + 0x40000000), "read of 2 MiB", "mov cl, [rax]");
    check_equal("2 MiB: A", *big & AD, PTE_A);
    runs(at(user(), BASE + 0x40000000 + 0x20000), "write of 2 MiB", "mov cl, [rax]\nmov [rax], cl");
    check_equal("2 MiB: D", *big & AD, AD);
}

/* --- reserved bits, page sizes --- */

static void reserved_at(const char *what, u64 *e, u64 good, u64 bit, u64 linear)
{
    *e = good | bit;
    flush();
    if (bit == 0)
        runs(at(user(), linear), named("%s", what), "mov cl, [rax]");
    else
        expect_page_fault(named("%s", what), at(user(), linear), CODE("mov cl, [rax]"), PF_U | PF_P | PF_RSVD, linear);
    *e = (good | bit) & ~PTE_P;
    flush();
    expect_page_fault(named("%s, not present", what), at(user(), linear), CODE("mov cl, [rax]"), PF_U, linear);
    *e = good;
    flush();
}

static void reserved(void)
{
    u64 *e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    for (int level = 1; level <= 4; level++) {
        u64 *at_level = table_entry(top, BASE, level), good = *at_level;
        for (unsigned bit = address_bits; bit < 52; bit += 3)
            reserved_at(named("level %d reserved bit %d", level, bit), at_level, good, 1ull << bit, BASE);
        for (unsigned bit = 52; bit < 59; bit++) {
            *at_level = good | 1ull << bit;
            flush();
            runs(at(user(), BASE), named("level %d ignored bit %d", level, bit), "mov cl, [rax]");
        }
        *at_level = good;
    }
    u64 *root = table_entry(top, BASE, 4), good = *root;
    reserved_at("PS in a PML4 entry", root, good, PTE_PS, BASE);
    if (!has_1g) {
        u64 *pdpt = table_entry(top, BASE, 3);
        reserved_at("PS in a PDPT entry without 1 GiB pages", pdpt, *pdpt, PTE_PS, BASE);
    }
    write_cr3((u64)base_tables);
    wrmsr(EFER, rdmsr(EFER) & ~EFER_NXE);
    write_cr3((u64)top);
    reserved_at("NX without NXE", e, *e, PTE_NX, BASE);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    u64 large = BASE + 0x40000000;
    u64 *big = map_page(top, large, PTE_P | PTE_W | PTE_U | PTE_PS, 2);
    for (unsigned bit = 13; bit < 21; bit++)
        reserved_at(named("2 MiB reserved bit %d", bit), big, PTE_P | PTE_W | PTE_U | PTE_PS, 1ull << bit, large);
    *big |= 1 << 12; /* PAT */
    flush();
    runs(at(user(), large), "2 MiB with PAT", "mov cl, [rax]");
    if (has_1g) {
        u64 huge = BASE + 0x80000000ull;
        u64 *gig = map_page(top, huge, PTE_P | PTE_W | PTE_U | PTE_PS, 3);
        flush();
        frame_b[0x123] = 0x77;
        struct context *c = at(user(), huge + (u64)frame_b + 0x123);
        runs(c, "1 GiB page", "mov cl, [rax]");
        check_equal("1 GiB value", c->cx & 0xff, 0x77);
        for (unsigned bit = 13; bit < 30; bit += 4)
            reserved_at(named("1 GiB reserved bit %d", bit), gig, PTE_P | PTE_W | PTE_U | PTE_PS, 1ull << bit, huge);
        runs(at(user(), huge), "1 GiB write", "mov cl, [rax]\nmov [rax], cl");
        check_equal("1 GiB A and D", *gig & AD, AD);
    }
    frame_a[0x321] = 0x99;
    struct context *c = at(user(), large + ((u64)frame_a & 0x1fffff) + 0x321);
    *big = ((u64)frame_a & ~0x1fffffull) | PTE_P | PTE_W | PTE_U | PTE_PS;
    flush();
    runs(c, "2 MiB page", "mov cl, [rax]");
    check_equal("2 MiB value", c->cx & 0xff, 0x99);
    /* The fault says P although a reserved bit stands above a page that is not present. */
    *e = 0;
    *root = good | PTE_PS;
    flush();
    expect_page_fault("reserved above not present", at(user(), BASE), CODE("mov [rax], cl"), PF_U | PF_P | PF_W | PF_RSVD, BASE);
    *root = good;
    flush();
}

/* --- the TLB --- */

static void translation_caches(void)
{
    u64 *e = page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    frame_a[0] = 1;
    frame_b[0] = 2;
    struct context *c = at(kernel(), BASE);
    runs(c, "fill", "mov cl, [rax]");
    *e = (u64)frame_b | PTE_P | PTE_W | PTE_U;
    invlpg((void *)BASE);
    c = at(kernel(), BASE);
    runs(c, "INVLPG", "mov cl, [rax]");
    check_equal("INVLPG drops the translation", c->cx & 0xff, 2);
    *e = (u64)frame_a | PTE_P | PTE_W | PTE_U;
    invlpg((void *)(BASE + 0xfff));
    c = at(kernel(), BASE);
    runs(c, "INVLPG of any byte", "mov cl, [rax]");
    check_equal("INVLPG of any byte drops the translation", c->cx & 0xff, 1);
    *e = (u64)frame_b | PTE_P | PTE_W | PTE_U;
    flush();
    c = at(kernel(), BASE);
    runs(c, "MOV CR3", "mov cl, [rax]");
    check_equal("MOV CR3 drops the translation", c->cx & 0xff, 2);
    *e = 0;
    invlpg((void *)BASE);
    expect_page_fault("not present after INVLPG", at(kernel(), BASE), CODE("mov cl, [rax]"), 0, BASE);
    *e = (u64)frame_a | PTE_P | PTE_W | PTE_U;
    runs(at(kernel(), BASE), "not present is never cached", "mov cl, [rax]");
    *e = (u64)frame_a | PTE_P | PTE_U;
    flush();
    runs(at(user(), BASE), "fill read-only", "mov cl, [rax]");
    *e |= PTE_W;
    invlpg((void *)BASE);
    runs(at(user(), BASE), "more rights after INVLPG", "mov [rax], cl");
    *e = (u64)frame_a | PTE_P | PTE_U;
    flush();
    runs(at(user(), BASE), "fill read-only again", "mov cl, [rax]");
    *e |= PTE_W;
    /* A fault for a stale entry drops it: the second try must succeed. */
    c = at(user(), BASE);
    run_code(c, CODE("mov [rax], cl"));
    if (c->vector == PF)
        run_code(c, CODE("mov [rax], cl"));
    check_equal("a fault drops the stale translation", c->vector, END);

    /* Global pages */
    write_cr4(read_cr4() | CR4_PGE);
    *e = (u64)frame_a | PTE_P | PTE_W | PTE_U | PTE_G;
    flush();
    invlpg((void *)BASE);
    frame_a[0] = 1;
    runs(at(kernel(), BASE), "fill global", "mov cl, [rax]");
    *e = (u64)frame_b | PTE_P | PTE_W | PTE_U | PTE_G;
    write_cr4(read_cr4() & ~CR4_PGE);
    c = at(kernel(), BASE);
    runs(c, "clearing PGE", "mov cl, [rax]");
    check_equal("clearing PGE drops global translations", c->cx & 0xff, 2);
    *e = (u64)frame_a | PTE_P | PTE_W | PTE_U | PTE_G;
    write_cr4(read_cr4() | CR4_PGE);
    c = at(kernel(), BASE);
    runs(c, "setting PGE", "mov cl, [rax]");
    check_equal("setting PGE drops translations", c->cx & 0xff, 1);
    *e = (u64)frame_b | PTE_P | PTE_W | PTE_U | PTE_G;
    invlpg((void *)BASE);
    c = at(kernel(), BASE);
    runs(c, "INVLPG of a global page", "mov cl, [rax]");
    check_equal("INVLPG drops a global translation", c->cx & 0xff, 2);
    *e = 0;
    invlpg((void *)BASE);
    write_cr4(read_cr4() & ~CR4_PGE);
    /* Clearing PG and setting it drops all; so does a change of PSE, WP needs nothing. */
    *e = (u64)frame_a | PTE_P | PTE_U;
    flush();
    runs(at(kernel(), BASE), "fill with WP", "mov cl, [rax]");
    write_cr0(read_cr0() & ~CR0_WP);
    runs(at(kernel(), BASE), "WP off counts at once", "mov byte ptr [rax], 5");
    write_cr0(read_cr0() | CR0_WP);
    expect_page_fault("WP on counts at once", at(kernel(), BASE), CODE("mov [rax], cl"), PF_P | PF_W, BASE);
}

/* --- SMEP and SMAP --- */

static void smep_smap(void)
{
    page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    frame_a[0] = 0xc3;
    if (has_smep) {
        write_cr4(read_cr4() | CR4_SMEP);
        struct context *c = at(kernel(), BASE);
        run_code(c, CODE("call rax"));
        check_equal("SMEP", c->vector << 16 | c->error, PF << 16 | PF_P | PF_I);
        runs(at(kernel(), BASE), "SMEP allows reads", "mov cl, [rax]");
        runs(at(user(), BASE), "SMEP does not touch CPL 3", "call rax");
        write_cr4(read_cr4() & ~CR4_SMEP);
        runs(at(kernel(), BASE), "without SMEP", "call rax");
    } else {
        skip("SMEP", "not in CPUID");
    }
    if (has_smap) {
        faults(user(), "CLAC at CPL 3", UD, 0, "clac");
        faults(user(), "STAC at CPL 3", UD, 0, "stac");
        write_cr4(read_cr4() | CR4_SMAP);
        expect_page_fault("SMAP read", at(kernel(), BASE), CODE("mov cl, [rax]"), PF_P, BASE);
        expect_page_fault("SMAP write", at(kernel(), BASE), CODE("mov [rax], cl"), PF_P | PF_W, BASE);
        struct context *c = at(kernel(), BASE);
        runs(c, "STAC and CLAC", "stac\npushfq\nmov cl, [rax]\nclac\npop rbx\npushfq\npop rdx");
        check_equal("STAC sets AC", c->bx & AC_FLAG, AC_FLAG);
        check_equal("CLAC clears AC", c->dx & AC_FLAG, 0);
        expect_page_fault("SMAP after CLAC", at(kernel(), BASE), CODE("stac\nmov cl, [rax]\nclac\n7: mov cl, [rax]"), PF_P, BASE);
        runs(at(user(), BASE), "SMAP does not touch CPL 3", "mov cl, [rax]");
        c = at(kernel(), BASE);
        run_code(c, CODE("call rax"));
        check_equal("SMAP does not touch fetches", c->vector, END);
        /* Implicit accesses ignore AC: an LDT on a user page. */
        *(u64 *)(frame_b + 8) = descriptor(0, 0xfffff, PRESENT | DATA_RW | ACCESSED | BIG | GRAN);
        page_entry(BASE + 4096, (u64)frame_b | PTE_P | PTE_W | PTE_U);
        set_descriptor(FREE_SELECTOR, 0x1000, 4095, PRESENT | LDT);
        gdt[FREE_SELECTOR / 8 + 1] = BASE >> 32;
        c = kernel();
        expect_page_fault("SMAP for implicit accesses ignores AC", c,
            CODE("mov eax, 0x80\nlldt ax\nstac\nmov eax, 0xc\n7: mov es, eax"), PF_P, BASE + 4096 + 8);
        asm volatile("lldt %w0" : : "r"(0));
        write_cr4(read_cr4() & ~CR4_SMAP);
    } else {
        skip("SMAP", "not in CPUID");
    }
}

/* --- PCID --- */

static u64 *tables_with(u8 *frame, u64 flags)
{
    u64 *copy = alloc_page();
    memcpy(copy, top, 4096);
    copy[BASE >> 39 & 511] = 0;
    map_page(copy, BASE, (u64)frame | PTE_P | PTE_W | PTE_U | flags, 1);
    return copy;
}

static u8 read_base(void)
{
    return *(volatile u8 *)BASE;
}

static void invpcid(u64 type, u64 pcid, u64 address)
{
    struct { u64 pcid, address; } d = {pcid, address};
    asm volatile("invpcid %0, [%1]" : : "r"(type), "r"(&d), "m"(d) : "memory");
}

#define NOFLUSH (1ull << 63)

static void pcid(void)
{
    faults(kernel(), "PCIDE without CPUID or with bits in CR3", GP, 0, "mov rax, cr3\nor rax, 8\nmov cr3, rax\nmov rcx, cr4\nbts rcx, 17\n7: mov cr4, rcx");
    write_cr4(read_cr4() & ~CR4_PCIDE);
    write_cr3((u64)top);
    if (!has_pcid) {
        skip("PCID", "not in CPUID");
        return;
    }
    u64 *a = tables_with(frame_a, 0), *b = tables_with(frame_b, 0);
    u64 *entry_a = table_entry(a, BASE, 1), *entry_b = table_entry(b, BASE, 1);
    frame_a[0] = 1;
    frame_b[0] = 2;
    write_cr4(read_cr4() | CR4_PCIDE);
    write_cr3((u64)a | 1);
    check_equal("CR3 shows the PCID", read_cr3(), (u64)a | 1);
    check_equal("PCID 1", read_base(), 1);
    write_cr3((u64)b | 2);
    check_equal("PCID 2", read_base(), 2);
    write_cr3((u64)a | 1 | NOFLUSH);
    check_equal("NOFLUSH isn't kept in CR3", read_cr3(), (u64)a | 1);
    check_equal("PCID 1 again", read_base(), 1);
    /* A flush of one PCID. */
    *entry_a = (u64)frame_b | PTE_P | PTE_W | PTE_U;
    write_cr3((u64)a | 1);
    check_equal("MOV CR3 flushes its PCID", read_base(), 2);
    *entry_a = (u64)frame_a | PTE_P | PTE_W | PTE_U;
    invlpg((void *)BASE);
    check_equal("INVLPG in a PCID", read_base(), 1);
    faults(kernel(), "PCIDE can't change PG", GP, 0, "mov rax, cr0\nbtr eax, 31\n7: mov cr0, rax");
    if (has_invpcid) {
        write_cr3((u64)b | 2);
        read_base();
        write_cr3((u64)a | 1 | NOFLUSH);
        *entry_b = (u64)frame_a | PTE_P | PTE_W | PTE_U;
        invpcid(0, 2, BASE);
        write_cr3((u64)b | 2 | NOFLUSH);
        check_equal("INVPCID 0: an address of another PCID", read_base(), 1);
        write_cr3((u64)a | 1 | NOFLUSH);
        *entry_b = (u64)frame_b | PTE_P | PTE_W | PTE_U;
        invpcid(1, 2, 0);
        write_cr3((u64)b | 2 | NOFLUSH);
        check_equal("INVPCID 1: a PCID", read_base(), 2);
        write_cr3((u64)a | 1 | NOFLUSH);
        *entry_b = (u64)frame_a | PTE_P | PTE_W | PTE_U;
        invpcid(3, 0, 0);
        write_cr3((u64)b | 2 | NOFLUSH);
        check_equal("INVPCID 3: all but global", read_base(), 1);
        write_cr3((u64)a | 1 | NOFLUSH);
        *entry_b = (u64)frame_b | PTE_P | PTE_W | PTE_U;
        invpcid(2, 0, 0);
        write_cr3((u64)b | 2 | NOFLUSH);
        check_equal("INVPCID 2: all", read_base(), 2);
        write_cr4(read_cr4() | CR4_PGE);
        *entry_b |= PTE_G;
        invpcid(2, 0, 0);
        read_base();
        *entry_b = (u64)frame_a | PTE_P | PTE_W | PTE_U | PTE_G;
        invpcid(2, 0, 0);
        check_equal("INVPCID 2: global as well", read_base(), 1);
        *entry_b = (u64)frame_b | PTE_P | PTE_W | PTE_U;
        invpcid(2, 0, 0);
        write_cr4(read_cr4() & ~CR4_PGE);
        struct { u64 pcid, address; } d = {0x1000, 0};
        struct context *c = kernel();
        c->bx = (u64)&d;
        faults(c, "INVPCID with a reserved bit", GP, 0, "xor eax, eax\n7: invpcid rax, [rbx]");
        c = kernel();
        c->bx = (u64)&d;
        faults(c, "INVPCID of type 4", GP, 0, "mov eax, 4\n7: invpcid rax, [rbx]");
        d.pcid = 0;
        d.address = 0x800000000000ull;
        c = kernel();
        c->bx = (u64)&d;
        faults(c, "INVPCID 0 of a non-canonical address", GP, 0, "xor eax, eax\n7: invpcid rax, [rbx]");
        faults(user(), "INVPCID at CPL 3", GP, 0, "invpcid rax, [rsp]");
        faults(kernel(), "INVPCID of registers", UD, 0, ".byte 0x66, 0x0f, 0x38, 0x82, 0xc0");
    } else {
        skip("INVPCID", "not in CPUID");
    }
    write_cr3((u64)b | 2);
    *entry_b = (u64)frame_a | PTE_P | PTE_W | PTE_U;
    write_cr4(read_cr4() & ~CR4_PCIDE);
    check_equal("clearing PCIDE flushes", read_base(), 1);
    write_cr3((u64)top);
}

/* --- accesses that touch two pages --- */

static void page_crossing(void)
{
    u64 *second = page_entry(BASE + 4096, 0);
    page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    memset(frame_a + 4080, 0x11, 16);
    expect_page_fault("read into a missing page", at(user(), BASE + 4090), CODE("mov rcx, [rax]"), PF_U, BASE + 4096);
    expect_page_fault("write into a missing page", at(user(), BASE + 4090), CODE("mov [rax], rcx"), PF_U | PF_W, BASE + 4096);
    check_equal("nothing was written", *(u32 *)(frame_a + 4090), 0x11111111);
    struct context *c = at(user(), BASE + 4094);
    expect_page_fault("read-modify-write into a missing page", c, CODE("add dword ptr [rax], 1"), PF_U | PF_W, BASE + 4096);
    check_equal("nothing was added", *(u16 *)(frame_a + 4094), 0x1111);
    c = user();
    c->sp = BASE + 4096 + 4;
    expect_page_fault("PUSH into a missing page", c, CODE("push rax"), PF_U | PF_W, BASE + 4096);
    check_equal("PUSH that faults leaves RSP", c->sp, BASE + 4096 + 4);
    check_equal("PUSH that faults writes nothing", *(u32 *)(frame_a + 4092), 0x11111111);
    c = user();
    c->sp = BASE + 4092;
    expect_page_fault("POP from a missing page", c, CODE("pop rax"), PF_U, BASE + 4096);
    check_equal("POP that faults leaves RSP", c->sp, BASE + 4092);
    /* First page missing as well: the lower address is reported. */
    *table_entry(top, BASE, 1) = 0;
    flush();
    expect_page_fault("both pages missing", at(user(), BASE + 4090), CODE("mov rcx, [rax]"), PF_U, BASE + 4090);
    page_entry(BASE, (u64)frame_a | PTE_P | PTE_W | PTE_U);
    /* String operations stop with their registers where they are. */
    c = user();
    c->di = BASE + 4096 - 12;
    c->cx = 8;
    c->ax = 0x2222222222222222ull;
    expect_page_fault("REP STOSD runs into a missing page", c, CODE("rep stosd"), PF_U | PF_W, BASE + 4096);
    check_equal("REP STOSD: RCX", c->cx, 5);
    check_equal("REP STOSD: RDI", c->di, BASE + 4096);
    check_equal("REP STOSD: what was stored", *(u32 *)(frame_a + 4092), 0x22222222);
    c = user();
    c->di = BASE + 4096 - 10;
    c->cx = 8;
    c->ax = 0x3333333333333333ull;
    expect_page_fault("REP STOSD with an element across", c, CODE("rep stosd"), PF_U | PF_W, BASE + 4096);
    check_equal("REP STOSD across: RCX", c->cx, 6);
    check_equal("REP STOSD across: RDI", c->di, BASE + 4096 - 2);
    check_equal("REP STOSD across: the partial element", *(u16 *)(frame_a + 4094), 0x2222);
    c = user();
    c->si = BASE + 4096 - 3;
    page_entry(BASE + 0x10000, (u64)frame_b | PTE_P | PTE_W | PTE_U);
    c->di = BASE + 0x10000;
    c->cx = 100;
    expect_page_fault("REP MOVSB from a missing page", c, CODE("rep movsb"), PF_U, BASE + 4096);
    check_equal("REP MOVSB: RCX", c->cx, 97);
    check_equal("REP MOVSB: RSI", c->si, BASE + 4096);
    check_equal("REP MOVSB: RDI", c->di, BASE + 0x10003);
    c = user();
    c->di = BASE + 4;
    c->cx = 10;
    c->flags |= DF_FLAG;
    expect_page_fault("REP STOSB downwards", c, CODE("rep stosb"), PF_U | PF_W, BASE - 1);
    check_equal("REP STOSB downwards: RCX", c->cx, 5);
    check_equal("REP STOSB downwards: RDI", c->di, BASE - 1);
    c = user();
    c->di = BASE + 4000;
    c->cx = 1000;
    c->ax = 0x77;
    memset(frame_a, 0, 4096);
    expect_page_fault("REPNE SCASB into a missing page", c, CODE("repne scasb"), PF_U, BASE + 4096);
    check_equal("REPNE SCASB: RCX", c->cx, 1000 - 96);
    c = user();
    c->cx = 0;
    c->di = c->si = BASE + 4096;
    c->flags |= ZF;
    runs(c, "REP with count 0 touches nothing", "rep movsb\nrep stosq\nrepe cmpsb\nrepne scasb\nrep lodsw");
    check_equal("REP with count 0 keeps flags", c->flags & ZF, ZF);
    c = user();
    c->cx = 0x100000000ull;
    c->di = BASE + 4096;
    runs(c, "REP with 32-bit addresses counts ECX", "addr32 rep stosb");
    /* Fetches. */
    frame_a[4095] = 0x48; /* MOV RAX, imm64 begins */
    c = user();
    c->ip = BASE + 4095;
    run(c);
    check_equal("fetch from a missing second page", c->vector << 16 | c->error, PF << 16 | PF_U | PF_I);
    check_equal("fetch from a missing second page: CR2", c->cr2, BASE + 4096);
    check_equal("fetch from a missing second page: RIP", c->ip, BASE + 4095);
    memcpy(frame_a + 4090, "\x48\xb8\x88\x77\x66\x55", 6);
    memcpy(frame_b, "\x44\x33\x22\x11\xcd\x30", 6);
    *second = (u64)frame_b | PTE_P | PTE_U;
    flush();
    c = user();
    c->ip = BASE + 4090;
    run(c);
    check_equal("instruction across pages", c->ax, 0x1122334455667788ull);
    *second = (u64)frame_b | PTE_P | PTE_U | PTE_NX;
    flush();
    c = user();
    c->ip = BASE + 4090;
    run(c);
    check_equal("second page NX", c->vector << 16 | c->error, PF << 16 | PF_U | PF_P | PF_I);
    check_equal("second page NX: CR2", c->cr2, BASE + 4096);
    /* Only as many bytes are fetched as the instruction has. */
    *second = 0;
    flush();
    memcpy(frame_a + 4094, "\xcd\x30", 2);
    c = user();
    c->ip = BASE + 4094;
    run(c);
    check_equal("an instruction at the end of a page", c->vector, END);
    memset(frame_a + 4081, 0x66, 15);
    c = user();
    c->ip = BASE + 4081;
    run(c);
    check_equal("15 prefixes, then a missing page", c->vector == GP || c->vector == PF, true);
    memset(frame_a + 4080, 0x66, 15);
    frame_a[4095] = 0x90;
    c = user();
    c->ip = BASE + 4080;
    run(c);
    check_equal("16 bytes are too long", c->vector << 16 | c->error, GP << 16);
    memset(frame_a + 4079, 0x66, 14);
    frame_a[4093] = 0x90;
    memcpy(frame_a + 4094, "\xcd\x30", 2);
    c = user();
    c->ip = BASE + 4079;
    run(c);
    check_equal("15 bytes are not", c->vector, END);
}

/* --- other linear addresses --- */

static void upper_half(void)
{
    map_page(top, OTHER, (u64)frame_b | PTE_P | PTE_W | PTE_U, 1);
    map_page(top, 0xfffffffffffff000ull, (u64)frame_b | PTE_P | PTE_W | PTE_U, 1);
    flush();
    *(volatile u32 *)frame_b = 0x13572468;
    struct context *c = at(user(), OTHER);
    runs(c, "upper half", "mov ecx, [rax]");
    check_equal("upper half value", c->cx, 0x13572468);
    c = at(user(), -4096ull);
    runs(c, "last page", "mov ecx, [rax]");
    check_equal("last page value", c->cx, 0x13572468);
    map_page(top, OTHER + 4096, (u64)frame_b | PTE_P | PTE_W | PTE_U, 1);
    c = user();
    c->ax = OTHER;
    runs(c, "two addresses of one frame", "mov dword ptr [rax + 0x1010], 0x99\nmov ecx, [rax + 0x10]");
    check_equal("write through the other address", c->cx, 0x99);
    /* A table that maps itself. */
    top[510] = (u64)top | PTE_P | PTE_W;
    flush();
    c = kernel();
    c->ax = 0xffffff7fbfdfe000ull;
    runs(c, "recursive mapping", "mov rcx, [rax + 510 * 8]");
    check_equal("recursive mapping shows the table", c->cx & PTE_ADDRESS, (u64)top);
    top[510] = 0;
    flush();
}

void program(void)
{
    address_bits = cpuid(0x80000008, 0).a & 0xff;
    has_1g = cpuid(0x80000001, 0).d >> 26 & 1;
    has_pcid = cpuid(1, 0).c >> 17 & 1;
    has_invpcid = cpuid(7, 0).b >> 10 & 1;
    has_smep = cpuid(7, 0).b >> 7 & 1;
    has_smap = cpuid(7, 0).b >> 20 & 1;
    top = alloc_page();
    memcpy(top, base_tables, 4096);
    frame_a = alloc_page();
    frame_b = alloc_page();
    write_cr3((u64)top);
    permissions();
    accessed_dirty();
    reserved();
    translation_caches();
    smep_smap();
    page_crossing();
    upper_half();
    pcid();
    write_cr3((u64)base_tables);
}
