/* The small world in which a guest program checks the processor: console, contexts, descriptors, paging. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef unsigned long word;

/* --- console: one line per check --- */

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void format_text(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check(const char *name, bool truth);
void check_equal(const char *name, u64 actual, u64 expected);
void skip(const char *name, const char *why);
/* Names built at run time; valid until the eighth next call. */
const char *named(const char *format, ...) __attribute__((format(printf, 1, 2)));
void finish(void) __attribute__((noreturn));
/* A program is this function; the entry code calls it and then finish(). */
void program(void);
#ifndef __x86_64__
/* Optional: runs first of all, when the loader's information is where boot_information says. */
void before_start(void);
extern u32 boot_magic, boot_information;
#endif

/* --- exceptions --- */

enum vector {
    DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11,
    SS = 12, GP = 13, PF = 14, MF = 16, AC = 17, MC = 18, XM = 19, END = END_VECTOR
};

enum { NO_ERROR = 0 };

enum flag {
    CF = 1 << 0, PF_FLAG = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, TF = 1 << 8, IF = 1 << 9,
    DF_FLAG = 1 << 10, OF_FLAG = 1 << 11, IOPL = 3 << 12, NT = 1 << 14, RF = 1 << 16, VM = 1 << 17,
    AC_FLAG = 1 << 18, VIF = 1 << 19, VIP = 1 << 20, ID = 1 << 21
};

enum page_fault { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };

/* What an interrupt or exception left on the stack, and the registers below it. */
struct frame {
#ifdef __x86_64__
    u64 r15, r14, r13, r12, r11, r10, r9, r8, di, si, bp, dx, cx, bx, ax, vector, error;
    u64 ip, cs, flags, sp, ss;
#else
    u32 gs, fs, es, ds, di, si, bp, pusha_sp, bx, dx, cx, ax, vector, error, ip, cs, flags, sp, ss;
    u32 v86_es, v86_ds, v86_fs, v86_gs;
#endif
};

/* Handles a vector instead of ending the run; true: return to the interrupted code. */
typedef bool (*hook)(struct frame *frame);
void on_vector(u8 vector, hook handler);

/* --- contexts: registers with which a piece of code starts, and what it left when it ended --- */

struct context {
    word ax, cx, dx, bx, sp, bp, si, di;
#ifdef __x86_64__
    u64 r8, r9, r10, r11, r12, r13, r14, r15;
#endif
    word ip, flags, cs, ss, ds, es, fs, gs;
    word vector, error, cr2;
    word dr6;
    word offset; /* linear address of code as it runs, less its address in the image */
    word real;
};

/* A piece of code outside the flow of the program. `fault` is where an expected fault is reported. */
struct snippet {
    const u8 *start;
    const u8 *fault;
    const u8 *end;
};

#define SNIPPET_IN(section, bits, text)                                                          \
    ({                                                                                           \
        const struct snippet *snippet_;                                                          \
        asm(".pushsection " section "\n.code" bits "\n70:\n7:\n" text "\n8: int 0x30\n"          \
            ".popsection\n.pushsection .data\n.balign 8\n9: " POINTER " 70b, 7b, 8b\n"           \
            ".popsection\n.code" NATIVE "\nlea %0, [9b" RELATIVE "]"                                              \
            : "=r"(snippet_));                                                                   \
        snippet_;                                                                                \
    })
#ifdef __x86_64__
#define POINTER ".quad"
#define RELATIVE " + rip"
#define NATIVE "64"
#else
#define POINTER ".long"
#define RELATIVE ""
#define NATIVE "32"
#endif
/* Label 7: marks the instruction expected to fault, when it is not the first. */
#define CODE(text) SNIPPET_IN(".snippets,\"ax\"", NATIVE, text)
#define CODE32(text) SNIPPET_IN(".snippets,\"ax\"", "32", text)
#define CODE16(text) SNIPPET_IN(".real,\"awx\"", "16", text)

/* Fresh contexts; valid until the eighth next call. */
struct context *kernel(void);   /* CPL 0, native width */
struct context *user(void);     /* CPL 3, native width */
struct context *kernel32(void);
struct context *user32(void);
struct context *kernel16(void); /* 16-bit segments based at REAL_BASE */
struct context *user16(void);
#ifndef __x86_64__
struct context *real_mode(void);
struct context *v86(void);
void use_recorder_task(u8 vector);
#endif

/* Runs the context until any event that no hook handles. */
void run(struct context *context);
void run_code(struct context *context, const struct snippet *code);
void expect_fault(const char *name, struct context *context, const struct snippet *code, u8 vector, word error);
/* Like a fault, but reported at the end of the code, or where label 7: says. */
void expect_trap(const char *name, struct context *context, const struct snippet *code, u8 vector);
bool expect_end(const char *name, struct context *context, const struct snippet *code);
void expect_page_fault(const char *name, struct context *context, const struct snippet *code, word error, word address);

#define faults(context, name, vector, error, text) expect_fault(name, context, CODE(text), vector, error)
#define faults32(context, name, vector, error, text) expect_fault(name, context, CODE32(text), vector, error)
#define faults16(context, name, vector, error, text) expect_fault(name, context, CODE16(text), vector, error)
#define runs(context, name, text) expect_end(name, context, CODE(text))
#define runs32(context, name, text) expect_end(name, context, CODE32(text))
#define runs16(context, name, text) expect_end(name, context, CODE16(text))

extern u8 kernel_stack[], snippet_stack[], user_stack[], real_stack[];
#define SNIPPET_STACK ((word)snippet_stack + STACK_SIZE - 256)
#define USER_STACK ((word)user_stack + STACK_SIZE - 256)
#define REAL_STACK ((word)real_stack + 4096 - 256)

/* --- descriptors --- */

enum descriptor {
    /* types */
    DATA_RO = 0x10, DATA_RW = 0x12, DATA_DOWN = 0x16, DATA_DOWN_RO = 0x14, CODE_X = 0x18, CODE_XR = 0x1a,
    CODE_CONF = 0x1c, CODE_CONF_R = 0x1e, ACCESSED = 1,
    TSS16 = 1, LDT = 2, TSS16_BUSY = 3, CALL16 = 4, TASK_GATE = 5, INT16 = 6, TRAP16 = 7,
    TSS32 = 9, TSS32_BUSY = 11, CALL32 = 12, INT32 = 14, TRAP32 = 15,
    DPL1 = 0x20, DPL2 = 0x40, DPL3 = 0x60, PRESENT = 0x80,
    AVL = 0x1000, LONG = 0x2000, BIG = 0x4000, GRAN = 0x8000
};
extern u64 gdt[GDT_ENTRIES];
struct gate {
    u16 low, selector, attributes, high;
#ifdef __x86_64__
    u32 upper, zero;
#endif
};
extern struct gate idt[256];
/* Segment or system descriptor; in long mode the upper half of a system descriptor is written as well. */
void set_descriptor(u16 selector, u32 base, u32 limit, u32 attributes);
u64 descriptor(u32 base, u32 limit, u32 attributes);
void set_call_gate(u16 selector, u16 target, word offset, u32 attributes, u8 parameters);
/* attributes: type, DPL and P as in a descriptor. */
void set_idt_gate(u8 vector, u16 selector, word offset, u32 attributes, u8 ist);
/* The gate that every vector has at start. */
void reset_idt_gate(u8 vector);
word vector_stub(u8 vector);
void load_idt(void *base, u16 limit);
void reload_idt(void);

struct tss32 {
    u16 link, r0;
    u32 esp0;
    u16 ss0, r1;
    u32 esp1;
    u16 ss1, r2;
    u32 esp2;
    u16 ss2, r3;
    u32 cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    u16 es, r4, cs, r5, ss, r6, ds, r7, fs, r8, gs, r9, ldt, r10, trap, iomap;
} __attribute__((packed));
struct tss64 {
    u32 r0;
    u64 rsp[3];
    u64 r1;
    u64 ist[7];
    u64 r2;
    u16 r3, iomap;
} __attribute__((packed));
#define INTERRUPT_BITMAP_SIZE 32
struct main_tss {
#ifdef __x86_64__
    struct tss64 tss;
#else
    struct tss32 tss;
#endif
    u8 interrupts[INTERRUPT_BITMAP_SIZE];
    u8 ports[8193];
} __attribute__((packed, aligned(128)));
extern struct main_tss main_tss;
/* Reloads the task register after a change of its descriptor. */
void reload_tr(void);

/* --- memory and paging --- */

#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_U 4ull
#define PTE_PWT 8ull
#define PTE_PCD 16ull
#define PTE_A 32ull
#define PTE_D 64ull
#define PTE_PS 128ull
#define PTE_G 256ull
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

void *alloc_page(void); /* zeroed */
void *alloc_pages(unsigned count);
void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);
int memcmp(const void *a, const void *b, size_t count);
#ifdef __x86_64__
extern u64 *base_tables; /* the PML4 the program starts with */
/* Maps one page at a level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB) and answers its entry, splitting nothing. */
u64 *map_page(u64 *pml4, u64 linear, u64 entry, int level);
/* The entry at a level of the walk, or null when the walk ends above. */
u64 *table_entry(u64 *pml4, u64 linear, int level);
static inline u8 *user_alias(const void *p) { return (u8 *)((word)p + USER_ALIAS); }
#endif

/* --- registers and instructions --- */

struct cpuid { u32 a, b, c, d; };
struct cpuid cpuid(u32 leaf, u32 subleaf);
#define CR0_PE 1ul
#define CR0_MP 2ul
#define CR0_EM 4ul
#define CR0_TS 8ul
#define CR0_ET 16ul
#define CR0_NE 32ul
#define CR0_WP (1ul << 16)
#define CR0_AM (1ul << 18)
#define CR0_NW (1ul << 29)
#define CR0_CD (1ul << 30)
#define CR0_PG (1ul << 31)
#define CR4_VME 1ul
#define CR4_PVI 2ul
#define CR4_TSD 4ul
#define CR4_DE 8ul
#define CR4_PSE 16ul
#define CR4_PAE 32ul
#define CR4_MCE 64ul
#define CR4_PGE 128ul
#define CR4_PCE 256ul
#define CR4_OSFXSR 512ul
#define CR4_OSXMMEXCPT 1024ul
#define CR4_UMIP (1ul << 11)
#define CR4_LA57 (1ul << 12)
#define CR4_VMXE (1ul << 13)
#define CR4_SMXE (1ul << 14)
#define CR4_FSGSBASE (1ul << 16)
#define CR4_PCIDE (1ul << 17)
#define CR4_OSXSAVE (1ul << 18)
#define CR4_SMEP (1ul << 20)
#define CR4_SMAP (1ul << 21)
#define EFER 0xc0000080u
#define EFER_SCE 1ull
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_NXE (1ull << 11)

#define REGISTER_ACCESS(name)                                                                    \
    static inline word read_##name(void)                                                         \
    {                                                                                            \
        word v;                                                                                  \
        asm volatile("mov %0, " #name : "=r"(v) : : "memory");                                   \
        return v;                                                                                \
    }                                                                                            \
    static inline void write_##name(word v) { asm volatile("mov " #name ", %0" : : "r"(v) : "memory"); }
REGISTER_ACCESS(cr0)
REGISTER_ACCESS(cr2)
REGISTER_ACCESS(cr3)
REGISTER_ACCESS(cr4)
REGISTER_ACCESS(dr0)
REGISTER_ACCESS(dr1)
REGISTER_ACCESS(dr2)
REGISTER_ACCESS(dr3)
REGISTER_ACCESS(dr6)
REGISTER_ACCESS(dr7)

static inline u64 rdmsr(u32 msr)
{
    u32 low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (u64)high << 32 | low;
}
static inline void wrmsr(u32 msr, u64 value)
{
    asm volatile("wrmsr" : : "a"((u32)value), "d"((u32)(value >> 32)), "c"(msr) : "memory");
}
static inline u64 rdtsc(void)
{
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (u64)high << 32 | low;
}
static inline void out8(u16 port, u8 v) { asm volatile("out %1, %0" : : "a"(v), "Nd"(port)); }
static inline void out16(u16 port, u16 v) { asm volatile("out %1, %0" : : "a"(v), "Nd"(port)); }
static inline void out32(u16 port, u32 v) { asm volatile("out %1, %0" : : "a"(v), "Nd"(port)); }
static inline u8 in8(u16 port)
{
    u8 v;
    asm volatile("in %0, %1" : "=a"(v) : "Nd"(port));
    return v;
}
static inline u32 in32(u16 port)
{
    u32 v;
    asm volatile("in %0, %1" : "=a"(v) : "Nd"(port));
    return v;
}
static inline void invlpg(const void *p) { asm volatile("invlpg [%0]" : : "r"(p) : "memory"); }
static inline void sti(void) { asm volatile("sti" : : : "memory"); }
static inline void cli(void) { asm volatile("cli" : : : "memory"); }
static inline void sti_halt(void) { asm volatile("sti\nhlt\ncli" : : : "memory"); }
static inline void pause(void) { asm volatile("pause" : : : "memory"); }

/* --- local APIC and other processors --- */

enum apic_register {
    APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_APR = 0x90, APIC_PPR = 0xa0, APIC_EOI = 0xb0,
    APIC_LDR = 0xd0, APIC_DFR = 0xe0, APIC_SVR = 0xf0, APIC_ISR = 0x100, APIC_TMR = 0x180, APIC_IRR = 0x200,
    APIC_ESR = 0x280, APIC_CMCI = 0x2f0, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330, APIC_LVT_PERF = 0x340, APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370, APIC_INITIAL = 0x380, APIC_CURRENT = 0x390, APIC_DIVIDE = 0x3e0
};
#define APIC_BASE_MSR 0x1bu
#define APIC_ADDRESS 0xfee00000u
static inline volatile u32 *apic_at(u32 offset) { return (volatile u32 *)(word)(APIC_ADDRESS + offset); }
static inline u32 apic_read(u32 offset) { return *apic_at(offset); }
static inline void apic_write(u32 offset, u32 value) { *apic_at(offset) = value; }
void apic_enable(void);
void apic_send(u32 destination, u32 command); /* waits until it is sent */
static inline void apic_eoi(void) { apic_write(APIC_EOI, 0); }
/* Masks both 8259s and moves their vectors to 0x20 and 0x28. */
void pic_remap(u16 mask);
/* Starts up to `wanted` processors besides this one; each runs `work(index)`, index from 1. Answers how many came. */
unsigned smp_start(unsigned wanted, void (*work)(unsigned index));
extern volatile u32 smp_apic_id[MAX_CPUS];
/* Waits, by a bounded count of PAUSEs, until the word is the value. */
bool wait_until(volatile u32 *p, u32 value);

#endif
