/* Several processors: start, locked operations, IPIs, TLB shootdown, code written by another: @processors 4. */
#include "guest.h"

#define CPUS 4
#define BASE 0x8000000000ull

static volatile u32 go, done, locked, plain_lock, guarded, phase[MAX_CPUS];
static volatile u64 pair[2] __attribute__((aligned(16)));
static volatile u32 ipis[MAX_CPUS], nmis[MAX_CPUS], lowest, flushes;
static volatile u32 seen[MAX_CPUS];
static volatile u32 mailbox, answer;
static volatile u32 awake __attribute__((aligned(64)));
static bool has_monitor;
static u8 *volatile code;

static unsigned me(void)
{
    u32 id = apic_read(APIC_ID) >> 24;
    for (unsigned i = 0; i < CPUS; i++)
        if (smp_apic_id[i] == id)
            return i;
    return 0;
}

static void add(volatile u32 *p)
{
    asm volatile("lock inc dword ptr [%0]" : : "r"(p) : "memory");
}

static void all_done(const char *name)
{
    check(named("%s: all came", name), wait_until(&done, CPUS - 1));
}

/* --- what each processor does in each phase --- */

enum { INCREMENT = 1, SPIN, WIDE, IPI, READ, SHOOT, RUN, RUN_AGAIN, ORDER, WAIT, STOP };

static void increments(void)
{
    for (int i = 0; i < 5000; i++)
        add(&locked);
}

static void spin_lock(void)
{
    for (int i = 0; i < 500; i++) {
        u32 busy = 1;
        do {
            asm volatile("xchg %0, dword ptr [%1]" : "+r"(busy) : "r"(&plain_lock) : "memory");
            if (busy)
                pause();
        } while (busy);
        guarded = guarded + 1; /* not atomic: the lock makes it so */
        asm volatile("" : : : "memory");
        plain_lock = 0;
    }
}

static void wide_exchange(void)
{
    for (int i = 0; i < 500; i++) {
        u64 low = pair[0], high = pair[1];
        bool ok;
        do {
            asm volatile("lock cmpxchg16b [%3]\nsete %2"
                         : "+a"(low), "+d"(high), "=q"(ok)
                         : "r"(pair), "b"(low + 1), "c"(high + 2)
                         : "memory");
        } while (!ok);
    }
}

static bool ipi(struct frame *f)
{
    (void)f;
    ipis[me()]++;
    apic_eoi();
    return true;
}

static bool lowest_ipi(struct frame *f)
{
    (void)f;
    add(&lowest);
    apic_eoi();
    return true;
}

static bool nmi(struct frame *f)
{
    (void)f;
    nmis[me()]++;
    return true;
}

static bool shoot(struct frame *f)
{
    (void)f;
    invlpg((void *)BASE);
    apic_eoi();
    add(&flushes);
    return true;
}

static void wait_phase(unsigned wanted)
{
    while (go != wanted)
        pause();
}

static void work(unsigned index)
{
    wait_phase(INCREMENT);
    increments();
    add(&done);
    wait_phase(SPIN);
    spin_lock();
    add(&done);
    wait_phase(WIDE);
    wide_exchange();
    add(&done);
    wait_phase(IPI);
    sti();
    add(&done);
    wait_phase(READ);
    seen[index] = *(volatile u32 *)BASE;
    add(&done);
    wait_phase(SHOOT);
    seen[index] = *(volatile u32 *)BASE;
    add(&done);
    wait_phase(RUN);
    seen[index] = ((u32(*)(void))code)();
    add(&done);
    wait_phase(RUN_AGAIN);
    (void)cpuid(0, 0);
    seen[index] = ((u32(*)(void))code)();
    add(&done);
    wait_phase(ORDER);
    if (index == 1) {
        while (!mailbox)
            pause();
        answer = mailbox + 1;
    }
    add(&done);
    wait_phase(WAIT);
    if (has_monitor) {
        while (!awake) {
            asm volatile("monitor" : : "a"(&awake), "c"(0), "d"(0));
            if (!awake)
                asm volatile("mwait" : : "a"(0), "c"(0));
        }
    }
    add(&done);
    wait_phase(STOP);
}

static void phase_go(unsigned next)
{
    done = 0;
    asm volatile("mfence" : : : "memory");
    go = next;
}

static u32 sum(volatile u32 *from)
{
    u32 total = 0;
    for (unsigned i = 0; i < CPUS; i++)
        total += from[i];
    return total;
}

static bool settled(volatile u32 *from, u32 wanted)
{
    for (u32 i = 0; i < 2000000; i++) {
        if (sum(from) >= wanted)
            break;
        pause();
    }
    for (u32 i = 0; i < 1000; i++)
        pause();
    return sum(from) == wanted;
}

static void ipis_everywhere(void)
{
    on_vector(0x61, ipi);
    on_vector(0x62, lowest_ipi);
    on_vector(NMI, nmi);
    for (unsigned i = 1; i < CPUS; i++) {
        apic_send(smp_apic_id[i], 0x4000 | 0x61);
        check(named("IPI to processor %d", i), wait_until(&ipis[i], 1));
    }
    check_equal("nobody else got one", sum(ipis), CPUS - 1);
    apic_send(0, 0xc4000 | 0x61);
    check("all excluding self", settled(ipis, 2 * (CPUS - 1)));
    check_equal("not self", ipis[0], 0);
    apic_send(0, 0x84000 | 0x61);
    sti();
    check("all including self", settled(ipis, 3 * (CPUS - 1) + 1));
    cli();
    check_equal("self too", ipis[0], 1);
    apic_send(0xff, 0x4000 | 0x61);
    sti();
    check("physical broadcast", settled(ipis, 4 * (CPUS - 1) + 2));
    cli();
    apic_send(smp_apic_id[2], 0x4400);
    check("NMI to processor 2", wait_until(&nmis[2], 1));
    check_equal("nobody else got an NMI", sum(nmis), 1);
    apic_send(0, 0xc4400);
    check("NMI to all others", settled(nmis, 1 + CPUS - 1));
    /* Everybody has logical ID 0 after reset: lowest priority by logical destination needs IDs. */
    apic_write(APIC_LDR, 0x01000000);
    apic_send(0x01, 0x4900 | 0x62);
    sti();
    check("lowest priority comes once", wait_until(&lowest, 1));
    cli();
    apic_send(smp_apic_id[1], 0x4600 | 0x10);
    for (u32 i = 0; i < 20000; i++)
        pause();
    check_equal("SIPI to a running processor does nothing", ipis[1] > 0, true);
}

static void shootdown(void)
{
    u32 *a = alloc_page(), *b = alloc_page();
    a[0] = 0x1111;
    b[0] = 0x2222;
    u64 *entry = map_page(base_tables, BASE, (u64)a | PTE_P | PTE_W, 1);
    on_vector(0x63, shoot);
    phase_go(READ);
    all_done("read");
    for (unsigned i = 1; i < CPUS; i++)
        check_equal(named("processor %d reads the first frame", i), seen[i], 0x1111);
    *entry = (u64)b | PTE_P | PTE_W;
    apic_send(0, 0xc4000 | 0x63);
    check("shootdown answered by all", wait_until(&flushes, CPUS - 1));
    phase_go(SHOOT);
    all_done("shootdown");
    for (unsigned i = 1; i < CPUS; i++)
        check_equal(named("processor %d reads the second frame", i), seen[i], 0x2222);
}

static void modified_code(void)
{
    static const u8 one[] = {0xb8, 0x11, 0x11, 0x11, 0x11, 0xc3}; /* MOV EAX, imm32; RET */
    u8 *place = alloc_page();
    memcpy(place, one, sizeof one);
    code = place;
    phase_go(RUN);
    all_done("code");
    for (unsigned i = 1; i < CPUS; i++)
        check_equal(named("processor %d runs the code", i), seen[i], 0x11111111);
    *(volatile u32 *)(place + 1) = 0x22222222;
    phase_go(RUN_AGAIN);
    all_done("modified code");
    for (unsigned i = 1; i < CPUS; i++)
        check_equal(named("processor %d runs the modified code", i), seen[i], 0x22222222);
}

void program(void)
{
    has_monitor = cpuid(1, 0).c & 8;
    check_equal("processors that came", smp_start(CPUS - 1, work), CPUS - 1);
    for (unsigned i = 0; i < CPUS; i++)
        for (unsigned j = 0; j < i; j++)
            check(named("APIC IDs of %d and %d differ", i, j), smp_apic_id[i] != smp_apic_id[j]);
    phase_go(INCREMENT);
    increments();
    all_done("increments");
    check_equal("locked increments", locked, 5000 * CPUS);
    phase_go(SPIN);
    spin_lock();
    all_done("spin lock");
    check_equal("increments under a spin lock", guarded, 500 * CPUS);
    phase_go(WIDE);
    wide_exchange();
    all_done("CMPXCHG16B");
    check_equal("CMPXCHG16B, low", pair[0], 500 * CPUS);
    check_equal("CMPXCHG16B, high", pair[1], 1000 * CPUS);
    phase_go(IPI);
    all_done("IPIs");
    ipis_everywhere();
    shootdown();
    modified_code();
    phase_go(ORDER);
    mailbox = 41;
    check("message passing", wait_until(&answer, 42));
    all_done("message passing");
    phase_go(WAIT);
    for (u32 i = 0; i < 10000; i++)
        pause();
    check_equal("MWAIT waits", has_monitor ? done : 0, 0);
    awake = 1;
    all_done("MWAIT");
    phase_go(STOP);
}
