/* Descriptor tables, the TSS, and the start of a program. */
#include "guest.h"

extern u8 stubs[], exception_stack[];
extern struct __attribute__((packed)) { u16 limit; void *base; } idt_pointer;

/* Code and data flat; TSS descriptors are written at start. */
u64 gdt[GDT_ENTRIES] __attribute__((aligned(16))) = {
#ifdef __x86_64__
    [KERNEL_CODE / 8] = 0x00af9b000000ffff,
#else
    [KERNEL_CODE / 8] = 0x00cf9b000000ffff,
#endif
    [KERNEL_DATA / 8] = 0x00cf93000000ffff,
    [USER_CODE32 / 8] = 0x00cffb000000ffff,
    [USER_DATA / 8] = 0x00cff3000000ffff,
    [USER_CODE64 / 8] = 0x00affb000000ffff,
    [KERNEL_CODE32 / 8] = 0x00cf9b000000ffff,
    [KERNEL_CODE16 / 8] = 0x00009b010000ffff,
    [KERNEL_DATA16 / 8] = 0x000093010000ffff,
#ifdef __x86_64__ /* in the alias */
    [USER_CODE16 / 8] = 0x4000fb010000ffff,
    [USER_DATA16 / 8] = 0x4000f3010000ffff,
#else
    [USER_CODE16 / 8] = 0x0000fb010000ffff,
    [USER_DATA16 / 8] = 0x0000f3010000ffff,
#endif
};
struct gate idt[256] __attribute__((aligned(16)));
struct main_tss main_tss;

u64 descriptor(u32 base, u32 limit, u32 attributes)
{
    u64 high = (base & 0xff000000) | (limit & 0xf0000) | (base >> 16 & 0xff) | (attributes & 0xf0ff) << 8;
    return high << 32 | base << 16 | (limit & 0xffff);
}

void set_descriptor(u16 selector, u32 base, u32 limit, u32 attributes)
{
    gdt[selector / 8] = descriptor(base, limit, attributes);
#ifdef __x86_64__
    if (!(attributes & 0x10))
        gdt[selector / 8 + 1] = 0;
#endif
}

void set_call_gate(u16 selector, u16 target, word offset, u32 attributes, u8 parameters)
{
    u32 low_offset = offset;
    gdt[selector / 8] = (u64)((low_offset & 0xffff0000) | (attributes & 0xff) << 8 | parameters) << 32
        | (u32)target << 16 | (low_offset & 0xffff);
#ifdef __x86_64__
    gdt[selector / 8 + 1] = offset >> 32;
#endif
}

void set_idt_gate(u8 vector, u16 selector, word offset, u32 attributes, u8 ist)
{
    struct gate *g = &idt[vector];
    g->low = offset;
    g->selector = selector;
    g->attributes = attributes << 8 | ist;
    g->high = offset >> 16;
#ifdef __x86_64__
    g->upper = offset >> 32;
    g->zero = 0;
#endif
}

word vector_stub(u8 vector)
{
    return (word)stubs + 16 * vector;
}

void reset_idt_gate(u8 vector)
{
    set_idt_gate(vector, KERNEL_CODE, vector_stub(vector), PRESENT | INT32 | (vector == END || vector == BP || vector == OF ? DPL3 : 0), sizeof(word) == 8);
}

void load_idt(void *base, u16 limit)
{
    struct __attribute__((packed)) { u16 limit; void *base; } p = {limit, base};
    asm volatile("lidt [%0]" : : "r"(&p), "m"(p));
}

void reload_idt(void)
{
    idt_pointer.limit = sizeof idt - 1;
    idt_pointer.base = idt;
    load_idt(idt, sizeof idt - 1);
}

void reload_tr(void)
{
    gdt[MAIN_TSS / 8] &= ~(2ull << 40);
    asm volatile("ltr %w0" : : "r"(MAIN_TSS) : "memory");
}

#ifndef __x86_64__
struct tss32 recorder_tss __attribute__((aligned(128)));
void recorder_entry(void);

static void tables(void)
{
    extern u8 real_stubs[];
    main_tss.tss.ss0 = KERNEL_DATA;
    main_tss.tss.esp0 = (u32)exception_stack + STACK_SIZE;
    recorder_tss = (struct tss32){
        .eip = (u32)recorder_entry, .esp = (u32)exception_stack + STACK_SIZE, .eflags = 2, .cs = KERNEL_CODE,
        .ss = KERNEL_DATA, .ds = KERNEL_DATA, .es = KERNEL_DATA, .iomap = sizeof(struct tss32)};
    set_descriptor(RECORDER_TSS, (u32)&recorder_tss, sizeof recorder_tss - 1, PRESENT | TSS32);
    for (u32 v = 0; v < 256; v++)
        asm volatile("mov [%0], %1" : : "r"(v * 4), "r"(REAL_SEGMENT << 16 | ((u32)real_stubs + v * 16)) : "memory");
}
#else
static u8 ist_stack[STACK_SIZE] __attribute__((aligned(16)));

static void tables(void)
{
    main_tss.tss.rsp[0] = (u64)exception_stack + STACK_SIZE;
    main_tss.tss.ist[0] = (u64)ist_stack + STACK_SIZE;
}
#endif

void open_console(void);

void start(void)
{
    open_console();
    for (int v = 0; v < 256; v++)
        reset_idt_gate(v);
    reload_idt();
    tables();
    main_tss.tss.iomap = offsetof(struct main_tss, ports);
    memset(main_tss.ports, 0xff, sizeof main_tss.ports);
    set_descriptor(MAIN_TSS, (word)&main_tss, sizeof main_tss - 1, PRESENT | TSS32);
    reload_tr();
    asm volatile("lldt %w0" : : "r"(0));
    pic_remap(0xffff);
    program();
    finish();
}
