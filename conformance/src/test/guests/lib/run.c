/* Runs code in contexts, and compares how it ended with what the manual says. */
#include "guest.h"

void enter(struct context *context);
void enter_real(struct context *context);
void resume(void) __attribute__((noreturn));
void fail(const char *name, const char *expected, const char *actual);
void pass(const char *name);

static hook hooks[256];
static struct context *active;

void on_vector(u8 vector, hook handler)
{
    hooks[vector] = handler;
}

static const char *vector_name(word vector)
{
    static const char names[][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9", "#TS",
        "#NP", "#SS", "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM"};
    if (vector == END)
        return "end";
    return vector < sizeof names / sizeof names[0] ? names[vector] : named("vector 0x%lx", vector);
}

static void unexpected(word vector, word error, word ip, word cs)
{
    fail("unexpected", "no exception",
        named("%s error 0x%lx at %lx:%lx cr2 0x%lx", vector_name(vector), error, cs, ip, read_cr2()));
    finish();
}

void dispatch(struct frame *frame)
{
    hook handler = hooks[frame->vector & 0xff];
    if (handler && handler(frame))
        return;
    struct context *c = active;
    if (!c)
        unexpected(frame->vector, frame->error, frame->ip, frame->cs);
    active = 0;
    c->cr2 = read_cr2();
    c->dr6 = read_dr6();
    c->ax = frame->ax;
    c->cx = frame->cx;
    c->dx = frame->dx;
    c->bx = frame->bx;
    c->bp = frame->bp;
    c->si = frame->si;
    c->di = frame->di;
    c->ip = frame->ip;
    c->flags = frame->flags;
    c->cs = frame->cs;
    c->vector = frame->vector;
    c->error = frame->error;
#ifdef __x86_64__
    c->sp = frame->sp;
    c->ss = frame->ss;
    c->r8 = frame->r8;
    c->r9 = frame->r9;
    c->r10 = frame->r10;
    c->r11 = frame->r11;
    c->r12 = frame->r12;
    c->r13 = frame->r13;
    c->r14 = frame->r14;
    c->r15 = frame->r15;
    asm volatile("mov %0, ds" : "=r"(c->ds));
    asm volatile("mov %0, es" : "=r"(c->es));
    asm volatile("mov %0, fs" : "=r"(c->fs));
    asm volatile("mov %0, gs" : "=r"(c->gs));
#else
    extern u32 frame_copy_ss;
    extern u8 frame_copy[];
    bool virtual = frame->flags & VM, outer = virtual || frame->cs & 3;
    c->sp = outer ? frame->sp : frame->pusha_sp + 20;
    c->ss = outer ? frame->ss & 0xffff : (u8 *)frame == frame_copy ? frame_copy_ss : KERNEL_DATA;
    c->cs &= 0xffff;
    c->ds = virtual ? frame->v86_ds & 0xffff : frame->ds & 0xffff;
    c->es = virtual ? frame->v86_es & 0xffff : frame->es & 0xffff;
    c->fs = virtual ? frame->v86_fs & 0xffff : frame->fs & 0xffff;
    c->gs = virtual ? frame->v86_gs & 0xffff : frame->gs & 0xffff;
#endif
    resume();
}

void run(struct context *c)
{
    c->vector = c->error = 0;
#ifndef __x86_64__
    if (c->real) {
        enter_real(c);
        c->vector &= 0xffff;
        return;
    }
#endif
    active = c;
    enter(c);
}

void run_code(struct context *c, const struct snippet *code)
{
    c->ip = (word)code->start + c->offset;
    run(c);
}

static const char *outcome(word vector, word error, word ip)
{
    return named("%s error 0x%lx at 0x%lx", vector_name(vector), error, ip);
}

static void compare(const char *name, struct context *c, u8 vector, word error, const u8 *where)
{
    word ip = (word)where + c->offset;
    if (c->vector == vector && c->error == error && c->ip == ip)
        pass(name);
    else
        fail(name, outcome(vector, error, ip), outcome(c->vector, c->error, c->ip));
}

void expect_fault(const char *name, struct context *c, const struct snippet *code, u8 vector, word error)
{
    run_code(c, code);
    compare(name, c, vector, error, code->fault);
}

void expect_trap(const char *name, struct context *c, const struct snippet *code, u8 vector)
{
    run_code(c, code);
    compare(name, c, vector, 0, code->fault == code->start ? code->end : code->fault);
}

void expect_page_fault(const char *name, struct context *c, const struct snippet *code, word error, word address)
{
    run_code(c, code);
    if (c->vector == PF && c->cr2 != address)
        fail(name, named("cr2 0x%lx", address), named("cr2 0x%lx error 0x%lx", c->cr2, c->error));
    else
        compare(name, c, PF, error, code->fault);
}

bool expect_end(const char *name, struct context *c, const struct snippet *code)
{
    run_code(c, code);
    compare(name, c, END, 0, code->end + 2);
    return c->vector == END && c->ip == (word)code->end + 2 + c->offset;
}

static struct context *fresh(void)
{
    static struct context contexts[8];
    static unsigned next;
    struct context *c = &contexts[next++ % 8];
    memset(c, 0, sizeof *c);
    c->flags = 2;
    return c;
}

static struct context *with(u16 code, u16 data, word stack, word offset)
{
    struct context *c = fresh();
    c->cs = code;
    c->ds = c->es = c->fs = c->gs = c->ss = data;
    c->sp = stack + offset;
    c->offset = offset;
    return c;
}

#ifdef __x86_64__
#define USER_OFFSET USER_ALIAS
#else
#define USER_OFFSET 0
#endif

struct context *kernel(void)
{
    return with(KERNEL_CODE, KERNEL_DATA, SNIPPET_STACK, 0);
}

struct context *user(void)
{
#ifdef __x86_64__
    return with(USER_CODE64, USER_DATA, USER_STACK, USER_OFFSET);
#else
    return user32();
#endif
}

struct context *kernel32(void)
{
    return with(KERNEL_CODE32, KERNEL_DATA, SNIPPET_STACK, 0);
}

struct context *user32(void)
{
    return with(USER_CODE32, USER_DATA, USER_STACK, USER_OFFSET);
}

static struct context *with16(u16 code, u16 data)
{
    return with(code, data, REAL_STACK, 0);
}

struct context *kernel16(void)
{
    return with16(KERNEL_CODE16, KERNEL_DATA16);
}

struct context *user16(void)
{
    return with16(USER_CODE16, USER_DATA16);
}

#ifndef __x86_64__
struct context *v86(void)
{
    struct context *c = with16(REAL_SEGMENT, REAL_SEGMENT);
    c->flags = VM | IOPL | 2;
    return c;
}

struct context *real_mode(void)
{
    struct context *c = with16(REAL_SEGMENT, REAL_SEGMENT);
    c->real = 1;
    return c;
}

/* --- faults recorded by a task of their own, for when the stack is not to be trusted --- */

extern struct tss32 recorder_tss;
static u8 recorder_vector;

void use_recorder_task(u8 vector)
{
    recorder_vector = vector;
    set_idt_gate(vector, RECORDER_TSS, 0, PRESENT | TASK_GATE, 0);
}

void record_task(u32 *stack)
{
    u16 from = recorder_tss.link;
    u64 d = gdt[from / 8];
    struct tss32 *old = (struct tss32 *)(u32)((d >> 16 & 0xffffff) | (d >> 56 << 24));
    struct context *c = active;
    bool has_error = recorder_vector == DF || (recorder_vector >= TS && recorder_vector <= PF);
    if (!c)
        unexpected(recorder_vector, has_error ? *stack : 0, old->eip, old->cs);
    active = 0;
    c->vector = recorder_vector;
    c->error = has_error ? *stack : 0;
    c->cr2 = read_cr2();
    c->ax = old->eax;
    c->cx = old->ecx;
    c->dx = old->edx;
    c->bx = old->ebx;
    c->sp = old->esp;
    c->bp = old->ebp;
    c->si = old->esi;
    c->di = old->edi;
    c->ip = old->eip;
    c->flags = old->eflags;
    c->cs = old->cs;
    c->ss = old->ss;
    c->ds = old->ds;
    c->es = old->es;
    c->fs = old->fs;
    c->gs = old->gs;
    /* Leave by hand what an IRET would undo. */
    gdt[from / 8] &= ~(2ull << 40);
    gdt[RECORDER_TSS / 8] &= ~(2ull << 40);
    void recorder_entry(void);
    extern u8 exception_stack[];
    recorder_tss.eip = (u32)recorder_entry;
    recorder_tss.esp = (u32)exception_stack + STACK_SIZE;
    recorder_tss.eflags = 2;
    reload_tr();
    asm volatile("pushfd\nand dword ptr [esp], 0xffffbfff\npopfd" : : : "memory");
}
#endif
