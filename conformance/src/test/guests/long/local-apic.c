/* The local APIC: SDM Vol. 3, "Advanced Programmable Interrupt Controller (APIC)". */
#include "guest.h"

static volatile u32 count[256];
static volatile u32 order[16], orders;

static bool counted(struct frame *f)
{
    count[f->vector & 0xff]++;
    if (orders < 16)
        order[orders++] = f->vector;
    apic_eoi();
    return true;
}

static bool without_eoi(struct frame *f)
{
    count[f->vector & 0xff]++;
    return true;
}

static void clear(void)
{
    for (int i = 0; i < 256; i++)
        count[i] = 0;
    orders = 0;
}

static void window(void)
{
    sti();
    asm volatile("nop\nnop\nnop");
    cli();
}

static u32 self(void)
{
    return apic_read(APIC_ID) >> 24;
}

static bool bit(u32 base, u8 vector)
{
    return apic_read(base + (vector >> 5) * 0x10) >> (vector & 31) & 1;
}

/* --- registers --- */

static void registers(void)
{
    check_equal("version: integrated, at least 4 LVT entries", (apic_read(APIC_VERSION) & 0xf0) == 0x10 && (apic_read(APIC_VERSION) >> 16 & 0xff) >= 3, true);
    apic_enable();
    check_equal("SVR", apic_read(APIC_SVR) & 0x1ff, 0x1ff);
    check_equal("DFR at reset", apic_read(APIC_DFR), 0xffffffff);
    apic_write(APIC_DFR, 0x0fffffff);
    check_equal("DFR bits 27:0 are 1", apic_read(APIC_DFR), 0x0fffffff);
    apic_write(APIC_DFR, 0xffffffff);
    apic_write(APIC_LDR, 0xffffffff);
    check_equal("LDR keeps 8 bits", apic_read(APIC_LDR), 0xff000000);
    apic_write(APIC_LDR, 0x01000000);
    apic_write(APIC_TPR, 0xffffffff);
    check_equal("TPR keeps 8 bits", apic_read(APIC_TPR), 0xff);
    apic_write(APIC_TPR, 0x35);
    check_equal("PPR follows TPR", apic_read(APIC_PPR), 0x35);
    check_equal("CR8 shows the class", ({ u64 v; asm volatile("mov %0, cr8" : "=r"(v)); v; }), 3);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_TIMER, 0xffffffff);
    check_equal("LVT timer: writable bits", apic_read(APIC_LVT_TIMER) & 0xfff1ef00, 0x10000);
    apic_write(APIC_LVT_TIMER, 0x10000);
    apic_write(APIC_LVT_LINT0, 0x10000);
    apic_write(APIC_DIVIDE, 0xffffffff);
    check_equal("divide configuration keeps bits 0, 1, 3", apic_read(APIC_DIVIDE), 0xb);
    /* Software disable masks the LVT. */
    apic_write(APIC_LVT_ERROR, 0xfe);
    apic_write(APIC_SVR, 0xff);
    check_equal("software disable masks LVT entries", apic_read(APIC_LVT_ERROR) & 0x10000, 0x10000);
    apic_write(APIC_LVT_ERROR, 0xfe);
    check_equal("which can't be unmasked meanwhile", apic_read(APIC_LVT_ERROR) & 0x10000, 0x10000);
    apic_enable();
}

/* --- self-IPIs and priorities --- */

static void interrupts(void)
{
    for (int v = 0x40; v < 0x100; v++)
        on_vector(v, counted);
    clear();
    apic_send(0, 0x40000 | 0x51);
    check_equal("IRR", bit(APIC_IRR, 0x51), true);
    check_equal("not delivered with IF clear", count[0x51], 0);
    window();
    check_equal("delivered", count[0x51], 1);
    check_equal("IRR is clear", bit(APIC_IRR, 0x51), false);
    check_equal("ISR is clear after EOI", bit(APIC_ISR, 0x51), false);
    apic_send(0, 0x40000 | 0x51);
    apic_send(0, 0x40000 | 0x51);
    window();
    check_equal("two before delivery are one", count[0x51], 2);
    clear();
    apic_send(0, 0x40000 | 0x61);
    apic_send(0, 0x40000 | 0xa1);
    apic_send(0, 0x40000 | 0x81);
    sti();
    asm volatile("nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop");
    cli();
    check_equal("highest first", order[0] << 16 | order[1] << 8 | order[2], 0xa18161);
    /* In service, only a higher class gets through. */
    on_vector(0x72, without_eoi);
    clear();
    apic_send(0, 0x40000 | 0x72);
    window();
    check_equal("ISR while in service", bit(APIC_ISR, 0x72), true);
    check_equal("PPR while in service", apic_read(APIC_PPR), 0x70);
    apic_send(0, 0x40000 | 0x7f);
    apic_send(0, 0x40000 | 0x61);
    window();
    check_equal("same class waits", count[0x7f], 0);
    check_equal("lower class waits", count[0x61], 0);
    apic_send(0, 0x40000 | 0x80);
    window();
    check_equal("higher class nests", count[0x80], 1);
    apic_eoi();
    window();
    check_equal("EOI lets the next through", count[0x7f] << 4 | count[0x61], 0x11);
    on_vector(0x72, counted);
    clear();
    apic_write(APIC_TPR, 0x90);
    apic_send(0, 0x40000 | 0x9f);
    apic_send(0, 0x40000 | 0xa0);
    window();
    check_equal("TPR masks its class and below", count[0x9f] << 4 | count[0xa0], 0x01);
    asm volatile("mov cr8, %0" : : "r"(8ull));
    check_equal("CR8 writes the TPR", apic_read(APIC_TPR), 0x80);
    window();
    check_equal("lower TPR lets it through", count[0x9f], 1);
    apic_write(APIC_TPR, 0);
    /* Destinations */
    clear();
    apic_send(self(), 0x4000 | 0x55);
    window();
    check_equal("physical destination", count[0x55], 1);
    apic_send(self() + 1 == 0xff ? 0 : 0x7e, 0x4000 | 0x55);
    window();
    check_equal("somebody else's destination", count[0x55], 1);
    apic_send(0xff, 0x4000 | 0x55);
    window();
    check_equal("physical broadcast", count[0x55], 2);
    apic_send(0, 0x84000 | 0x55);
    window();
    check_equal("all including self", count[0x55], 3);
    apic_send(0, 0xc4000 | 0x55);
    window();
    check_equal("all excluding self", count[0x55], 3);
    apic_write(APIC_LDR, 0x04000000);
    apic_send(0x0c, 0x4800 | 0x55);
    window();
    check_equal("logical flat destination", count[0x55], 4);
    apic_send(0x03, 0x4800 | 0x55);
    window();
    check_equal("logical flat, no match", count[0x55], 4);
    apic_write(APIC_DFR, 0x0fffffff);
    apic_write(APIC_LDR, 0x24000000);
    apic_send(0x26, 0x4800 | 0x55);
    window();
    check_equal("logical cluster destination", count[0x55], 5);
    apic_send(0x34, 0x4800 | 0x55);
    window();
    check_equal("logical cluster, another cluster", count[0x55], 5);
    apic_write(APIC_DFR, 0xffffffff);
    apic_write(APIC_LDR, 0x01000000);
    apic_send(self(), 0x4100 | 0x56);
    window();
    check_equal("lowest priority", count[0x56], 1);
    /* TMR says edge. */
    check_equal("TMR of an edge", bit(APIC_TMR, 0x55), false);
}

static void errors(void)
{
    clear();
    apic_write(APIC_LVT_ERROR, 0xe0);
    apic_write(APIC_ESR, 0);
    apic_write(APIC_ESR, 0);
    check_equal("ESR is clear", apic_read(APIC_ESR), 0);
    apic_send(0, 0x40000 | 0x05);
    window();
    apic_write(APIC_ESR, 0);
    check_equal("an illegal vector is an error when sent", apic_read(APIC_ESR) & 0x20, 0x20);
    check("the error interrupt came", count[0xe0] >= 1);
    apic_write(APIC_ESR, 0);
    check_equal("ESR is cleared by two writes", apic_read(APIC_ESR), 0);
    apic_write(APIC_LVT_ERROR, 0x10000);
}

/* --- the timer --- */

static bool wait_count(u8 vector, u32 wanted)
{
    for (u32 i = 0; i < 50 && count[vector] < wanted; i++)
        sti_halt();
    return count[vector] >= wanted;
}

static void timer(void)
{
    clear();
    apic_write(APIC_DIVIDE, 0xb);
    apic_write(APIC_LVT_TIMER, 0x70);
    apic_write(APIC_INITIAL, 100000);
    u32 first = apic_read(APIC_CURRENT);
    check("the count is at most the initial count", first <= 100000);
    check("one-shot fires", wait_count(0x70, 1));
    check_equal("one-shot counts to 0", apic_read(APIC_CURRENT), 0);
    for (u32 i = 0; i < 100000; i++)
        pause();
    window();
    check_equal("one-shot fires once", count[0x70], 1);
    check_equal("the initial count reads back", apic_read(APIC_INITIAL), 100000);
    clear();
    apic_write(APIC_LVT_TIMER, 0x20071);
    apic_write(APIC_INITIAL, 50000);
    check("periodic fires again and again", wait_count(0x71, 5));
    apic_write(APIC_LVT_TIMER, 0x30071);
    window(); /* what was already requested */
    clear();
    u32 a = apic_read(APIC_CURRENT);
    bool moved = false, fired = false;
    for (u32 i = 0; i < 1000000 && !moved; i++)
        moved = apic_read(APIC_CURRENT) != a;
    check("a masked timer still counts", moved);
    for (u32 i = 0; i < 10000; i++)
        pause();
    window();
    fired = count[0x71] != 0;
    check_equal("a masked timer does not fire", fired, false);
    apic_write(APIC_INITIAL, 0);
    check_equal("initial count 0 stops it", apic_read(APIC_CURRENT), 0);
    /* Divisors: the same time is fewer counts. */
    static const struct { u8 code; u32 by; } divisors[] = {{0xb, 1}, {0, 2}, {3, 16}, {0xa, 128}};
    apic_write(APIC_LVT_TIMER, 0x10072);
    u64 ticks[4];
    for (int i = 0; i < 4; i++) {
        apic_write(APIC_DIVIDE, divisors[i].code);
        apic_write(APIC_INITIAL, 0xffffffff);
        u64 end = rdtsc() + 4000000;
        while (rdtsc() < end)
            pause();
        ticks[i] = (u64)(0xffffffff - apic_read(APIC_CURRENT)) * divisors[i].by;
        apic_write(APIC_INITIAL, 0);
    }
    for (int i = 1; i < 4; i++)
        check(named("divide by %d", divisors[i].by), ticks[i] > ticks[0] / 2 && ticks[i] < ticks[0] * 2 + 256);
    apic_write(APIC_DIVIDE, 0xb);
    if (cpuid(1, 0).c >> 24 & 1) {
        clear();
        apic_write(APIC_LVT_TIMER, 0x40073);
        asm volatile("mfence");
        wrmsr(0x6e0, rdtsc() + 1000000);
        check("the deadline is armed", rdmsr(0x6e0) != 0 || count[0x73]);
        check("TSC deadline fires", wait_count(0x73, 1));
        check_equal("the deadline is gone", rdmsr(0x6e0), 0);
        wrmsr(0x6e0, 1);
        window();
        check("a deadline in the past fires at once", wait_count(0x73, 2));
        wrmsr(0x6e0, rdtsc() + 0x10000000000ull);
        wrmsr(0x6e0, 0);
        check_equal("deadline 0 disarms", rdmsr(0x6e0), 0);
        apic_write(APIC_LVT_TIMER, 0x73);
        wrmsr(0x6e0, rdtsc() + 1000);
        check_equal("no deadline in another mode", rdmsr(0x6e0), 0);
    } else {
        skip("TSC deadline", "not in CPUID");
    }
    apic_write(APIC_LVT_TIMER, 0x10000);
}

/* --- x2APIC, and the way there and back --- */

static void x2apic(void)
{
    if (!(cpuid(1, 0).c >> 21 & 1)) {
        skip("x2APIC", "not in CPUID");
        struct context *c = kernel();
        c->cx = 0x802;
        faults(c, "x2APIC registers without x2APIC", GP, 0, "rdmsr");
        return;
    }
    struct context *c = kernel();
    c->cx = 0x802;
    faults(c, "x2APIC registers in xAPIC mode", GP, 0, "rdmsr");
    u64 base = rdmsr(APIC_BASE_MSR);
    u32 id = self();
    wrmsr(APIC_BASE_MSR, base | 0x400);
    check_equal("x2APIC ID", rdmsr(0x802), id);
    check_equal("x2APIC logical ID", rdmsr(0x80d), (u64)(id >> 4) << 16 | 1u << (id & 15));
    c = kernel();
    c->cx = 0x80e;
    faults(c, "there is no DFR", GP, 0, "rdmsr");
    c = kernel();
    c->cx = 0x80d;
    faults(c, "the LDR is read-only", GP, 0, "xor eax, eax\nxor edx, edx\n7: wrmsr");
    c = kernel();
    c->cx = 0x808;
    faults(c, "reserved TPR bits", GP, 0, "mov eax, 0x100\nxor edx, edx\n7: wrmsr");
    c = kernel();
    c->cx = 0x80b;
    faults(c, "EOI takes only 0", GP, 0, "mov eax, 1\nxor edx, edx\n7: wrmsr");
    c = kernel();
    c->cx = 0x831;
    faults(c, "there is no ICR_HIGH", GP, 0, "rdmsr");
    wrmsr(0x80f, 0x1ff);
    on_vector(0x58, without_eoi);
    clear();
    wrmsr(0x83f, 0x58);
    window();
    check_equal("SELF IPI", count[0x58], 1);
    check_equal("ISR by MSR", rdmsr(0x810 + (0x58 >> 5)) >> (0x58 & 31) & 1, 1);
    wrmsr(0x80b, 0);
    check_equal("EOI by MSR", rdmsr(0x810 + (0x58 >> 5)), 0);
    wrmsr(0x830, (u64)id << 32 | 0x58);
    window();
    check_equal("ICR of 64 bits", count[0x58], 2);
    wrmsr(0x80b, 0);
    wrmsr(0x830, rdmsr(0x80d) << 32 | 0x800 | 0x58);
    window();
    check_equal("logical destination", count[0x58], 3);
    wrmsr(0x80b, 0);
    wrmsr(0x830, 0xffffffff00000000ull | 0x58);
    window();
    check_equal("broadcast", count[0x58], 4);
    wrmsr(0x80b, 0);
    c = kernel();
    c->cx = APIC_BASE_MSR;
    c->ax = (u32)base;
    c->dx = base >> 32;
    faults(c, "x2APIC to xAPIC directly", GP, 0, "wrmsr");
    c = kernel();
    c->cx = APIC_BASE_MSR;
    c->ax = ((u32)base & ~0x800u) | 0x400;
    c->dx = base >> 32;
    faults(c, "x2APIC without enable", GP, 0, "wrmsr");
    wrmsr(APIC_BASE_MSR, base & ~0xc00ull);
    check_equal("CPUID shows the APIC disabled", cpuid(1, 0).d >> 9 & 1, 0);
    wrmsr(APIC_BASE_MSR, base);
    check_equal("CPUID shows the APIC", cpuid(1, 0).d >> 9 & 1, 1);
    check_equal("back in xAPIC mode", self(), id);
    check_equal("a fresh SVR", apic_read(APIC_SVR) & 0x1ff, 0xff);
    apic_enable();
    on_vector(0x58, counted);
}

/* The register page elsewhere. */
static void relocation(void)
{
    u64 base = rdmsr(APIC_BASE_MSR);
    u32 version = apic_read(APIC_VERSION);
    struct context *c = kernel();
    c->cx = APIC_BASE_MSR;
    c->ax = (base & 0xfff) | 0xfed80000;
    c->dx = 0;
    if (!runs(c, "IA32_APIC_BASE takes another address", "wrmsr"))
        return;
    check_equal("the registers moved", *(volatile u32 *)(0xfed80000ull + APIC_VERSION), version);
    wrmsr(APIC_BASE_MSR, base);
    check_equal("and back", apic_read(APIC_VERSION), version);
}

void program(void)
{
    registers();
    interrupts();
    errors();
    timer();
    relocation();
    x2apic();
}
