/* 64-bit and compatibility mode: SDM Vol. 3, "IA-32e Mode", and Vol. 2, the system calls. */
#include "guest.h"

#define SEL(n) (FREE_SELECTOR + 8 * (n))
#define STAR 0xc0000081u
#define LSTAR 0xc0000082u
#define CSTAR 0xc0000083u
#define FMASK 0xc0000084u
#define FS_BASE 0xc0000100u
#define GS_BASE 0xc0000101u
#define KERNEL_GS_BASE 0xc0000102u
#define NON_CANONICAL 0x0000800000000000ull
#define LAST_CANONICAL 0x00007fffffffffffull
static u8 *page;

static void canonical(void)
{
    static const u64 addresses[] = {NON_CANONICAL, 0xffff7fffffffffffull, 0x8000000000000000ull, 0x7fffffffffffffffull};
    for (unsigned i = 0; i < 4; i++) {
        struct context *c = user();
        c->ax = addresses[i];
        faults(c, named("read of %llx", addresses[i]), GP, 0, "mov cl, [rax]");
        c = user();
        c->ax = addresses[i];
        faults(c, named("write of %llx", addresses[i]), GP, 0, "mov [rax], cl");
        c = user();
        c->bp = addresses[i];
        faults(c, named("RBP-based read of %llx", addresses[i]), SS, 0, "mov cl, [rbp]");
        c = user();
        c->ax = addresses[i];
        faults(c, named("jump to %llx", addresses[i]), GP, 0, "jmp rax");
        c = user();
        c->ax = addresses[i];
        faults(c, named("call of %llx", addresses[i]), GP, 0, "call rax");
        check_equal(named("call of %llx pushes nothing", addresses[i]), c->sp, USER_STACK + USER_ALIAS);
        c = user();
        c->ax = addresses[i];
        faults(c, named("return to %llx", addresses[i]), GP, 0, "push rax\n7: ret");
        c = user();
        c->sp = addresses[i] + 8;
        faults(c, named("push at %llx", addresses[i]), SS, 0, "push rax");
        c = user();
        c->sp = addresses[i];
        faults(c, named("RSP-based read of %llx", addresses[i]), SS, 0, "mov cl, [rsp]");
        c = user();
        c->bp = addresses[i];
        faults(c, named("RBP as index of %llx", addresses[i]), GP, 0, "mov cl, [rbp * 1 + 0]");
    }
    struct context *c = user();
    c->ax = LAST_CANONICAL;
    expect_page_fault("last canonical byte of the lower half", c, CODE("mov cl, [rax]"), PF_U, LAST_CANONICAL);
    c = user();
    c->ax = LAST_CANONICAL;
    faults(c, "word across the end of the lower half", GP, 0, "mov cx, [rax]");
    c = user();
    c->bp = LAST_CANONICAL - 2;
    faults(c, "doubleword across the end, by RBP", SS, 0, "mov ecx, [rbp]");
    c = user();
    c->ax = 0xffff800000000000ull;
    expect_page_fault("first canonical byte of the upper half", c, CODE("mov cl, [rax]"), PF_U, 0xffff800000000000ull);
    c = user();
    c->ax = NON_CANONICAL;
    faults(c, "DS override changes nothing", GP, 0, "mov cl, ds:[rax]");
    c = user();
    c->ax = NON_CANONICAL;
    faults(c, "GS override raises #GP", GP, 0, "mov cl, gs:[rax]");
    c = user();
    c->bp = NON_CANONICAL;
    faults(c, "FS override of RBP raises #GP", GP, 0, "mov cl, fs:[rbp]");
    c = user();
    c->di = NON_CANONICAL;
    faults(c, "STOSB", GP, 0, "stosb");
    c = user();
    c->si = NON_CANONICAL;
    c->cx = 0;
    runs(c, "REP LODSB with count 0", "rep lodsb");
    c = user();
    c->ax = NON_CANONICAL;
    runs(c, "LEA and NOP don't care", "lea rcx, [rax]\nnop dword ptr [rax]");
    c = user();
    c->ax = NON_CANONICAL;
    runs(c, "32-bit address size truncates", "mov ecx, [esp]\nlea ecx, [eax]");
    c = user();
    c->ax = 0xffffffff00000000ull + (word)page + USER_ALIAS;
    runs(c, "32-bit address size reads", "mov ecx, [eax]");
    runs(kernel(), "INVLPG of a non-canonical address is a NOP", "mov rax, 0x800000000000\ninvlpg [rax]");
}

static void undefined_in_64_bit(void)
{
    static const struct { const char *name; u8 code[4]; } cases[] = {
        {"PUSH ES", {0x06}}, {"POP ES", {0x07}}, {"PUSH CS", {0x0e}}, {"PUSH SS", {0x16}}, {"POP SS", {0x17}},
        {"PUSH DS", {0x1e}}, {"POP DS", {0x1f}}, {"DAA", {0x27}}, {"DAS", {0x2f}}, {"AAA", {0x37}}, {"AAS", {0x3f}},
        {"PUSHA", {0x60}}, {"POPA", {0x61}}, {"82 /0", {0x82, 0xc0, 0x00}}, {"CALL ptr16:32", {0x9a}},
        {"JMP ptr16:32", {0xea}}, {"INTO", {0xce}}, {"AAM", {0xd4, 0x0a}}, {"AAD", {0xd5, 0x0a}}, {"SALC", {0xd6}},
        {"UD0", {0x0f, 0xff, 0xc0}}, {"UD1", {0x0f, 0xb9, 0xc0}}, {"UD2", {0x0f, 0x0b}},
        {"LDS or a VEX prefix with LOCK", {0xf0, 0xc5, 0xf8, 0x77}}, {"FF /7", {0xff, 0xf8}}, {"FE /2", {0xfe, 0xd0}},
        {"8F /1", {0x8f, 0xc8}}, {"C6 /1", {0xc6, 0xc8}}, {"0F C7 /0", {0x0f, 0xc7, 0xc0}},
    };
    const struct snippet *code = CODE("nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset((u8 *)code->start, 0x90, 16);
        memcpy((u8 *)code->start, cases[i].code, 4);
        if (!cases[i].code[1]) /* what follows one byte may be its operand */
            memset((u8 *)code->start + 1, 0x90, 15);
        expect_fault(named("%s is undefined", cases[i].name), user(), code, UD, 0);
    }
    struct context *c = user();
    runs(c, "MOVSXD", "mov eax, 0x80000000\nmovsxd rcx, eax");
    check_equal("MOVSXD value", c->cx, 0xffffffff80000000ull);
    c = user();
    c->ax = -1ull;
    runs(c, "32-bit results clear the upper half", "mov eax, eax");
    check_equal("32-bit result", c->ax, 0xffffffff);
    c = user();
    c->ax = -1ull;
    runs(c, "CMOV that doesn't move clears as well", "cmp eax, eax\ncmovne eax, ecx");
    check_equal("CMOV result", c->ax, 0xffffffff);
    c = user();
    runs(c, "ES base counts for nothing", "mov rax, es:[rsp]\nmov rax, ss:[rsp]");
    c = user();
    c->ds = c->es = 0;
    runs(c, "null DS is usable", "mov rax, ds:[rsp]");
}

static void segments(void)
{
    struct context *c = kernel();
    runs(c, "SS null at CPL 0", "xor eax, eax\nmov ss, eax\npush 0x10\npop rax\nmov ss, eax");
    faults(user(), "SS null RPL 3 at CPL 3", GP, 0, "mov eax, 3\n7: mov ss, eax");
    faults(user(), "SS null at CPL 3", GP, 0, "xor eax, eax\n7: mov ss, eax");
    faults(kernel(), "SS null RPL 1 at CPL 0", GP, 0, "mov eax, 1\n7: mov ss, eax");
    set_descriptor(SEL(0), 0, 0xfffff, PRESENT | CODE_XR | LONG | BIG | GRAN);
    c = kernel();
    c->ax = SEL(0);
    *(u64 *)page = 0;
    *(u16 *)(page + 4) = SEL(0);
    c->bx = (u64)page;
    faults(c, "JMP to code with L and D", GP, SEL(0), "jmp fword ptr [rbx]");
    set_descriptor(SEL(0), 0x1234, 0, PRESENT | CODE_XR | LONG);
    c = kernel();
    c->bx = (u64)page;
    const struct snippet *code = CODE("jmp fword ptr [rbx]\nud2\n7: mov eax, cs");
    *(u32 *)page = (u64)code->fault;
    expect_end("64-bit code ignores base and limit", c, code);
    check_equal("64-bit far jump", c->ax, SEL(0));
    c = kernel();
    c->bx = (u64)page;
    *(u64 *)page = NON_CANONICAL;
    *(u16 *)(page + 8) = KERNEL_CODE;
    faults(c, "far jump to a non-canonical address", GP, 0, "rex64 ljmp [rbx]");
    c = kernel();
    c->bx = (u64)page;
    faults(c, "far call to a non-canonical address", GP, 0, "rex64 lcall [rbx]");
    c = kernel();
    c->bx = (u64)page;
    *(u64 *)page = 0;
    *(u16 *)(page + 8) = 0;
    faults(c, "far jump to null", GP, 0, "rex64 ljmp [rbx]");
    set_descriptor(SEL(0), (u64)page, 0, PRESENT | DATA_RW | DPL3);
    c = user();
    page[0x50] = 0x44;
    c->ax = SEL(0);
    gdt[SEL(0) / 8] = descriptor((u64)page + USER_ALIAS, 0, PRESENT | DATA_RW | DPL3);
    runs(c, "FS keeps its base, not its limit", "mov fs, eax\nmov cl, fs:[0x50]");
    check_equal("FS-based read", c->cx & 0xff, 0x44);
    check_equal("FS base in its MSR", rdmsr(FS_BASE), (u64)page + USER_ALIAS);
    c = user();
    c->ax = SEL(0);
    runs(c, "base of GS of 32 bits", "mov gs, eax\nmov cl, gs:[0x50]");
    check_equal("GS-based read", c->cx & 0xff, 0x44);
    set_descriptor(SEL(2), (u64)page, 0xfff, PRESENT | LDT);
    gdt[SEL(3) / 8] = 0xffff8000;
    c = kernel();
    c->ax = SEL(2);
    runs(c, "LLDT takes a base of 64 bits", "lldt ax");
    c = kernel();
    expect_page_fault("LDT in the upper half", c, CODE("mov eax, 0xc\n7: mov es, eax"), 0, 0xffff800000000000ull + (word)page + 8);
    gdt[SEL(3) / 8] = 0x00008000;
    c = kernel();
    c->ax = SEL(2);
    faults(c, "LLDT with a non-canonical base", GP, SEL(2), "lldt ax");
    gdt[SEL(3) / 8] = 0x0000090000000000;
    runs(kernel(), "LLDT null", "xor eax, eax\nlldt ax");
    set_descriptor(SEL(2), (u64)page, 0x67, PRESENT | TSS32);
    gdt[SEL(3) / 8] = 0x00008000;
    c = kernel();
    c->ax = SEL(2);
    faults(c, "LTR with a non-canonical base", GP, SEL(2), "ltr ax");
    set_descriptor(SEL(2), (u64)page, 0x67, PRESENT | TSS16);
    c = kernel();
    c->ax = SEL(2);
    faults(c, "LTR of a 16-bit TSS", GP, SEL(2), "ltr ax");
    c = kernel();
    c->ax = MAIN_TSS;
    faults(c, "LTR of a busy TSS", GP, MAIN_TSS, "ltr ax");
    /* GDTR and IDTR */
    c = kernel();
    c->bx = (u64)page;
    *(u16 *)page = 0x7ff;
    *(u64 *)(page + 2) = NON_CANONICAL;
    faults(c, "LGDT with a non-canonical base", GP, 0, "lgdt [rbx]");
    c = kernel();
    c->bx = (u64)page;
    faults(c, "LIDT with a non-canonical base", GP, 0, "lidt [rbx]");
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    memset(page, 0xee, 16);
    runs(c, "SGDT stores 10 bytes", "sgdt [rbx]");
    check_equal("SGDT base", *(u64 *)(page + 2), (u64)gdt);
    check_equal("SGDT limit", *(u16 *)page, GDT_ENTRIES * 8 - 1);
    check_equal("SGDT leaves the rest", *(u16 *)(page + 10), 0xeeee);
}

/* --- far transfers between the modes, IRET --- */

static void mode_changes(void)
{
    struct context *c = kernel();
    c->bx = (u64)page;
    const struct snippet *code = CODE("mov rax, 0x123456789abcdef0\njmp fword ptr [rbx]\n.code32\n7: dec eax\nmov ecx, cs\nmov edx, ss\npushfd\npop esi\n"
                                      ".byte 0xea\n.long 1f\n.short 8\n.code64\n1: mov ebp, cs");
    *(u32 *)page = (u64)code->fault;
    *(u16 *)(page + 4) = KERNEL_CODE32;
    run_code(c, code);
    check_equal("64-bit, compatibility, 64-bit ends", c->vector, END);
    check_equal("compatibility mode decodes 48 as DEC", c->ax & 0xffffffff, 0x9abcdeef);
    check_equal("compatibility CS", c->cx, KERNEL_CODE32);
    check_equal("back in 64-bit code", c->bp, KERNEL_CODE);
    c = user();
    runs(c, "far return to compatibility mode and back",
        "push 0x1b\nlea rax, [1f + rip]\npush rax\nretfq\n.code32\n1: mov eax, esp\npush 0x2b\ncall 2f\n2: add dword ptr [esp], 3f - 2b\nretf\n.code64\n3: mov ecx, cs");
    check_equal("and back in 64-bit code", c->cx, USER_CODE64);
    c = user32();
    faults32(c, "16-bit data at 4 GiB", GP, 0, "mov eax, 0x80\nmov es, eax\n7: mov al, es:[0x1000]");
    c = user32();
    set_descriptor(SEL(0), (u64)page + USER_ALIAS, 0xff, PRESENT | DATA_RW | DPL3 | BIG);
    c->es = SEL(0) | 3;
    faults32(c, "compatibility mode checks limits", GP, 0, "mov eax, es:[0xfd]");
    c = user32();
    c->es = 0;
    faults32(c, "compatibility mode checks null", GP, 0, "mov eax, es:[0x10]");
    c = user32();
    c->es = SEL(0) | 3;
    runs32(c, "compatibility mode adds bases", "mov dword ptr es:[0x20], 0x77665544");
    check_equal("compatibility base", *(u32 *)(page + 0x20), 0x77665544);
    c = user32();
    runs32(c, "compatibility mode: 32-bit instructions", "pushad\npopad\npush es\npop es\ninc eax\naaa\nmov al, 0x7f\nadd al, 0\ninto");
    expect_trap("compatibility mode: INTO", user32(), CODE32("mov al, 0x7f\nadd al, 1\ninto\n7:"), OF);
    c = user32();
    c->r8 = 0x1111222233334444ull;
    runs32(c, "compatibility mode keeps R8", "mov eax, 1");
    check_equal("R8", c->r8, 0x1111222233334444ull);
    /* A wrap at 4 GiB */
    c = user32();
    c->bx = (u32)(0 - 16);
    c->si = (u32)((u64)page + USER_ALIAS + 0x20 + 16);
    runs32(c, "compatibility addresses wrap at 4 GiB", "mov eax, [ebx + esi]");
    check_equal("wrapped read", c->ax, 0x77665544);

    /* IRET */
    c = kernel();
    runs(c, "IRETQ in 64-bit mode always pops SS and RSP",
        "mov rdx, rsp\nmov eax, ss\npush rax\npush rdx\npushfq\nmov eax, cs\npush rax\nlea rax, [1f + rip]\npush rax\niretq\n1: sub rdx, rsp");
    check_equal("IRETQ balances", c->dx, 0);
    c = kernel();
    runs(c, "IRETQ with null SS at CPL 0",
        "mov rdx, rsp\npush 0\npush rdx\npushfq\nmov eax, cs\npush rax\nlea rax, [1f + rip]\npush rax\niretq\n1: mov ecx, ss\nmov eax, 0x10\nmov ss, eax");
    check_equal("IRETQ loads null SS", c->cx, 0);
    faults(kernel(), "IRETQ with null SS to CPL 3 in 32-bit code", GP, 0, "push 3\npush 0\npush 2\npush 0x1b\npush 0\n7: iretq");
    faults(kernel(), "IRETQ with null SS to CPL 3", GP, 0, "push 3\npush 0\npush 2\npush 0x2b\npush 0\n7: iretq");
    faults(kernel(), "IRETQ to null CS", GP, 0, "push 0x10\npush 0\npush 2\npush 0\npush 0\n7: iretq");
    faults(kernel(), "IRETQ to data", GP, KERNEL_DATA, "push 0x10\npush 0\npush 2\npush 0x10\npush 0\n7: iretq");
    faults(kernel(), "IRETQ to a non-canonical RIP", GP, 0, "push 0x10\npush 0\npush 2\npush 8\nmov rax, 0x800000000000\npush rax\n7: iretq");
    faults(user(), "IRETQ to a lower RPL", GP, KERNEL_CODE, "push 0x10\npush 0\npush 2\npush 8\npush 0\n7: iretq");
    faults(kernel(), "IRETQ with NT", GP, 0, "push 0x4002\npopfq\npush 0x10\npush 0\npush 2\npush 8\npush 0\n7: iretq");
    c = kernel();
    c->cx = USER_STACK + USER_ALIAS;
    run_code(c, CODE("sub rsp, 24\nmov dword ptr [rsp + 16], 0x23\nmov [rsp + 12], ecx\nmov dword ptr [rsp + 8], 2\n"
                     "mov dword ptr [rsp + 4], 0x2b\nlea eax, [1f + rip + 0x40000000]\nmov [rsp], eax\niretd\n1: mov eax, 5"));
    check_equal("IRETD to CPL 3", c->ax, 5);
    check_equal("IRETD to CPL 3: CS", c->cs, USER_CODE64);
}

/* --- SYSCALL, SYSRET, SYSENTER, SYSEXIT --- */

static void system_calls(void)
{
    wrmsr(STAR, (u64)0x1b << 48 | (u64)KERNEL_CODE << 32);
    wrmsr(FMASK, IF | DF_FLAG | CF);
    struct context *c = user();
    const struct snippet *code = CODE("syscall\n1: ud2\n7: mov eax, cs\nmov edx, ss\npushfq\npop rbx\nmov rsi, rsp\nmov rsp, rdi\nint 0x30");
    wrmsr(LSTAR, (u64)code->fault);
    c->flags |= IF | CF | DF_FLAG | ZF;
    c->di = SNIPPET_STACK;
    c->sp = SNIPPET_STACK;
    run_code(c, code);
    check_equal("SYSCALL ends", c->vector, END);
    check_equal("SYSCALL CS", c->ax, KERNEL_CODE);
    check_equal("SYSCALL SS", c->dx, KERNEL_DATA);
    check_equal("SYSCALL puts RIP in RCX", c->cx, (u64)code->start + USER_ALIAS + 2);
    check_equal("SYSCALL puts RFLAGS in R11", c->r11 & (IF | CF | DF_FLAG | ZF), IF | CF | DF_FLAG | ZF);
    check_equal("SYSCALL masks RFLAGS", c->bx & (IF | CF | DF_FLAG | ZF), ZF);
    check_equal("SYSCALL keeps RSP", c->si, SNIPPET_STACK);

    c = kernel();
    c->cx = (u64)CODE("mov eax, cs\nmov edx, ss\npushfq\npop rbx\nint 0x30")->start + USER_ALIAS;
    c->r11 = IF | CF | VM | RF | 0xffffffff00000000ull;
    c->si = USER_STACK + USER_ALIAS;
    run_code(c, CODE("mov rsp, rsi\nsysretq"));
    check_equal("SYSRETQ ends", c->vector, END);
    check_equal("SYSRETQ CS", c->cs, USER_CODE64);
    check_equal("SYSRETQ SS", c->dx, USER_DATA);
    check_equal("SYSRETQ RFLAGS", c->bx & (IF | CF | VM | RF), IF | CF);
    c = kernel();
    c->cx = 0xffffffff00000000ull + (u64)CODE32("mov eax, cs\nmov edx, ss\nint 0x30")->start + USER_ALIAS;
    c->r11 = 2;
    c->si = USER_STACK + USER_ALIAS;
    run_code(c, CODE("mov rsp, rsi\nsysretd"));
    check_equal("SYSRETD ends", c->vector, END);
    check_equal("SYSRETD CS", c->cs, USER_CODE32);
    check_equal("SYSRETD SS", c->dx, USER_DATA);
    c = kernel();
    c->cx = NON_CANONICAL;
    c->r11 = 2;
    faults(c, "SYSRETQ to a non-canonical address", GP, 0, "sysretq");
    check_equal("SYSRETQ that faults stays at CPL 0", c->cs, KERNEL_CODE);
    faults(user(), "SYSRET at CPL 3", GP, 0, "sysretq");
    wrmsr(EFER, rdmsr(EFER) & ~EFER_SCE);
    faults(user(), "SYSCALL without SCE", UD, 0, "syscall");
    faults(kernel(), "SYSRET without SCE", UD, 0, "sysretq");
    wrmsr(EFER, rdmsr(EFER) | EFER_SCE);
    c = kernel();
    c->ax = c->dx = 0x8000;
    c->cx = LSTAR;
    faults(c, "LSTAR must be canonical", GP, 0, "wrmsr");
    faults32(user32(), "SYSCALL in compatibility mode", UD, 0, "syscall");

    /* SYSENTER */
    code = CODE("sysenter\nud2\n7: mov eax, cs\nmov edx, ss\nmov rsi, rsp\npushfq\npop rbx\nint 0x30");
    wrmsr(0x174, KERNEL_CODE);
    wrmsr(0x175, SNIPPET_STACK);
    wrmsr(0x176, (u64)code->fault);
    c = user();
    c->flags |= IF | ZF;
    run_code(c, code);
    check_equal("SYSENTER ends", c->vector, END);
    check_equal("SYSENTER CS", c->ax, KERNEL_CODE);
    check_equal("SYSENTER SS", c->dx, KERNEL_DATA);
    check_equal("SYSENTER RSP", c->si, SNIPPET_STACK);
    check_equal("SYSENTER clears IF only", c->bx & (IF | ZF), ZF);
    c = user32();
    run_code(c, CODE32("sysenter\nud2"));
    check_equal("SYSENTER from compatibility mode", c->ax, KERNEL_CODE);
    set_descriptor(SEL(0), 0, 0xfffff, PRESENT | CODE_XR | LONG | GRAN | DPL3);
    c = kernel();
    c->dx = (u64)CODE("mov eax, cs\nmov ebx, ss\nint 0x30")->start + USER_ALIAS;
    c->cx = USER_STACK + USER_ALIAS;
    wrmsr(0x174, KERNEL_CODE); /* 64-bit CS at +32, SS at +40 */
    run_code(c, CODE("sysexitq"));
    check_equal("SYSEXITQ ends", c->vector, END);
    check_equal("SYSEXITQ CS", c->cs, KERNEL_CODE + 32 + 3);
    check_equal("SYSEXITQ SS", c->bx, KERNEL_CODE + 40 + 3);
    check_equal("SYSEXITQ RSP", c->sp, USER_STACK + USER_ALIAS);
    c = kernel();
    c->dx = (u64)CODE32("mov eax, cs\nmov ebx, ss\nint 0x30")->start + USER_ALIAS + 0x100000000ull;
    c->cx = USER_STACK + USER_ALIAS;
    run_code(c, CODE("sysexitd"));
    check_equal("SYSEXIT to 32 bits ends", c->vector, END);
    check_equal("SYSEXIT to 32 bits CS", c->cs, KERNEL_CODE + 16 + 3);
    c = kernel();
    c->dx = NON_CANONICAL;
    faults(c, "SYSEXITQ to a non-canonical address", GP, 0, "sysexitq");
    c = kernel();
    c->cx = NON_CANONICAL;
    faults(c, "SYSEXITQ with a non-canonical stack", GP, 0, "sysexitq");
    wrmsr(0x174, 0);
    faults(user(), "SYSENTER without CS", GP, 0, "sysenter");
    faults(kernel(), "SYSEXIT without CS", GP, 0, "sysexitd");
    c = kernel();
    c->ax = c->dx = 0x8000;
    c->cx = 0x176;
    faults(c, "SYSENTER_EIP must be canonical", GP, 0, "wrmsr");
}

/* --- SWAPGS, FSGSBASE --- */

static void bases(void)
{
    wrmsr(KERNEL_GS_BASE, 0x2222000);
    struct context *c = kernel();
    runs(c, "SWAPGS", "mov ecx, 0xc0000101\nmov edx, 0x1111\nmov eax, 0x5000\nwrmsr\n.byte 0x0f, 0x01, 0xf8\nrdmsr");
    check_equal("SWAPGS loads the other base", c->ax, 0x2222000);
    check_equal("SWAPGS keeps the old base", rdmsr(KERNEL_GS_BASE), 0x111100005000);
    faults(user(), "SWAPGS at CPL 3", GP, 0, ".byte 0x0f, 0x01, 0xf8");
    faults32(kernel32(), "SWAPGS outside 64-bit mode", UD, 0, ".byte 0x0f, 0x01, 0xf8");
    c = kernel();
    c->ax = c->dx = 0x8000;
    c->cx = GS_BASE;
    faults(c, "GS_BASE must be canonical", GP, 0, "wrmsr");
    c = kernel();
    c->ax = c->dx = 0x8000;
    c->cx = KERNEL_GS_BASE;
    faults(c, "KERNEL_GS_BASE must be canonical", GP, 0, "wrmsr");
    write_cr4(read_cr4() & ~CR4_FSGSBASE);
    faults(user(), "RDFSBASE without CR4.FSGSBASE", UD, 0, "rdfsbase rax");
    if (!(cpuid(7, 0).b & 1)) {
        skip("FSGSBASE", "not in CPUID");
        return;
    }
    write_cr4(read_cr4() | CR4_FSGSBASE);
    c = user();
    c->ax = 0x123456789000ull;
    c->bx = 0xffffffff12345678ull;
    runs(c, "WRFSBASE and RDFSBASE", "wrfsbase rax\nrdfsbase rcx\nwrgsbase ebx\nrdgsbase rdx\nrdfsbase esi");
    check_equal("RDFSBASE", c->cx, 0x123456789000ull);
    check_equal("WRGSBASE of 32 bits", c->dx, 0x12345678);
    check_equal("RDFSBASE of 32 bits", c->si, 0x56789000);
    c = user();
    c->ax = NON_CANONICAL;
    faults(c, "WRFSBASE of a non-canonical base", GP, 0, "wrfsbase rax");
    faults32(user32(), "RDFSBASE outside 64-bit mode", UD, 0, ".byte 0xf3, 0x0f, 0xae, 0xc0");
    c = user();
    runs(c, "null in GS clears its base", "mov eax, 0x5000\nwrgsbase rax\nxor eax, eax\nmov gs, eax\nrdgsbase rcx");
    check_equal("base after null in GS", c->cx, 0);
    write_cr4(read_cr4() & ~CR4_FSGSBASE);
}

/* --- the IDT of 64-bit mode --- */

static void interrupts(void)
{
    const u8 v = 0x60;
    static u8 ist[4096] __attribute__((aligned(16)));
    struct context *c = user();
    const struct snippet *code = CODE("int 0x60\njmp 1f\n7: mov rax, rsp\nmov ecx, ss\nmov rdx, [rsp + 24]\nmov rbx, [rsp + 32]\niretq\n1:");
    set_idt_gate(v, KERNEL_CODE, (u64)code->fault, PRESENT | INT32 | DPL3, 0);
    main_tss.tss.rsp[0] = (u64)ist + sizeof ist - 7;
    expect_end("interrupt without IST", c, code);
    check_equal("RSP0 is aligned to 16", c->ax, (((u64)ist + sizeof ist - 7) & ~15ull) - 40);
    check_equal("SS is null with RPL 0", c->cx, 0);
    check_equal("interrupt pushes RSP", c->dx, USER_STACK + USER_ALIAS);
    check_equal("interrupt pushes SS", c->bx, USER_DATA);
    c = kernel();
    c->sp = SNIPPET_STACK + 9;
    code = CODE("int 0x60\njmp 1f\n7: mov rax, rsp\nmov ecx, ss\nmov rdx, [rsp + 24]\nmov rbx, [rsp + 32]\niretq\n1:");
    set_idt_gate(v, KERNEL_CODE, (u64)code->fault, PRESENT | INT32 | DPL3, 0);
    expect_end("interrupt at CPL 0 aligns and pushes SS:RSP", c, code);
    check_equal("aligned frame", c->ax, ((SNIPPET_STACK + 9) & ~15ull) - 40);
    check_equal("pushed RSP", c->dx, SNIPPET_STACK + 9);
    check_equal("SS unchanged at CPL 0", c->cx, KERNEL_DATA);
    main_tss.tss.ist[6] = (u64)ist + 2048;
    set_idt_gate(v, KERNEL_CODE, (u64)code->fault, PRESENT | INT32 | DPL3, 7);
    c = kernel();
    expect_end("IST 7 at CPL 0", c, code);
    check_equal("IST 7 stack", c->ax, (u64)ist + 2048 - 40);
    main_tss.tss.ist[6] = NON_CANONICAL;
    faults(kernel(), "non-canonical IST", SS, 0, "int 0x60");
    set_idt_gate(v, KERNEL_CODE32, vector_stub(v), PRESENT | INT32 | DPL3, 0);
    faults(kernel(), "gate to compatibility code", GP, KERNEL_CODE32, "int 0x60");
    set_idt_gate(v, KERNEL_CODE, NON_CANONICAL, PRESENT | INT32 | DPL3, 1);
    faults(kernel(), "gate to a non-canonical address", GP, 0, "int 0x60");
    for (unsigned type = 0; type < 16; type++) {
        if (type == INT32 || type == TRAP32)
            continue;
        set_idt_gate(v, KERNEL_CODE, vector_stub(v), PRESENT | DPL3 | type, 1);
        faults(user(), named("gate of type %d", type), GP, v * 8 + 2, "int 0x60");
    }
    set_idt_gate(v, KERNEL_CODE, vector_stub(v), INT32 | DPL3, 1);
    faults(user(), "gate not present", NP, v * 8 + 2, "int 0x60");
    set_idt_gate(v, KERNEL_CODE, vector_stub(v), PRESENT | INT32, 1);
    faults(user(), "gate of DPL 0", GP, v * 8 + 2, "int 0x60");
    faults32(user32(), "gate of DPL 0 from compatibility mode", GP, v * 8 + 2, "int 0x60");
    load_idt(idt, v * 16 + 14);
    faults(user(), "beyond the IDT", GP, v * 8 + 2, "int 0x60");
    reload_idt();
    set_idt_gate(v, KERNEL_CODE, vector_stub(v), PRESENT | INT32 | DPL3, 1);
    expect_trap("from compatibility mode", user32(), CODE32("int 0x60\n7:"), v);

    /* Call gates of 16 bytes. */
    code = CODE("lcall [rbx]\njmp 1f\n7: mov rax, rsp\nmov rdx, [rsp + 16]\nmov ebp, ss\nretfq\n1:");
    set_call_gate(SEL(4), KERNEL_CODE, (u64)code->fault, CALL32 | PRESENT | DPL3, 0);
    *(u64 *)page = 0;
    *(u16 *)(page + 4) = SEL(4) | 3;
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    main_tss.tss.rsp[0] = (u64)ist + 4096;
    expect_end("64-bit call gate", c, code);
    check_equal("64-bit call gate pushes 32 bytes", c->ax, (u64)ist + 4096 - 32);
    check_equal("64-bit call gate pushes RSP", c->dx, USER_STACK + USER_ALIAS);
    check_equal("64-bit call gate loads null SS", c->bp, 0);
    set_call_gate(SEL(4), KERNEL_CODE32, (u64)code->fault, CALL32 | PRESENT | DPL3, 0);
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    faults(c, "call gate to compatibility code", GP, KERNEL_CODE32, "lcall [rbx]");
    set_call_gate(SEL(4), KERNEL_CODE, (u64)code->fault, CALL32 | PRESENT | DPL3, 0);
    gdt[SEL(5) / 8] |= 1ull << 40;
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    faults(c, "call gate with a type in its upper half", GP, SEL(4), "lcall [rbx]");
    set_call_gate(SEL(4), KERNEL_CODE, (u64)code->fault, CALL16 | PRESENT | DPL3, 0);
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    faults(c, "16-bit call gate", GP, SEL(4), "lcall [rbx]");
    set_call_gate(SEL(4), KERNEL_CODE, (u64)code->fault, TASK_GATE | PRESENT | DPL3, 0);
    c = user();
    c->bx = (u64)page + USER_ALIAS;
    faults(c, "task gate", GP, SEL(4), "lcall [rbx]");
    *(u16 *)(page + 4) = MAIN_TSS | 3;
    c = kernel();
    c->bx = (u64)page;
    faults(c, "TSS", GP, MAIN_TSS, "lcall [rbx]");
}

/* --- leaving long mode, and what CR0, CR4, EFER allow meanwhile --- */

static void control(void)
{
    faults(kernel(), "PAE can't go in long mode", GP, 0, "mov rax, cr4\nbtr rax, 5\n7: mov cr4, rax");
    faults(kernel(), "LME can't change with paging", GP, 0, "mov ecx, 0xc0000080\nrdmsr\nbtr eax, 8\n7: wrmsr");
    faults(kernel(), "PG can't go in 64-bit code", GP, 0, "mov rax, cr0\nbtr eax, 31\n7: mov cr0, rax");
    faults(kernel(), "PE can't go with PG", GP, 0, "mov rax, cr0\nbtr eax, 0\n7: mov cr0, rax");
    faults(kernel(), "NW needs CD", GP, 0, "mov rax, cr0\nbtr eax, 30\nbts eax, 29\n7: mov cr0, rax");
    faults(kernel(), "upper CR0 is reserved", GP, 0, "mov rax, cr0\nbts rax, 32\n7: mov cr0, rax");
    faults(kernel(), "upper CR4 is reserved", GP, 0, "mov rax, cr4\nbts rax, 63\n7: mov cr4, rax");
    faults(kernel(), "CR4 bit 15 is reserved", GP, 0, "mov rax, cr4\nbts rax, 15\n7: mov cr4, rax");
    faults(kernel(), "CR8 has 4 bits", GP, 0, "mov eax, 16\n7: mov cr8, rax");
    faults(kernel(), "CR3 beyond the physical address width", GP, 0, "mov rax, cr3\nbts rax, 60\n7: mov cr3, rax");
    faults(kernel(), "CR3 bit 63", GP, 0, "mov rax, cr3\nbts rax, 63\n7: mov cr3, rax");
    faults(kernel(), "EFER reserved bits", GP, 0, "mov ecx, 0xc0000080\nrdmsr\nbts eax, 1\n7: wrmsr");
    faults(kernel(), "CR1 is undefined", UD, 0, ".byte 0x0f, 0x20, 0xc8");
    faults(kernel(), "CR5 is undefined", UD, 0, ".byte 0x0f, 0x22, 0xe8");
    faults(kernel(), "LOCK MOV CR is undefined", UD, 0, ".byte 0xf0, 0x0f, 0x20, 0xc0");
    struct context *c = kernel();
    runs(c, "CR0 reserved bits of the lower half are ignored", "mov rax, cr0\nbts eax, 6\nmov cr0, rax\nmov rcx, cr0");
    check_equal("CR0 bit 6", c->cx & 0x40, 0);
    check_equal("EFER.LMA", rdmsr(EFER) & EFER_LMA, EFER_LMA);
    c = kernel();
    runs(c, "LMA is read-only", "mov ecx, 0xc0000080\nrdmsr\nbtr eax, 10\nwrmsr\nrdmsr");
    check_equal("LMA stays", c->ax & EFER_LMA, EFER_LMA);
    c = kernel();
    c->flags = 2;
    runs(c, "LMSW can't clear PE", "smsw eax\nand eax, 0xfffe\nlmsw ax\nmov rcx, cr0");
    check_equal("PE after LMSW", c->cx & 1, 1);
    /* Through compatibility code to paging off and back. */
    c = kernel32();
    runs32(c, "PG off leaves IA-32e mode and back",
        "mov eax, cr0\nbtr eax, 31\nmov cr0, eax\nmov ecx, 0xc0000080\nrdmsr\nmov ebx, eax\nmov eax, cr0\nbts eax, 31\nmov cr0, eax");
    check_equal("LMA clear without paging", c->bx & EFER_LMA, 0);
    c = kernel32();
    runs32(c, "PG without PAE with LME",
        "mov eax, cr0\nbtr eax, 31\nmov cr0, eax\nmov ecx, cr4\nmov edx, ecx\nbtr ecx, 5\nmov cr4, ecx\nmov cr4, edx\nmov eax, cr0\nbts eax, 31\nmov cr0, eax");
    /* A 64-bit TSS must be loaded: 64-bit mode has no other way in. */
    check_equal("TR", ({ u32 tr; asm volatile("str %0" : "=r"(tr)); tr; }), MAIN_TSS);
}

void program(void)
{
    page = alloc_pages(2);
    canonical();
    undefined_in_64_bit();
    segments();
    mode_changes();
    system_calls();
    bases();
    interrupts();
    control();
}
