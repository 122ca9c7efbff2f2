/* Device interrupts: 8259A pair, 8254, I/O APIC, HPET and its messages. */
#include "guest.h"

static volatile u32 count[256];
static bool level_seen;

static bool by_pic(struct frame *f)
{
    count[f->vector & 0xff]++;
    if (f->vector >= 0x28)
        out8(0xa0, 0x20);
    out8(0x20, 0x20);
    return true;
}

static bool by_apic(struct frame *f)
{
    count[f->vector & 0xff]++;
    level_seen = apic_read(APIC_TMR + (f->vector >> 5) * 0x10) >> (f->vector & 31) & 1;
    apic_eoi();
    return true;
}

static void clear(void)
{
    for (int i = 0; i < 256; i++)
        count[i] = 0;
}

static bool wait_count(u8 vector, u32 wanted)
{
    for (u32 i = 0; i < 200 && count[vector] < wanted; i++)
        sti_halt();
    return count[vector] >= wanted;
}

static void pit_periodic(u16 divisor)
{
    out8(0x43, 0x34);
    out8(0x40, divisor & 0xff);
    out8(0x40, divisor >> 8);
}

static void pit_one_shot(u16 divisor)
{
    out8(0x43, 0x30);
    out8(0x40, divisor & 0xff);
    out8(0x40, divisor >> 8);
}

static void pic(void)
{
    for (int v = 0x20; v < 0x30; v++)
        on_vector(v, by_pic);
    /* The local APIC passes the 8259's INTR through LINT0. */
    apic_enable();
    apic_write(APIC_LVT_LINT0, 0x700);
    pic_remap(0xfffe);
    check_equal("IMR reads back", in8(0x21), 0xfe);
    clear();
    pit_periodic(11932);
    check("8254 ticks by the 8259", wait_count(0x20, 3));
    out8(0x21, 0xff);
    clear();
    out8(0x20, 0x0a);
    bool requested = false;
    for (u32 i = 0; i < 1000000 && !requested; i++)
        requested = in8(0x20) & 1;
    check("a masked line still requests", requested);
    sti();
    pause();
    pause();
    cli();
    check_equal("a masked line is silent", count[0x20], 0);
    out8(0x21, 0xfe);
    check("unmasking delivers", wait_count(0x20, 1));
    /* Latched counts go down. */
    out8(0x21, 0xff);
    pit_periodic(0xffff);
    u16 a = 0;
    bool moved = false;
    for (u32 i = 0; i < 10000 && !moved; i++) {
        out8(0x43, 0x00);
        u16 b = in8(0x40);
        b |= in8(0x40) << 8;
        moved = a >= 0x8000 && b < a; /* the first ones may be from before the new count was loaded */
        a = b;
    }
    check("the 8254 counts down", moved);
    pit_one_shot(100);
    pic_remap(0xffff);
}

/* --- I/O APIC --- */

static volatile u32 *const io_select = (volatile u32 *)0xfec00000ull, *const io_window = (volatile u32 *)0xfec00010ull;

static u32 io_read(u8 index)
{
    *io_select = index;
    return *io_window;
}

static void io_write(u8 index, u32 value)
{
    *io_select = index;
    *io_window = value;
}

static void redirect(u8 pin, u32 low, u8 destination)
{
    io_write(0x10 + 2 * pin, 0x10000);
    io_write(0x11 + 2 * pin, (u32)destination << 24);
    io_write(0x10 + 2 * pin, low);
}

static void io_apic(void)
{
    for (int v = 0x40; v < 0x100; v++)
        on_vector(v, by_apic);
    u32 pins = (io_read(1) >> 16 & 0xff) + 1;
    check_equal("I/O APIC has 24 pins", pins, 24);
    check_equal("I/O APIC entries are masked at reset", io_read(0x10) & 0x10000, 0x10000);
    apic_write(APIC_LVT_LINT0, 0x10000);
    u8 self = apic_read(APIC_ID) >> 24;
    clear();
    redirect(2, 0x61, self);
    pit_periodic(11932);
    check("8254 ticks by pin 2", wait_count(0x61, 3));
    check_equal("an edge leaves TMR clear", level_seen, false);
    redirect(2, 0x10061, self);
    clear();
    for (u32 i = 0; i < 20000; i++)
        in8(0x80);
    sti();
    pause();
    cli();
    check_equal("a masked pin is silent", count[0x61], 0);
    /* Logical and lowest-priority destinations */
    apic_write(APIC_LDR, 0x02000000);
    redirect(2, 0x0863, 0x02);
    check("logical destination", wait_count(0x63, 1));
    redirect(2, 0x0964, 0xff);
    check("lowest priority", wait_count(0x64, 1));
    redirect(2, 0x10000, 0);
    pit_one_shot(100);
    check_equal("unused bits of an entry read as 0", io_read(0x10 + 4) & 0xfffe0000, 0);
}

/* --- HPET --- */

static volatile u64 *hpet(u32 offset)
{
    return (volatile u64 *)(0xfed00000ull + offset);
}

static u8 level_pin;

/* Clears the cause at the third time. */
static bool by_level(struct frame *f)
{
    if (count[f->vector & 0xff] == 2) {
        *hpet(0x100) = (u64)level_pin << 9;
        *hpet(0x20) = 1;
    }
    return by_apic(f);
}

static void hpet_timer(void)
{
    u64 capabilities = *hpet(0);
    if (capabilities == 0 || capabilities == ~0ull || (capabilities >> 32) == 0) {
        skip("HPET", "not there");
        return;
    }
    u32 period = capabilities >> 32;
    check("the period is at most 100 ns", period <= 100000000);
    *hpet(0x10) = 0;
    *hpet(0xf0) = 0;
    check_equal("the counter stands still", *hpet(0xf0), 0);
    *hpet(0x10) = 1;
    u64 a = *hpet(0xf0);
    for (u32 i = 0; i < 1000; i++)
        in8(0x80);
    check("the counter runs", *hpet(0xf0) > a);
    u64 configuration = *hpet(0x100);
    u32 routes = configuration >> 32;
    u8 pin = 2;
    while (pin < 24 && (!(routes >> pin & 1) || pin < 8))
        pin++;
    if (pin < 24) {
        clear();
        /* Lines from 16 up are wired as PCI interrupts are: active low. */
        u32 polarity = pin >= 16 ? 0x2000 : 0;
        redirect(pin, polarity | 0x71, apic_read(APIC_ID) >> 24);
        *hpet(0x100) = (u64)pin << 9 | 4;
        *hpet(0x108) = *hpet(0xf0) + 1000000000000ull / period;
        check("HPET by the I/O APIC, edge", wait_count(0x71, 1));
        *hpet(0x100) = 0;
        clear();
        on_vector(0x72, by_level);
        level_pin = pin;
        redirect(pin, polarity | 0x8072, apic_read(APIC_ID) >> 24);
        *hpet(0x100) = (u64)pin << 9 | 4 | 2;
        *hpet(0x108) = *hpet(0xf0) + 1000000000000ull / period;
        check("HPET by the I/O APIC, level", wait_count(0x72, 1));
        check_equal("a level sets TMR", level_seen, true);
        for (u32 i = 0; i < 100000 && count[0x72] < 3; i++) {
            sti();
            pause();
            cli();
        }
        check_equal("a level that stays comes again until it is cleared", count[0x72], 3);
        sti();
        pause();
        pause();
        cli();
        check_equal("cleared, it is silent", count[0x72], 3);
        redirect(pin, 0x10000, 0);
    }
    if (configuration & 0x8000) {
        clear();
        *hpet(0x110) = (u64)(0xfee00000 | (apic_read(APIC_ID) >> 24) << 12) << 32 | 0x73;
        *hpet(0x100) = 0x4000 | 4;
        *hpet(0x108) = *hpet(0xf0) + 1000000000000ull / period;
        check("HPET by message", wait_count(0x73, 1));
        *hpet(0x100) = 0;
    } else {
        skip("HPET by message", "not in its capabilities");
    }
    *hpet(0x10) = 0;
}

void program(void)
{
    pic();
    io_apic();
    hpet_timer();
}
