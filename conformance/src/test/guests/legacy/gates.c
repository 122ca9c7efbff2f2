/* Call, interrupt and trap gates and the stacks they switch to: SDM Vol. 3, "Gate Descriptors". */
#include "guest.h"

#define SEL(n) (FREE_SELECTOR + 8 * (n))
#define GATE SEL(0)
#define TARGET SEL(1)
#define STACK SEL(2)
static u8 *page;
static const u32 flat = BIG | GRAN;
#define INNER_STACK ((u32)page + 0x3000)

static void define(u16 selector, u32 attributes)
{
    set_descriptor(selector, 0, 0xfffff, attributes | flat);
}

static void reset_stack(void)
{
    main_tss.tss.ss0 = KERNEL_DATA;
    main_tss.tss.esp0 = INNER_STACK;
}

/* --- call gates --- */

static void gate_fault(const char *name, struct context *c, u16 rpl, u8 vector, word error)
{
    *(u32 *)page = 0;
    *(u16 *)(page + 4) = GATE | rpl;
    c->bx = (u32)page;
    faults(c, named("call gate, %s", name), vector, error, "call fword ptr [ebx]");
}

static void call_gate_checks(void)
{
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | PRESENT, 0);
    gate_fault("DPL 0 from CPL 3", user(), 3, GP, GATE);
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | PRESENT | DPL2, 0);
    gate_fault("RPL above DPL", kernel(), 3, GP, GATE);
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | DPL3, 0);
    gate_fault("not present", user(), 3, NP, GATE);
    set_call_gate(GATE, 0, 0, CALL32 | PRESENT | DPL3, 0);
    gate_fault("null target", user(), 3, GP, 0);
    set_call_gate(GATE, GDT_ENTRIES * 8, 0, CALL32 | PRESENT | DPL3, 0);
    gate_fault("target beyond the GDT", user(), 3, GP, GDT_ENTRIES * 8);
    set_call_gate(GATE, KERNEL_DATA, 0, CALL32 | PRESENT | DPL3, 0);
    gate_fault("data target", user(), 3, GP, KERNEL_DATA);
    set_call_gate(GATE, GATE, 0, CALL32 | PRESENT | DPL3, 0);
    gate_fault("gate as target", user(), 3, GP, GATE);
    set_call_gate(GATE, TARGET, 0, CALL32 | PRESENT | DPL3, 0);
    define(TARGET, CODE_XR);
    gate_fault("absent target", user(), 3, NP, TARGET);
    define(TARGET, CODE_XR | PRESENT | DPL3);
    gate_fault("outer target", kernel(), 0, GP, TARGET);
    set_descriptor(TARGET, 0, 0xfff, CODE_XR | PRESENT | BIG);
    set_call_gate(GATE, TARGET, 0x1000, CALL32 | PRESENT | DPL3, 0);
    gate_fault("offset beyond the limit", user(), 3, GP, 0);
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | PRESENT | DPL3, 0);
    struct context *c = user();
    *(u32 *)page = 0;
    *(u16 *)(page + 4) = GATE | 3;
    c->bx = (u32)page;
    faults(c, "JMP through a gate can't change CPL", GP, KERNEL_CODE, "jmp fword ptr [ebx]");
    set_call_gate(GATE, KERNEL_CODE, 0, TASK_GATE | PRESENT | DPL3, 0);
    gate_fault("task gate to code", user(), 3, GP, KERNEL_CODE);
}

/* A fault in the new stack is delivered at CPL 0, which needs a good stack itself: with a task. */
static void call_gate_stacks(void)
{
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | PRESENT | DPL3, 0);
    static const struct { const char *name; u16 selector; u32 attributes; u8 vector; } cases[] = {
        {"SS0 null", 0, 0, TS},
        {"SS0 beyond the GDT", GDT_ENTRIES * 8, 0, TS},
        {"SS0 with RPL 3", STACK | 3, DATA_RW | PRESENT, TS},
        {"SS0 with DPL 3", STACK, DATA_RW | PRESENT | DPL3, TS},
        {"SS0 read-only", STACK, DATA_RO | PRESENT, TS},
        {"SS0 code", STACK, CODE_XR | PRESENT, TS},
        {"SS0 absent", STACK, DATA_RW, SS},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].attributes)
            define(STACK, cases[i].attributes);
        main_tss.tss.ss0 = cases[i].selector;
        use_recorder_task(cases[i].vector);
        gate_fault(cases[i].name, user(), 3, cases[i].vector, cases[i].selector & ~3);
        reset_idt_gate(cases[i].vector);
    }
    set_descriptor(STACK, (u32)page + 0x2000, 0xf, DATA_RW | PRESENT | BIG);
    main_tss.tss.ss0 = STACK;
    main_tss.tss.esp0 = 0x10;
    set_call_gate(GATE, KERNEL_CODE, 0, CALL32 | PRESENT | DPL3, 1);
    use_recorder_task(SS);
    gate_fault("no room on the new stack", user(), 3, SS, STACK);
    reset_idt_gate(SS);
    reset_stack();
}

static void call_gates(void)
{
    struct context *c = user();
    const struct snippet *code = CODE("push 0x11\npush 0x22\npush 0x33\ncall 0x80:0\njmp 1f\n"
                                      "7: mov eax, [esp]\nmov ecx, [esp + 4]\nmov edx, [esp + 8]\nmov ebx, [esp + 16]\n"
                                      "mov esi, [esp + 20]\nmov edi, [esp + 24]\nmov ebp, cs\nint 0x30\n1:");
    set_call_gate(GATE, KERNEL_CODE, (u32)code->fault, CALL32 | PRESENT | DPL3, 3);
    run_code(c, code);
    check_equal("call gate ends at CPL 0", c->bp, KERNEL_CODE);
    check_equal("call gate ends", c->vector, END);
    check_equal("call gate stack", c->sp, INNER_STACK - 7 * 4);
    check_equal("call gate pushes CS", c->cx & 0xffff, USER_CODE32);
    check_equal("call gate copies the last parameter", c->dx, 0x33);
    check_equal("call gate copies the first parameter", c->bx, 0x11);
    check_equal("call gate pushes ESP", c->si, USER_STACK - 12);
    check_equal("call gate pushes SS", c->di & 0xffff, USER_DATA);
    check_equal("call gate loads SS", c->ss, KERNEL_DATA);

    c = user();
    code = CODE("mov ebp, esp\npush 0x11\npush 0x22\npush 0x33\ncall 0x80:0\nsub ebp, esp\nmov ecx, cs\njmp 1f\n"
                "7: mov eax, 0x10\nmov es, eax\nmov eax, [esp + 8]\nretf 12\n1:");
    set_call_gate(GATE, KERNEL_CODE, (u32)code->fault, CALL32 | PRESENT | DPL3, 3);
    expect_end("call gate and RETF imm", c, code);
    check_equal("RETF releases the outer parameters", c->bp, 0);
    check_equal("RETF returns to CPL 3", c->cx, USER_CODE32);
    check_equal("RETF clears ES of DPL 0", c->es, 0);
    check_equal("RETF keeps EAX", c->ax, 0x33);

    c = user();
    code = CODE("pushw 0x4444\npushw 0x5555\ncall 0x80:0\njmp 1f\n"
                "7: movzx eax, word ptr [esp]\nmovzx ecx, word ptr [esp + 2]\nmovzx edx, word ptr [esp + 4]\nmovzx ebx, word ptr [esp + 6]\n"
                "movzx esi, word ptr [esp + 8]\nmovzx edi, word ptr [esp + 10]\nint 0x30\n1:");
    /* A 16-bit gate has 16 bits of offset: its code segment starts at the code. */
    set_descriptor(TARGET, (u32)code->fault, 0xffff, CODE_XR | PRESENT | BIG);
    set_call_gate(GATE, TARGET, 0, CALL16 | PRESENT | DPL3, 2);
    run_code(c, code);
    check_equal("16-bit call gate ends", c->vector, END);
    check_equal("16-bit call gate stack", c->sp, INNER_STACK - 12);
    check_equal("16-bit call gate pushes CS", c->cx, USER_CODE32);
    check_equal("16-bit call gate copies the last word", c->dx, 0x5555);
    check_equal("16-bit call gate copies the first word", c->bx, 0x4444);
    check_equal("16-bit call gate pushes SP", c->si, (USER_STACK - 4) & 0xffff);
    check_equal("16-bit call gate pushes SS", c->di, USER_DATA);

    c = user();
    code = CODE("call 0x80:0\njmp 1f\n7: pop eax\npop ecx\n1:");
    define(TARGET, CODE_CONF | PRESENT);
    set_call_gate(GATE, TARGET, (u32)code->fault, CALL32 | PRESENT | DPL3, 5);
    expect_end("call gate to conforming code", c, code);
    check_equal("call gate to conforming code keeps CPL", c->cs, TARGET | 3);
    check_equal("call gate to conforming code keeps the stack", c->sp, USER_STACK);
    c = kernel();
    code = CODE("call 0x80:0\njmp 1f\n7: pop eax\npop ecx\n1:");
    set_call_gate(GATE, KERNEL_CODE, (u32)code->fault, CALL32 | PRESENT | DPL3, 5);
    expect_end("call gate at CPL 0", c, code);
    check_equal("call gate at CPL 0 copies nothing", c->sp, SNIPPET_STACK);
    c = kernel();
    code = CODE("jmp 0x80:0\nud2\n7: nop");
    set_call_gate(GATE, KERNEL_CODE, (u32)code->fault, CALL32 | PRESENT | DPL3, 5);
    expect_end("JMP through a call gate", c, code);
    check_equal("JMP through a call gate keeps the stack", c->sp, SNIPPET_STACK);
    /* Ring 3 to ring 1, and on to ring 0. */
    define(TARGET, CODE_XR | PRESENT | DPL1);
    define(STACK, DATA_RW | PRESENT | DPL1);
    main_tss.tss.ss1 = STACK | 1;
    main_tss.tss.esp1 = (u32)page + 0x5000;
    c = user();
    code = CODE("call 0x80:0\njmp 1f\n7: mov eax, cs\nmov ecx, ss\nmov edx, esp\n1:");
    set_call_gate(GATE, TARGET, (u32)code->fault, CALL32 | PRESENT | DPL3, 0);
    expect_end("call gate to ring 1", c, code);
    check_equal("ring 1 CS", c->ax, TARGET | 1);
    check_equal("ring 1 SS", c->cx, STACK | 1);
    check_equal("ring 1 ESP", c->dx, (u32)page + 0x5000 - 16);
}

/* --- interrupt and trap gates --- */

#define V 0x60

static void interrupt_gate_checks(void)
{
    word code = vector_stub(V);
    set_idt_gate(V, KERNEL_CODE, code, PRESENT | INT32, 0);
    faults(user(), "INT n, gate DPL 0", GP, V * 8 + 2, "int 0x60");
    expect_trap("INT n at CPL 0", kernel(), CODE("int 0x60\n7:"), V);
    set_idt_gate(V, KERNEL_CODE, code, INT32 | DPL3, 0);
    faults(user(), "INT n, gate not present", NP, V * 8 + 2, "int 0x60");
    for (unsigned type = 0; type < 32; type++) {
        if (type == TASK_GATE || type == INT16 || type == TRAP16 || type == INT32 || type == TRAP32)
            continue;
        set_idt_gate(V, KERNEL_CODE, code, PRESENT | DPL3 | type, 0);
        faults(user(), named("INT n, gate of type %d", type), GP, V * 8 + 2, "int 0x60");
    }
    set_idt_gate(V, 0, code, PRESENT | INT32 | DPL3, 0);
    faults(user(), "INT n, null target", GP, 0, "int 0x60");
    set_idt_gate(V, GDT_ENTRIES * 8, code, PRESENT | INT32 | DPL3, 0);
    faults(user(), "INT n, target beyond the GDT", GP, GDT_ENTRIES * 8, "int 0x60");
    set_idt_gate(V, KERNEL_DATA, code, PRESENT | INT32 | DPL3, 0);
    faults(user(), "INT n, data target", GP, KERNEL_DATA, "int 0x60");
    set_idt_gate(V, TARGET, code, PRESENT | INT32 | DPL3, 0);
    define(TARGET, CODE_XR);
    faults(user(), "INT n, absent target", NP, TARGET, "int 0x60");
    define(TARGET, CODE_XR | PRESENT | DPL3);
    faults(kernel(), "INT n, outer target", GP, TARGET, "int 0x60");
    set_descriptor(TARGET, 0, 0xfff, CODE_XR | PRESENT | BIG);
    faults(user(), "INT n, offset beyond the limit", GP, 0, "int 0x60");
    load_idt(idt, V * 8 + 6);
    faults(user(), "INT n beyond the IDT", GP, V * 8 + 2, "int 0x60");
    load_idt(idt, V * 8 + 7);
    define(TARGET, CODE_XR | PRESENT);
    expect_trap("INT n at the end of the IDT", user(), CODE("int 0x60\n7:"), V);
    reload_idt();
    set_idt_gate(BP, KERNEL_CODE, vector_stub(BP), PRESENT | INT32, 0);
    faults(user(), "INT3, gate DPL 0", GP, BP * 8 + 2, "int3");
    faults(user(), "INT 3 of two bytes, gate DPL 0", GP, BP * 8 + 2, ".byte 0xcd, 3");
    reset_idt_gate(BP);
    set_idt_gate(OF, KERNEL_CODE, vector_stub(OF), PRESENT | INT32, 0);
    faults(user(), "INTO, gate DPL 0", GP, OF * 8 + 2, "mov al, 0x7f\ninc al\n7: into");
    reset_idt_gate(OF);
    expect_trap("INT1 ignores the gate's DPL", user(), CODE(".byte 0xf1\n7:"), DB);
    faults(user(), "UD2 ignores the gate's DPL", UD, 0, "ud2");
    /* An exception that can't be delivered says EXT. */
    set_idt_gate(UD, KERNEL_CODE, vector_stub(UD), INT32, 0);
    faults(user(), "#UD, gate not present", NP, UD * 8 + 3, "ud2");
    set_idt_gate(UD, 0, vector_stub(UD), PRESENT | INT32, 0);
    faults(user(), "#UD, null target", GP, 1, "ud2");
    set_idt_gate(UD, KERNEL_DATA, vector_stub(UD), PRESENT | INT32, 0);
    faults(user(), "#UD, data target", GP, KERNEL_DATA + 1, "ud2");
    reset_idt_gate(UD);
    struct context *c = user();
    const struct snippet *int13 = CODE("int 13\njmp 1f\n7: mov eax, [esp + 4]\niretd\n1:");
    set_idt_gate(GP, KERNEL_CODE, (u32)int13->fault, PRESENT | INT32 | DPL3, 0);
    expect_end("INT 13 pushes no error int13", c, int13);
    check_equal("INT 13 pushes CS after EIP", c->ax & 0xffff, USER_CODE32);
    reset_idt_gate(GP);
}

static void interrupt_stacks(void)
{
    set_idt_gate(V, KERNEL_CODE, vector_stub(V), PRESENT | INT32 | DPL3, 0);
    static const struct { const char *name; u16 selector; u32 attributes; u8 vector; } cases[] = {
        {"SS0 null", 0, 0, TS},
        {"SS0 with RPL 3", STACK | 3, DATA_RW | PRESENT, TS},
        {"SS0 with DPL 3", STACK, DATA_RW | PRESENT | DPL3, TS},
        {"SS0 read-only", STACK, DATA_RO | PRESENT, TS},
        {"SS0 absent", STACK, DATA_RW, SS},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].attributes)
            define(STACK, cases[i].attributes);
        main_tss.tss.ss0 = cases[i].selector;
        use_recorder_task(cases[i].vector);
        faults(user(), named("INT n, %s", cases[i].name), cases[i].vector, cases[i].selector & ~3, "int 0x60");
        reset_idt_gate(cases[i].vector);
    }
    for (unsigned i = 0; i < 2; i++) {
        main_tss.tss.ss0 = STACK | 3;
        use_recorder_task(i ? TS : DF);
        if (i)
            faults(user(), "#UD, SS0 with RPL 3", TS, STACK | 1, "ud2");
        else
            faults(user(), "#UD, SS0 with RPL 3, twice", DF, 0, "ud2");
        reset_idt_gate(i ? TS : DF);
    }
    reset_stack();
}

static void interrupt_gates(void)
{
    struct context *c = user();
    const struct snippet *code = CODE("int 0x60\njmp 1f\n7: pushfd\npop eax\nmov ecx, [esp]\nmov edx, [esp + 4]\nmov ebx, [esp + 8]\n"
                                      "mov esi, [esp + 12]\nmov edi, [esp + 16]\nmov ebp, esp\niretd\n1:");
    set_idt_gate(V, KERNEL_CODE, (u32)code->fault, PRESENT | INT32 | DPL3, 0);
    c->flags |= IF | AC_FLAG | DF_FLAG | CF;
    expect_end("interrupt gate and IRET", c, code);
    check_equal("interrupt gate clears IF, TF, NT, VM", c->ax & (IF | TF | NT | VM), 0);
    check_equal("interrupt gate keeps CF, DF, AC", c->ax & (CF | DF_FLAG | AC_FLAG), CF | DF_FLAG | AC_FLAG);
    check_equal("interrupt gate pushes EIP", c->cx, (u32)code->start + 2);
    check_equal("interrupt gate pushes CS", c->dx & 0xffff, USER_CODE32);
    check_equal("interrupt gate pushes EFLAGS", c->bx & (IF | CF | DF_FLAG), IF | CF | DF_FLAG);
    check_equal("interrupt gate pushes ESP", c->si, USER_STACK);
    check_equal("interrupt gate pushes SS", c->di & 0xffff, USER_DATA);
    check_equal("interrupt gate stack", c->bp, INNER_STACK - 20);
    check_equal("IRET restores IF", c->flags & IF, IF);
    c = user();
    code = CODE("int 0x60\njmp 1f\n7: pushfd\npop eax\niretd\n1:");
    set_idt_gate(V, KERNEL_CODE, (u32)code->fault, PRESENT | TRAP32 | DPL3, 0);
    c->flags |= IF;
    expect_end("trap gate", c, code);
    check_equal("trap gate keeps IF", c->ax & IF, IF);
    c = kernel();
    code = CODE("int 0x60\nmov ecx, esp\njmp 1f\n7: mov eax, esp\niretd\n1:");
    set_idt_gate(V, KERNEL_CODE, (u32)code->fault, PRESENT | INT32, 0);
    expect_end("interrupt gate at CPL 0", c, code);
    check_equal("interrupt gate at CPL 0 pushes 12 bytes", c->cx - c->ax, 12);
    c = user();
    code = CODE("int 0x60\njmp 1f\n7: movzx eax, word ptr [esp]\nmovzx ecx, word ptr [esp + 2]\nmovzx edx, word ptr [esp + 6]\n"
                "movzx esi, word ptr [esp + 8]\nmov ebp, esp\nint 0x30\n1:");
    set_descriptor(TARGET, (u32)code->fault, 0xffff, CODE_XR | PRESENT | BIG);
    set_idt_gate(V, TARGET, 0, PRESENT | INT16 | DPL3, 0);
    run_code(c, code);
    check_equal("16-bit interrupt gate ends", c->vector, END);
    check_equal("16-bit interrupt gate pushes IP", c->ax, ((u32)code->start + 2) & 0xffff);
    check_equal("16-bit interrupt gate pushes CS", c->cx, USER_CODE32);
    check_equal("16-bit interrupt gate pushes SP", c->dx, USER_STACK & 0xffff);
    check_equal("16-bit interrupt gate pushes SS", c->si, USER_DATA);
    check_equal("16-bit interrupt gate stack", c->bp, INNER_STACK - 10);
    define(TARGET, CODE_CONF | PRESENT);
    c = user();
    code = CODE("int 0x60\njmp 1f\n7: mov eax, cs\nmov ecx, esp\n1:");
    set_idt_gate(V, TARGET, (u32)code->fault, PRESENT | INT32 | DPL3, 0);
    expect_end("interrupt gate to conforming code", c, code);
    check_equal("interrupt gate to conforming code keeps CPL", c->ax, TARGET | 3);
    check_equal("interrupt gate to conforming code keeps the stack", c->cx, USER_STACK - 12);
    define(TARGET, CODE_XR | PRESENT | DPL1);
    define(STACK, DATA_RW | PRESENT | DPL1);
    main_tss.tss.ss1 = STACK | 1;
    main_tss.tss.esp1 = (u32)page + 0x5000;
    c = user();
    code = CODE("int 0x60\njmp 1f\n7: mov eax, cs\nmov ecx, ss\nmov edx, esp\n1:");
    set_idt_gate(V, TARGET, (u32)code->fault, PRESENT | INT32 | DPL3, 0);
    expect_end("interrupt gate to ring 1", c, code);
    check_equal("interrupt to ring 1 CS", c->ax, TARGET | 1);
    check_equal("interrupt to ring 1 SS", c->cx, STACK | 1);
    check_equal("interrupt to ring 1 ESP", c->dx, (u32)page + 0x5000 - 20);
}

/* --- SYSENTER and SYSEXIT --- */

static void sysenter(void)
{
    wrmsr(0x174, 0);
    faults(user(), "SYSENTER without CS", GP, 0, "sysenter");
    faults(kernel(), "SYSEXIT without CS", GP, 0, "sysexit");
    const struct snippet *code = CODE("sysenter\nud2\n7: mov eax, cs\nmov ecx, ss\nmov edx, esp\npushfd\npop ebx");
    wrmsr(0x174, KERNEL_CODE);
    wrmsr(0x175, INNER_STACK);
    wrmsr(0x176, (u32)code->fault);
    struct context *c = user();
    c->flags |= IF;
    expect_end("SYSENTER", c, code);
    check_equal("SYSENTER CS", c->ax, KERNEL_CODE);
    check_equal("SYSENTER SS", c->cx, KERNEL_DATA);
    check_equal("SYSENTER ESP", c->dx, INNER_STACK);
    check_equal("SYSENTER clears IF", c->bx & IF, 0);
    c = kernel();
    c->cx = USER_STACK;
    runs(c, "SYSEXIT", "lea edx, [1f]\nsysexit\nud2\n1: mov eax, cs\nmov ebx, ss");
    check_equal("SYSEXIT CS", c->ax, KERNEL_CODE + 16 + 3);
    check_equal("SYSEXIT SS", c->bx, KERNEL_CODE + 24 + 3);
    check_equal("SYSEXIT ESP", c->sp, USER_STACK);
}

void program(void)
{
    page = alloc_pages(32);
    reset_stack();
    call_gate_checks();
    call_gate_stacks();
    call_gates();
    interrupt_gate_checks();
    interrupt_stacks();
    interrupt_gates();
    sysenter();
}
