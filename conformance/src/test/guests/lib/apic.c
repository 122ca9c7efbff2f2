/* The interrupt controllers and the start of the other processors. */
#include "guest.h"

extern volatile u32 ap_counter;
volatile u32 smp_apic_id[MAX_CPUS];
static void (*volatile smp_work)(unsigned);
static volatile u32 arrived;

void pic_remap(u16 mask)
{
    out8(0x20, 0x11);
    out8(0xa0, 0x11);
    out8(0x21, 0x20);
    out8(0xa1, 0x28);
    out8(0x21, 4);
    out8(0xa1, 2);
    out8(0x21, 1);
    out8(0xa1, 1);
    out8(0x21, mask);
    out8(0xa1, mask >> 8);
}

void apic_enable(void)
{
    apic_write(APIC_TPR, 0);
    apic_write(APIC_SVR, 0x1ff);
}

void apic_send(u32 destination, u32 command)
{
    apic_write(APIC_ICR_HIGH, destination << 24);
    apic_write(APIC_ICR, command);
    while (apic_read(APIC_ICR) & 0x1000)
        pause();
}

bool wait_until(volatile u32 *p, u32 value)
{
    for (u32 i = 0; i < 20000000; i++) {
        if (*p == value)
            return true;
        pause();
    }
    return false;
}

#ifdef __x86_64__
static struct tss64 ap_tss[MAX_CPUS];
static u8 ap_ist[MAX_CPUS][4096] __attribute__((aligned(16)));
#endif

void ap_start(u32 index)
{
#ifdef __x86_64__
    struct tss64 *t = &ap_tss[index];
    u16 selector = AP_TSS + 16 * index;
    t->ist[0] = (u64)ap_ist[index] + sizeof ap_ist[0];
    t->iomap = sizeof *t;
    set_descriptor(selector, (u64)t, sizeof *t - 1, PRESENT | TSS32);
    asm volatile("ltr %w0" : : "r"((u32)selector) : "memory");
#endif
    reload_idt();
    if (!(rdmsr(APIC_BASE_MSR) & 0x400))
        apic_enable();
    smp_apic_id[index] = apic_read(APIC_ID) >> 24;
    asm volatile("lock inc dword ptr [%0]" : : "r"(&arrived) : "memory");
    smp_work(index);
    for (;;)
        asm volatile("sti\nhlt");
}

static void delay(u32 ports)
{
    while (ports--)
        in8(0x80);
}

unsigned smp_start(unsigned wanted, void (*work)(unsigned))
{
    smp_work = work;
    apic_enable();
    smp_apic_id[0] = apic_read(APIC_ID) >> 24;
    apic_send(0, 0xc4500);
    delay(20000);
    apic_send(0, 0xc4600 | REAL_BASE >> 12);
    for (u32 i = 0; i < 2000 && arrived < wanted; i++)
        delay(1000);
    return arrived;
}
