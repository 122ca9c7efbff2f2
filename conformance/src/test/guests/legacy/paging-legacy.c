/* 32-bit and PAE paging: SDM Vol. 3, "32-Bit Paging" and "PAE Paging". */
#include "guest.h"

#define BASE 0x50000000u
#define LARGE 0x60000000u
static u8 *frame_a, *frame_b;
static unsigned address_bits;

static void flush(void)
{
    write_cr3(read_cr3());
}

static struct context *at(struct context *c, u32 address)
{
    c->ax = address;
    return c;
}

/* --- two levels --- */

static u32 *directory;

static u32 *pte32(u32 linear)
{
    u32 *d = &directory[linear >> 22];
    if (!(*d & 1))
        *d = (u32)alloc_page() | 7;
    return (u32 *)(*d & ~4095u) + (linear >> 12 & 1023);
}

static u32 *map32(u32 linear, u32 entry)
{
    u32 *e = pte32(linear);
    *e = entry;
    flush();
    return e;
}

static void two_levels(void)
{
    directory = alloc_page();
    for (u32 a = 0; a < 64 << 20; a += 4096)
        *pte32(a) = a | 7;
    for (u32 a = 0xfee00000; a < 0xfee01000; a += 4096)
        *pte32(a) = a | 0x1b;
    write_cr3((u32)directory);
    write_cr4(read_cr4() & ~(CR4_PSE | CR4_PAE));
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
    check("paging is on", read_cr0() & CR0_PG);
    for (unsigned bits = 0; bits < 8; bits++) {
        bool p = bits & 1, w = bits & 2, u = bits & 4;
        map32(BASE, (u32)frame_a | bits);
        word present = p ? PF_P : 0;
        const char *what = named("%s%s%s", p ? "P" : "-", w ? "W" : "-", u ? "U" : "-");
        if (p && u)
            runs(at(user(), BASE), named("2-level user read %s", what), "mov cl, [eax]");
        else
            expect_page_fault(named("2-level user read %s", what), at(user(), BASE), CODE("mov cl, [eax]"), PF_U | present, BASE);
        if (p && u && w)
            runs(at(user(), BASE), named("2-level user write %s", what), "mov [eax], cl");
        else
            expect_page_fault(named("2-level user write %s", what), at(user(), BASE), CODE("mov [eax], cl"), PF_U | PF_W | present, BASE);
        if (p && w)
            runs(at(kernel(), BASE), named("2-level supervisor write %s", what), "mov [eax], cl");
        else
            expect_page_fault(named("2-level supervisor write %s", what), at(kernel(), BASE), CODE("mov [eax], cl"), PF_W | present, BASE);
        struct context *c = at(user(), BASE);
        frame_a[0] = 0xc3;
        run_code(c, CODE("call eax"));
        /* Without NX and SMEP a fetch is not told from a read. */
        check_equal(named("2-level user fetch %s", what), c->vector << 16 | c->error, p && u ? END << 16 : PF << 16 | PF_U | present);
    }
    u32 *e = map32(BASE, (u32)frame_a | 7), *d = &directory[BASE >> 22];
    *d &= ~(PTE_A | PTE_D);
    flush();
    runs(at(user(), BASE), "2-level read", "mov cl, [eax]");
    check_equal("2-level read sets A", *e & (PTE_A | PTE_D), PTE_A);
    check_equal("2-level read sets A of the directory", *d & (PTE_A | PTE_D), PTE_A);
    runs(at(user(), BASE), "2-level write", "mov [eax], cl");
    check_equal("2-level write sets D", *e & (PTE_A | PTE_D), PTE_A | PTE_D);
    *d &= ~PTE_W;
    flush();
    expect_page_fault("directory read-only", at(user(), BASE), CODE("mov [eax], cl"), PF_U | PF_P | PF_W, BASE);
    *d = (*d | PTE_W) & ~PTE_U;
    flush();
    expect_page_fault("directory supervisor", at(user(), BASE), CODE("mov cl, [eax]"), PF_U | PF_P, BASE);
    *d |= PTE_U;
    *e = (u32)frame_a | 7 | 0xe00;
    flush();
    runs(at(user(), BASE), "ignored bits", "mov cl, [eax]");
    /* PS is ignored without CR4.PSE. */
    *d |= PTE_PS;
    flush();
    runs(at(user(), BASE), "PS without CR4.PSE", "mov cl, [eax]");
    *d &= ~PTE_PS;
    write_cr4(read_cr4() | CR4_PSE);
    u32 *big = &directory[LARGE >> 22];
    *big = 0 | 7 | PTE_PS;
    flush();
    *(volatile u32 *)(frame_b + 8) = 0xabcd1234;
    struct context *c = at(user(), LARGE + (u32)frame_b + 8);
    if ((u32)frame_b >= 4 << 20) {
        *big |= (u32)frame_b & ~0x3fffffu;
        flush();
        c = at(user(), LARGE + ((u32)frame_b & 0x3fffff) + 8);
    }
    runs(c, "4 MiB page", "mov ecx, [eax]");
    check_equal("4 MiB value", c->cx, 0xabcd1234);
    check_equal("4 MiB A", *big & (PTE_A | PTE_D), PTE_A);
    runs(at(user(), LARGE), "4 MiB write", "mov cl, [eax]\nmov [eax], cl");
    check_equal("4 MiB D", *big & (PTE_A | PTE_D), PTE_A | PTE_D);
    u32 good = *big;
    *big = good | 1 << 21;
    flush();
    expect_page_fault("4 MiB reserved bit 21", at(user(), LARGE), CODE("mov cl, [eax]"), PF_U | PF_P | PF_RSVD, LARGE);
    /* PSE-36: bits 20:13 are address bits 39:32; memory ends below, so what is there reads as nothing or faults. */
    unsigned wide = address_bits < 40 ? address_bits : 40;
    for (unsigned bit = 13; bit < 21; bit++) {
        *big = good | 1u << bit;
        flush();
        if (bit - 13 + 32 >= wide)
            expect_page_fault(named("PSE-36 bit %d is reserved", bit), at(user(), LARGE), CODE("mov cl, [eax]"), PF_U | PF_P | PF_RSVD, LARGE);
        else
            runs(at(user(), LARGE), named("PSE-36 bit %d is address", bit), "mov cl, [eax]");
    }
    *big = good;
    flush();
    write_cr4(read_cr4() | CR4_PGE);
    *e = (u32)frame_a | 7 | PTE_G;
    flush();
    frame_a[0] = 1;
    frame_b[0] = 2;
    runs(at(user(), BASE), "fill global", "mov cl, [eax]");
    *e = (u32)frame_b | 7;
    invlpg((void *)BASE);
    c = at(user(), BASE);
    runs(c, "INVLPG of a global page", "mov cl, [eax]");
    check_equal("INVLPG of a global page counts", c->cx & 0xff, 2);
    write_cr4(read_cr4() & ~CR4_PGE);
    /* A user-mode access that wraps or crosses. */
    map32(BASE + 4096, 0);
    memset(frame_b + 4080, 0x11, 16);
    expect_page_fault("2-level write across", at(user(), BASE + 4094), CODE("mov [eax], ecx"), PF_U | PF_W, BASE + 4096);
    check_equal("2-level write across wrote nothing", *(u16 *)(frame_b + 4094), 0x1111);
    /* v86 and 16-bit code obey the user bit. */
    *pte32(0x20000) &= ~PTE_U;
    flush();
    c = v86();
    c->ds = 0x2000;
    expect_page_fault("v86 accesses are the user's", c, CODE16("mov al, [0]"), PF_U | PF_P, 0x20000);
    *pte32(0x20000) |= PTE_U;
    /* INVLPG after paging off and on. */
    *e = (u32)frame_a | 7;
    write_cr0(read_cr0() & ~CR0_PG);
    write_cr0(read_cr0() | CR0_PG);
    c = at(user(), BASE);
    runs(c, "PG off and on", "mov cl, [eax]");
    check_equal("PG off and on flushes", c->cx & 0xff, 1);
    write_cr0(read_cr0() & ~(CR0_PG | CR0_WP));
}

/* --- PAE --- */

static u64 *pointers;

static u64 *pae_entry(u32 linear, int level)
{
    u64 *d = (u64 *)((u32)pointers[linear >> 30] & ~4095u) + (linear >> 21 & 511);
    if (level == 2)
        return d;
    if (!(*d & 1))
        *d = (u32)alloc_page() | 7;
    return (u64 *)((u32)*d & ~4095u) + (linear >> 12 & 511);
}

static void pae(void)
{
    pointers = alloc_page();
    for (int i = 0; i < 4; i++)
        pointers[i] = (u32)alloc_page() | 1;
    for (u32 a = 0; a < 64 << 20; a += 2 << 20)
        *pae_entry(a, 2) = a | 7 | PTE_PS;
    *pae_entry(0xfee00000, 2) = 0xfee00000 | 0x1b | PTE_PS;
    write_cr4(read_cr4() | CR4_PAE);
    write_cr3((u32)pointers);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    check("PAE paging is on", read_cr0() & CR0_PG);
    u64 *e = pae_entry(BASE, 1), *d = pae_entry(BASE, 2);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool p = bits & 1, w = bits & 2, u = bits & 4, nx = bits & 8;
        *e = (u32)frame_a | (bits & 7) | (nx ? PTE_NX : 0);
        flush();
        frame_a[0] = 0xc3;
        word present = p ? PF_P : 0;
        const char *what = named("%s%s%s%s", p ? "P" : "-", w ? "W" : "-", u ? "U" : "-", nx ? "NX" : "-");
        if (p && u)
            runs(at(user(), BASE), named("PAE user read %s", what), "mov cl, [eax]");
        else
            expect_page_fault(named("PAE user read %s", what), at(user(), BASE), CODE("mov cl, [eax]"), PF_U | present, BASE);
        if (p && u && w)
            runs(at(user(), BASE), named("PAE user write %s", what), "mov byte ptr [eax], 0xc3");
        else
            expect_page_fault(named("PAE user write %s", what), at(user(), BASE), CODE("mov [eax], cl"), PF_U | PF_W | present, BASE);
        struct context *c = at(user(), BASE);
        run_code(c, CODE("call eax"));
        check_equal(named("PAE user fetch %s", what), c->vector << 16 | c->error, p && u && !nx ? END << 16 : PF << 16 | PF_U | PF_I | present);
    }
    for (int level = 1; level <= 2; level++) {
        u64 *x = level == 1 ? e : d;
        *e = (u32)frame_a | 7;
        u64 good = *x;
        for (unsigned bit = address_bits; bit < 63; bit += 4) {
            *x = good | 1ull << bit;
            flush();
            expect_page_fault(named("PAE level %d reserved bit %d", level, bit), at(user(), BASE), CODE("mov cl, [eax]"), PF_U | PF_P | PF_RSVD, BASE);
        }
        *x = good;
        flush();
    }
    *pae_entry(LARGE, 2) = ((u32)frame_b & ~0x1fffffu) | 7 | PTE_PS;
    flush();
    *(volatile u32 *)(frame_b + 8) = 0x55667788;
    struct context *c = at(user(), LARGE + ((u32)frame_b & 0x1fffff) + 8);
    runs(c, "PAE 2 MiB page", "mov ecx, [eax]");
    check_equal("PAE 2 MiB value", c->cx, 0x55667788);
    *pae_entry(LARGE, 2) |= 1 << 14;
    flush();
    expect_page_fault("PAE 2 MiB reserved bit 14", at(user(), LARGE), CODE("mov cl, [eax]"), PF_U | PF_P | PF_RSVD, LARGE);
    *pae_entry(LARGE, 2) = 7 | PTE_PS;
    *e = (u32)frame_a | 7;
    flush();
    *d &= ~PTE_A;
    flush();
    runs(at(user(), BASE), "PAE read", "mov cl, [eax]");
    check_equal("PAE read sets A", *e & (PTE_A | PTE_D), PTE_A);
    check_equal("PAE read sets A of the directory", *d & (PTE_A | PTE_D), PTE_A);
    runs(at(user(), BASE), "PAE write", "mov [eax], cl");
    check_equal("PAE write sets D", *e & (PTE_A | PTE_D), PTE_A | PTE_D);
    /* The four pointers are registers, loaded with CR3. */
    check_equal("pointers have no A", pointers[BASE >> 30] & PTE_A, 0);
    u64 saved = pointers[BASE >> 30];
    pointers[BASE >> 30] = 0;
    invlpg((void *)BASE);
    runs(at(user(), BASE), "a pointer in memory does not count until CR3 is loaded", "mov cl, [eax]");
    flush();
    expect_page_fault("pointer not present", at(user(), BASE), CODE("mov cl, [eax]"), PF_U, BASE);
    pointers[BASE >> 30] = saved;
    flush();
    runs(at(user(), BASE), "pointer present", "mov cl, [eax]");
    static const u64 bad[] = {PTE_W, PTE_U, 1 << 5, PTE_PS, 1 << 8, PTE_NX, 1ull << 62};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pointers[3] |= bad[i];
        faults(kernel(), named("pointer with reserved bit, case %d", i), GP, 0, "mov eax, cr3\n7: mov cr3, eax");
        pointers[3] &= ~bad[i];
    }
    pointers[3] &= ~1ull;
    pointers[3] |= PTE_W;
    runs(kernel(), "reserved bits of an absent pointer", "mov eax, cr3\nmov cr3, eax");
    pointers[3] = (pointers[3] & ~PTE_W) | 1;
    write_cr0(read_cr0() & ~CR0_PG);
    pointers[3] |= PTE_W;
    faults(kernel(), "PG with a bad pointer", GP, 0, "mov eax, cr0\nbts eax, 31\n7: mov cr0, eax");
    check_equal("PG stays clear", read_cr0() & CR0_PG, 0);
    pointers[3] &= ~PTE_W;
    write_cr4(read_cr4() & ~CR4_PAE);
}

void program(void)
{
    address_bits = cpuid(0x80000008, 0).a & 0xff;
    frame_a = alloc_page();
    frame_b = alloc_page();
    two_levels();
    pae();
}
