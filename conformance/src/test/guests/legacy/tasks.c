/* Hardware task switches: SDM Vol. 3, "Task Management". */
#include "guest.h"

#define SEL(n) (FREE_SELECTOR + 8 * (n))
#define TASK SEL(0)
#define GATE SEL(1)
#define OTHER SEL(2)
#define MY_LDT SEL(3)

struct tss16 {
    u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};

static struct tss32 task __attribute__((aligned(128)));
static struct tss16 task16 __attribute__((aligned(64)));
static u8 task_stack[4096] __attribute__((aligned(16))), inner_stack[4096] __attribute__((aligned(16)));
static const u32 flat = BIG | GRAN;

static bool busy(u16 selector)
{
    return gdt[selector / 8] >> 41 & 1;
}

/* A task of CPL 0 that begins at the code; the current task is the main one. */
static void prepare(const void *entry)
{
    task = (struct tss32){
        .eip = (u32)entry, .eflags = 2, .esp = (u32)task_stack + sizeof task_stack, .cs = KERNEL_CODE, .ss = KERNEL_DATA,
        .ds = KERNEL_DATA, .es = KERNEL_DATA, .fs = USER_DATA, .gs = 0, .eax = 0xa1, .ecx = 0xc2, .edx = 0xd3, .ebx = 0xb4,
        .ebp = 0xb5, .esi = 0x56, .edi = 0xd7, .ss0 = KERNEL_DATA, .esp0 = (u32)inner_stack + sizeof inner_stack,
        .iomap = sizeof task, .cr3 = read_cr3()};
    set_descriptor(TASK, (u32)&task, sizeof task - 1, PRESENT | TSS32);
    set_call_gate(GATE, TASK, 0, TASK_GATE | PRESENT | DPL3, 0);
    main_tss.tss.link = 0;
    asm volatile("clts");
}

/* After a run that may have ended in any task. */
static void back(void)
{
    gdt[TASK / 8] &= ~(2ull << 40);
    gdt[RECORDER_TSS / 8] &= ~(2ull << 40);
    reload_tr();
    asm volatile("clts\nlldt %w0" : : "r"(0));
}

/* --- switches that succeed --- */

static void jump(void)
{
    const struct snippet *code = CODE("jmp 0x80:0\n1: nop\n7: pushfd\npop edi\nstr eax\nint 0x30");
    prepare(code->fault);
    struct context *c = kernel();
    c->ax = 0x11;
    c->cx = 0x22;
    c->dx = 0x33;
    c->bx = 0x44;
    c->bp = 0x55;
    c->si = 0x66;
    c->di = 0x77;
    c->fs = 0;
    c->flags |= CF;
    run_code(c, code);
    word ts = read_cr0() & CR0_TS;
    check_equal("JMP to a TSS ends", c->vector, END);
    check_equal("JMP loads TR", c->ax, TASK);
    check_equal("JMP loads ECX", c->cx, 0xc2);
    check_equal("JMP loads EDX", c->dx, 0xd3);
    check_equal("JMP loads EBX", c->bx, 0xb4);
    check_equal("JMP loads EBP", c->bp, 0xb5);
    check_equal("JMP loads ESI", c->si, 0x56);
    check_equal("JMP loads ESP", c->sp, (u32)task_stack + sizeof task_stack);
    check_equal("JMP loads FS", c->fs, USER_DATA);
    check_equal("JMP loads GS", c->gs, 0);
    check_equal("JMP leaves NT clear", c->di & NT, 0);
    check_equal("JMP loads EFLAGS", c->di & CF, 0);
    check_equal("JMP sets CR0.TS", ts, CR0_TS);
    check_equal("JMP marks the new task busy", busy(TASK), true);
    check_equal("JMP marks the old task available", busy(MAIN_TSS), false);
    check_equal("JMP writes no link", task.link, 0);
    check_equal("JMP saves EIP", main_tss.tss.eip, (u32)code->start + 7);
    check_equal("JMP saves EAX", main_tss.tss.eax, 0x11);
    check_equal("JMP saves ECX", main_tss.tss.ecx, 0x22);
    check_equal("JMP saves EDX", main_tss.tss.edx, 0x33);
    check_equal("JMP saves EBX", main_tss.tss.ebx, 0x44);
    check_equal("JMP saves EBP", main_tss.tss.ebp, 0x55);
    check_equal("JMP saves ESI", main_tss.tss.esi, 0x66);
    check_equal("JMP saves EDI", main_tss.tss.edi, 0x77);
    check_equal("JMP saves ESP", main_tss.tss.esp, SNIPPET_STACK);
    check_equal("JMP saves EFLAGS", main_tss.tss.eflags & (CF | 2), CF | 2);
    check_equal("JMP saves CS", main_tss.tss.cs, KERNEL_CODE);
    check_equal("JMP saves SS", main_tss.tss.ss, KERNEL_DATA);
    check_equal("JMP saves DS", main_tss.tss.ds, KERNEL_DATA);
    check_equal("JMP saves FS", main_tss.tss.fs, 0);
    check_equal("JMP keeps ESP0 of the old TSS", main_tss.tss.ss0, KERNEL_DATA);
    back();
    /* There and back. */
    code = CODE("jmp 0x80:0\nmov ebx, 5\nint 0x30\n7: mov eax, 9\njmp 0x60:0");
    prepare(code->fault);
    c = kernel();
    c->ax = 0x11;
    run_code(c, code);
    check_equal("JMP there and back", c->bx, 5);
    check_equal("JMP back restores EAX", c->ax, 0x11);
    check_equal("JMP back marks the old task available", busy(TASK), false);
    check_equal("JMP back saves EAX", task.eax, 9);
    back();
}

static void call_and_return(void)
{
    const struct snippet *code = CODE("call 0x80:0\nmov ebx, 5\nint 0x30\n7: pushfd\npop edi\nstr eax\nmov edx, 0x123\niretd\nmov ebx, 6\nint 0x30");
    prepare(code->fault);
    struct context *c = kernel();
    run_code(c, code);
    check_equal("CALL and IRET", c->bx, 5);
    check_equal("CALL sets NT in the new task", task.edi & NT, NT);
    check_equal("CALL writes the link", task.link, MAIN_TSS);
    check_equal("CALL loads TR", task.eax, TASK);
    check_equal("IRET saves registers", task.edx, 0x123);
    check_equal("IRET clears NT in the saved EFLAGS", task.eflags & NT, 0);
    check_equal("IRET saves EIP behind it", task.eip, (u32)code->fault + 11);
    check_equal("IRET marks the task available", busy(TASK), false);
    check_equal("IRET leaves the old task busy", busy(MAIN_TSS), true);
    check_equal("IRET leaves NT clear", c->flags & NT, 0);
    check_equal("IRET restores ESP", c->sp, SNIPPET_STACK);
    back();
    code = CODE("call 0x80:0\nint 0x30\n7: int 0x30");
    prepare(code->fault);
    c = kernel();
    run_code(c, code);
    check_equal("CALL leaves the old task busy", busy(MAIN_TSS), true);
    check_equal("CALL marks the new task busy", busy(TASK), true);
    back();
    /* A second CALL goes on behind the IRET. */
    code = CODE("mov ecx, 3\n1: call 0x80:0\nloop 1b\nint 0x30\n7: inc ebx\niretd\njmp 7b");
    prepare(code->fault);
    task.ebx = 0;
    c = kernel();
    run_code(c, code);
    check_equal("a task goes on where it left", task.ebx, 3);
    back();
    /* Through a task gate, from CPL 3 into a task of CPL 0. */
    code = CODE("call 0x8b:0\nmov ebx, 5\nmov eax, cs\nint 0x30\n7: mov eax, cs\niretd");
    prepare(code->fault);
    c = user();
    run_code(c, code);
    check_equal("CALL through a task gate from CPL 3", c->bx, 5);
    check_equal("the task ran at CPL 0", task.eax, KERNEL_CODE);
    check_equal("IRET goes back to CPL 3", c->ax, USER_CODE32);
    check_equal("the old task's SS", main_tss.tss.ss, USER_DATA);
    back();
    code = CODE("jmp 0x8b:0\n7: int 0x30");
    prepare(code->fault);
    c = user();
    run_code(c, code);
    check_equal("JMP through a task gate", c->cs, KERNEL_CODE);
    back();
    /* A task of CPL 3 with an LDT. */
    u64 *ldt = alloc_page();
    ldt[1] = descriptor(0, 0xfffff, PRESENT | DPL3 | DATA_RW | flat);
    set_descriptor(MY_LDT, (u32)ldt, 4095, PRESENT | LDT);
    code = CODE("call 0x80:0\n7: mov eax, ds\nsldt ecx\nmov edx, cs\nmov ebx, [esp - 4]\nint 0x30");
    prepare(code->fault);
    task.cs = USER_CODE32;
    task.ss = task.ds = task.es = 0xf;
    task.ldt = MY_LDT;
    task.eflags = 2 | IOPL;
    c = kernel();
    run_code(c, code);
    check_equal("a task of CPL 3 ends", c->vector, END);
    check_equal("a task of CPL 3: DS from its LDT", c->ax, 0xf);
    check_equal("a task of CPL 3: LDTR", c->cx, MY_LDT);
    check_equal("a task of CPL 3: CS", c->dx, USER_CODE32);
    check_equal("a task of CPL 3: IOPL", c->flags & IOPL, IOPL);
    check_equal("a task of CPL 3: loads set accessed", ldt[1] >> 40 & 1, 1);
    back();
    /* A v86 task. */
    code = CODE16("7: mov ax, ds\nmov bx, cs\nint 0x30");
    prepare(code->fault);
    task.eflags = 2 | VM | IOPL;
    task.cs = task.ss = REAL_SEGMENT;
    task.ds = 0x1234;
    task.esp = REAL_STACK;
    c = kernel();
    run_code(c, CODE("call 0x80:0"));
    check_equal("a v86 task ends", c->vector, END);
    check_equal("a v86 task: VM", c->flags & VM, VM);
    check_equal("a v86 task: DS", c->ax & 0xffff, 0x1234);
    check_equal("a v86 task: CS", c->bx & 0xffff, REAL_SEGMENT);
    back();
}

static void interrupts(void)
{
    const struct snippet *code = CODE("int 0x60\nmov ebx, 5\nint 0x30\n7: mov eax, esp\niretd\njmp 7b");
    prepare(code->fault);
    set_idt_gate(0x60, TASK, 0, PRESENT | TASK_GATE | DPL3, 0);
    struct context *c = user();
    run_code(c, code);
    check_equal("INT through a task gate", c->bx, 5);
    check_equal("INT through a task gate pushes nothing", task.eax, (u32)task_stack + sizeof task_stack);
    check_equal("INT through a task gate saves EIP behind it", main_tss.tss.eip, (u32)code->start + 2);
    back();
    prepare(0);
    u32 count = 0;
    task.esi = (u32)&count;
    set_idt_gate(GP, TASK, 0, PRESENT | TASK_GATE, 0);
    c = user();
    /* The handler would be back for ever: it steps over the HLT. */
    code = CODE("mov ecx, 1\n1: hlt\nmov ebx, 5\nint 0x30\n7: pop edx\ninc dword ptr [esi]\ninc dword ptr [edi]\niretd\njmp 7b");
    task.eip = (u32)code->fault;
    task.edi = (u32)&main_tss.tss.eip;
    run_code(c, code);
    check_equal("a fault through a task gate", c->bx, 5);
    check_equal("a fault through a task gate: handled once", count, 1);
    check_equal("a fault through a task gate: error code on the new stack", task.edx, 0);
    check_equal("a fault saves EFLAGS with RF", main_tss.tss.eflags & RF, RF);
    reset_idt_gate(GP);
    back();
    set_idt_gate(0x60, KERNEL_DATA, 0, PRESENT | TASK_GATE | DPL3, 0);
    faults(user(), "INT, task gate to data", GP, KERNEL_DATA, "int 0x60");
    set_idt_gate(0x60, MAIN_TSS, 0, PRESENT | TASK_GATE | DPL3, 0);
    faults(user(), "INT, task gate to a busy task", GP, MAIN_TSS, "int 0x60");
    set_idt_gate(0x60, TASK, 0, PRESENT | TASK_GATE, 0);
    faults(user(), "INT, task gate of DPL 0", GP, 0x60 * 8 + 2, "int 0x60");
    set_idt_gate(0x60, TASK, 0, TASK_GATE | DPL3, 0);
    faults(user(), "INT, task gate not present", NP, 0x60 * 8 + 2, "int 0x60");
    set_idt_gate(0x60, TASK, 0, PRESENT | TASK_GATE | DPL3, 0);
    prepare(0);
    set_descriptor(TASK, (u32)&task, sizeof task - 1, TSS32);
    faults(user(), "INT, task gate to an absent TSS", NP, TASK, "int 0x60");
}

/* --- checks before the switch: delivered in the old task --- */

static void refusals(void)
{
    prepare(0);
    faults(user(), "CALL to a TSS of DPL 0 from CPL 3", GP, TASK, "call 0x83:0");
    faults(kernel(), "CALL to a TSS with RPL 3", GP, TASK, "call 0x83:0");
    faults(kernel(), "JMP to a busy TSS", GP, MAIN_TSS, "jmp 0x60:0");
    faults(kernel(), "CALL to a busy TSS", GP, MAIN_TSS, "call 0x60:0");
    set_descriptor(TASK, (u32)&task, sizeof task - 1, TSS32);
    faults(kernel(), "JMP to an absent TSS", NP, TASK, "jmp 0x80:0");
    set_descriptor(TASK, (u32)&task, 0x66, PRESENT | TSS32);
    faults(kernel(), "JMP to a TSS that is too short", TS, TASK, "jmp 0x80:0");
    set_descriptor(TASK, (u32)&task, 0x2a, PRESENT | TSS16);
    faults(kernel(), "JMP to a 16-bit TSS that is too short", TS, TASK, "jmp 0x80:0");
    check_equal("a refused TSS isn't busy", busy(TASK), false);
    check_equal("a refused switch leaves the old task busy", busy(MAIN_TSS), true);
    prepare(0);
    set_call_gate(GATE, TASK, 0, TASK_GATE | PRESENT, 0);
    faults(user(), "task gate of DPL 0 from CPL 3", GP, GATE, "call 0x8b:0");
    set_call_gate(GATE, TASK, 0, TASK_GATE | DPL3, 0);
    faults(user(), "task gate not present", NP, GATE, "call 0x8b:0");
    set_call_gate(GATE, TASK | 4, 0, TASK_GATE | PRESENT | DPL3, 0);
    faults(user(), "task gate to an LDT selector", GP, TASK | 4, "call 0x8b:0");
    set_call_gate(GATE, 0, 0, TASK_GATE | PRESENT | DPL3, 0);
    faults(user(), "task gate to null", GP, 0, "call 0x8b:0");
}

static void bad_links(void)
{
    main_tss.tss.link = TASK;
    faults(kernel(), "IRET to an available task", TS, TASK, "push 0x4002\npopfd\n7: iretd");
    main_tss.tss.link = KERNEL_DATA;
    faults(kernel(), "IRET to data", TS, KERNEL_DATA, "push 0x4002\npopfd\n7: iretd");
    main_tss.tss.link = 0;
    faults(kernel(), "IRET to a null link", TS, 0, "push 0x4002\npopfd\n7: iretd");
    main_tss.tss.link = 0x14;
    faults(kernel(), "IRET to an LDT selector", TS, 0x14, "push 0x4002\npopfd\n7: iretd");
    main_tss.tss.link = TASK;
    set_descriptor(TASK, (u32)&task, sizeof task - 1, TSS32_BUSY);
    faults(kernel(), "IRET to an absent task", NP, TASK, "push 0x4002\npopfd\n7: iretd");
    struct context *c = user();
    c->flags |= NT;
    main_tss.tss.link = 0;
    faults(c, "IRET with NT at CPL 3", TS, 0, "iretd");
}

/* --- faults in the new task --- */

static void in_new_task(const char *name, u8 vector, word error)
{
    use_recorder_task(vector);
    struct context *c = kernel();
    run_code(c, CODE("call 0x80:0"));
    check_equal(named("new task, %s", name), (u64)c->vector << 32 | c->error, (u64)vector << 32 | error);
    check_equal(named("new task, %s: EIP", name), c->ip, task.eip);
    reset_idt_gate(vector);
    back();
}

static void bad_tasks(void)
{
    static const struct { const char *name; u16 offset; u16 selector; u32 attributes; u8 vector; } cases[] = {
        {"CS null", offsetof(struct tss32, cs), 0, 0, TS},
        {"CS beyond the GDT", offsetof(struct tss32, cs), GDT_ENTRIES * 8, 0, TS},
        {"CS data", offsetof(struct tss32, cs), OTHER, PRESENT | DATA_RW, TS},
        {"CS of another DPL", offsetof(struct tss32, cs), OTHER, PRESENT | CODE_XR | DPL3, TS},
        {"CS conforming above RPL", offsetof(struct tss32, cs), OTHER, PRESENT | CODE_CONF | DPL3, TS},
        {"CS absent", offsetof(struct tss32, cs), OTHER, CODE_XR, NP},
        {"SS null", offsetof(struct tss32, ss), 0, 0, TS},
        {"SS beyond the GDT", offsetof(struct tss32, ss), GDT_ENTRIES * 8, 0, TS},
        {"SS read-only", offsetof(struct tss32, ss), OTHER, PRESENT | DATA_RO, TS},
        {"SS of another RPL", offsetof(struct tss32, ss), OTHER | 3, PRESENT | DATA_RW | DPL3, TS},
        {"SS of another DPL", offsetof(struct tss32, ss), OTHER, PRESENT | DATA_RW | DPL3, TS},
        {"SS absent", offsetof(struct tss32, ss), OTHER, DATA_RW, SS},
        {"DS beyond the GDT", offsetof(struct tss32, ds), GDT_ENTRIES * 8, 0, TS},
        {"ES execute-only", offsetof(struct tss32, es), OTHER, PRESENT | CODE_X, TS},
        {"FS a TSS", offsetof(struct tss32, fs), OTHER, PRESENT | TSS32, TS},
        {"GS absent", offsetof(struct tss32, gs), OTHER, DATA_RW, NP},
        {"DS with RPL above DPL", offsetof(struct tss32, ds), OTHER | 3, PRESENT | DATA_RW, TS},
        {"LDT beyond the GDT", offsetof(struct tss32, ldt), GDT_ENTRIES * 8, 0, TS},
        {"LDT data", offsetof(struct tss32, ldt), OTHER, PRESENT | DATA_RW, TS},
        {"LDT in the LDT", offsetof(struct tss32, ldt), 0xc, 0, TS},
        {"LDT absent", offsetof(struct tss32, ldt), OTHER, LDT, TS},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        prepare((void *)0x100100);
        if (cases[i].attributes)
            set_descriptor(OTHER, 0, 0xfffff, cases[i].attributes | flat);
        *(u16 *)((u8 *)&task + cases[i].offset) = cases[i].selector;
        in_new_task(cases[i].name, cases[i].vector, cases[i].selector & ~3);
    }
    prepare((void *)0x2000);
    set_descriptor(OTHER, 0, 0xfff, PRESENT | CODE_XR | BIG);
    task.cs = OTHER;
    in_new_task("EIP beyond the limit", GP, 0);
    /* The debug trap on entry. */
    prepare(0);
    const struct snippet *code = CODE("call 0x80:0\nint 0x30\n7: nop\nint 0x30");
    task.eip = (u32)code->fault;
    task.trap = 1;
    write_dr6(0);
    expect_fault("T bit traps on entry", kernel(), code, DB, 0);
    check_equal("T bit sets BT", read_dr6() & 0xf00f, 0x8000);
    write_dr6(0);
    back();
}

/* --- 16-bit TSS --- */

static void sixteen_bits(void)
{
    const struct snippet *code = CODE16("7: mov ax, cs\nmov bx, sp\npushf\npop dx\nint 0x30");
    prepare(0);
    task16 = (struct tss16){
        .ip = (u32)code->fault, .flags = 2, .sp = REAL_STACK, .cs = KERNEL_CODE16, .ss = KERNEL_DATA16, .ds = KERNEL_DATA16,
        .es = KERNEL_DATA16, .cx = 0x3333, .si = 0x4444, .ss0 = KERNEL_DATA16, .sp0 = REAL_STACK};
    set_descriptor(TASK, (u32)&task16, sizeof task16 - 1, PRESENT | TSS16);
    struct context *c = kernel();
    c->di = 0x12345678;
    run_code(c, CODE("call 0x80:0"));
    check_equal("16-bit TSS ends", c->vector, END);
    check_equal("16-bit TSS: CS", c->ax & 0xffff, KERNEL_CODE16);
    check_equal("16-bit TSS: CX", c->cx & 0xffff, 0x3333);
    check_equal("16-bit TSS: SP", c->bx & 0xffff, REAL_STACK);
    check_equal("16-bit TSS: NT", c->dx & NT, NT);
    check_equal("16-bit TSS: link", task16.link, MAIN_TSS);
    check_equal("16-bit TSS: FS", c->fs, 0);
    check_equal("16-bit TSS: busy", gdt[TASK / 8] >> 40 & 15, TSS16_BUSY);
    back();
    code = CODE16("7: mov cx, 0x777\niretw");
    task16.ip = (u32)code->fault;
    task16.sp = REAL_STACK;
    set_descriptor(TASK, (u32)&task16, sizeof task16 - 1, PRESENT | TSS16);
    c = kernel();
    c->bx = 0xabcdef01;
    expect_end("16-bit TSS and back", c, CODE("call 0x80:0"));
    check_equal("16-bit TSS saves CX", task16.cx, 0x777);
    check_equal("16-bit TSS: the old task keeps 32 bits", c->bx, 0xabcdef01);
    back();
}

/* --- with paging: CR3 is the task's --- */

static void address_spaces(void)
{
    u32 *one = alloc_page(), *two = alloc_page(), *private_table = alloc_page();
    u8 *frame_a = alloc_page(), *frame_b = alloc_page();
    for (u32 i = 0; i < 32; i++)
        one[i] = two[i] = i << 22 | 0x87;
    private_table[0] = (u32)frame_a | 7;
    u32 *other_table = alloc_page();
    other_table[0] = (u32)frame_b | 7;
    one[0x100] = (u32)private_table | 7;
    two[0x100] = (u32)other_table | 7;
    frame_a[0] = 1;
    frame_b[0] = 2;
    const struct snippet *code = CODE("mov edi, 0x40000000\nmov al, [edi]\ncall 0x80:0\nmov bl, [edi]\nint 0x30\n7: mov dl, [0x40000000]\niretd");
    write_cr4(read_cr4() | CR4_PSE);
    write_cr3((u32)one);
    write_cr0(read_cr0() | CR0_PG);
    prepare(code->fault);
    task.cr3 = (u32)two;
    main_tss.tss.cr3 = (u32)one;
    struct context *c = kernel();
    run_code(c, code);
    write_cr0(read_cr0() & ~CR0_PG);
    check_equal("the old task's memory", c->ax & 0xff, 1);
    check_equal("the new task's memory", task.edx & 0xff, 2);
    check_equal("the old task's memory again", c->bx & 0xff, 1);
    check_equal("CR3 is loaded, not saved", task.cr3, (u32)two);
    write_cr4(read_cr4() & ~CR4_PSE);
    back();
}

void program(void)
{
    jump();
    call_and_return();
    interrupts();
    refusals();
    bad_links();
    bad_tasks();
    sixteen_bits();
    address_spaces();
}
