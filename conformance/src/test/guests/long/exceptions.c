/* Exceptions: what they push, which comes first, how two combine: SDM Vol. 3, "Interrupt and Exception Handling". */
#include "guest.h"

#define NOWHERE 0x8000000000ull /* not mapped */
static u8 *page;

static void returns(void)
{
    struct context *c = user();
    faults(c, "divide error", DE, 0, "xor ecx, ecx\n7: div ecx");
    check_equal("a fault pushes RF", c->flags & RF, RF);
    faults(user(), "divide overflow", DE, 0, "mov edx, 1\nmov eax, 0\nmov ecx, 1\n7: div ecx");
    faults(user(), "IDIV overflow of 64 bits", DE, 0, "xor edx, edx\nmov rax, 0x8000000000000000\ncqo\nmov rcx, -1\n7: idiv rcx");
    faults(user(), "IDIV overflow of 8 bits", DE, 0, "mov ax, 0xff80\nmov cl, -1\n7: idiv cl");
    c = user();
    expect_trap("INT3", c, CODE("int3\n7:"), BP);
    check_equal("a trap pushes no RF", c->flags & RF, 0);
    c = user();
    expect_trap("INT n", c, CODE("int 0x30\n7:"), END);
    check_equal("INT n pushes no RF", c->flags & RF, 0);
    c = user();
    faults(c, "UD2", UD, 0, "ud2");
    c = user();
    expect_page_fault("page fault", c, CODE("mov rax, 0x8000000000\n7: mov [rax], cl"), PF_U | PF_W, NOWHERE);
    check_equal("a page fault pushes RF", c->flags & RF, RF);
    expect_trap("INT1", user(), CODE(".byte 0xf1\n7:"), DB);
    faults(user(), "15 bytes and one", GP, 0, ".rept 15\n.byte 0x2e\n.endr\nnop");
    runs(user(), "15 bytes", ".rept 14\n.byte 0x2e\n.endr\nnop");
    c = user();
    c->cx = 5;
    c->di = (u64)page + 4088 + USER_ALIAS;
    c->flags |= CF | ZF | SF;
    faults(c, "flags survive a fault", UD, 0, "stc\n7: ud2");
    check_equal("flags in the frame", c->flags & (CF | ZF | SF), CF | ZF | SF);
    c = user();
    c->ax = 5;
    expect_page_fault("ADD to nowhere", c, CODE("mov rbx, 0x8000000000\n7: add [rbx], eax"), PF_U | PF_W, NOWHERE);
    check_equal("flags unchanged by a fault", c->flags & (ZF | CF | PF_FLAG), 0);
    c = user();
    c->ax = 0x1234;
    expect_page_fault("XCHG with nowhere", c, CODE("mov rbx, 0x8000000000\n7: xchg [rbx], rax"), PF_U | PF_W, NOWHERE);
    check_equal("XCHG that faults keeps its register", c->ax, 0x1234);
    c = user();
    c->bx = NOWHERE;
    faults(c, "CALL through nowhere", PF, PF_U, "call [rbx]");
    check_equal("CALL that faults pushes nothing", c->sp, USER_STACK + USER_ALIAS);
    c = user();
    c->bx = NOWHERE;
    faults(c, "POP to nowhere", PF, PF_U | PF_W, "push rax\n7: pop [rbx]");
    check_equal("POP that faults leaves RSP", c->sp, USER_STACK + USER_ALIAS - 8);
    c = user();
    c->bx = NOWHERE;
    c->dx = 5;
    faults(c, "XADD with nowhere", PF, PF_U | PF_W, "xadd [rbx], rdx");
    check_equal("XADD that faults keeps its register", c->dx, 5);
    c = user();
    c->bp = NOWHERE + 8;
    faults(c, "LEAVE from nowhere", PF, PF_U, "leave");
    check_equal("LEAVE that faults leaves RSP", c->sp, USER_STACK + USER_ALIAS);
    c = user();
    c->bx = NOWHERE;
    faults(c, "CMPXCHG16B misaligned before it is missing", GP, 0, "cmpxchg16b [rbx + 8]");
    c = user();
    c->bx = NOWHERE;
    faults(c, "MOVAPS misaligned before it is missing", GP, 0, "movaps xmm0, [rbx + 4]");
    c = user();
    c->bx = NOWHERE;
    faults(c, "MOVUPS", PF, PF_U, "movups xmm0, [rbx + 4]");
    c = user();
    c->sp = NOWHERE;
    faults(c, "MOVAPS by RSP misaligned", GP, 0, "movaps xmm0, [rsp + 4]");
}

/* --- which of several comes first --- */

static void priorities(void)
{
    struct context *c = user();
    c->ax = 0x800000000000ull;
    faults(c, "privilege before the operand", GP, 0, "lgdt [rax]");
    faults(user(), "#UD before #GP of privilege: MOV CR1", UD, 0, ".byte 0x0f, 0x20, 0xc8");
    faults(user(), "#UD of LOCK before the page fault", UD, 0, "mov rbx, 0x8000000000\n7: .byte 0xf0, 0x8b, 0x03");
    faults(user(), "#UD before #NM", UD, 0, ".byte 0x0f, 0x0b");
    write_cr0(read_cr0() | CR0_TS);
    faults(user(), "#NM before the page fault", NM, 0, "mov rbx, 0x8000000000\n7: movups xmm0, [rbx]");
    faults(user(), "#NM before #GP of alignment", NM, 0, "movaps xmm0, [rsp + 4]");
    faults(user(), "#UD of LOCK before #NM", UD, 0, ".byte 0xf0, 0x0f, 0x10, 0x03");
    write_cr0(read_cr0() & ~CR0_TS);
    faults(user(), "length before #UD", GP, 0, ".rept 15\n.byte 0x2e\n.endr\nud2");
    faults(user(), "HLT at CPL 3", GP, 0, "hlt");
    c = user();
    c->dx = 0x80;
    c->di = NOWHERE;
    faults(c, "#GP of the port before the page fault of INS", GP, 0, "insb");
    c = user();
    c->ax = NOWHERE;
    faults(c, "the source of MOVS first", PF, PF_U, "mov rsi, rax\nlea rdi, [rax + 4096]\n7: movsb");
    check_equal("the source of MOVS first: CR2", c->cr2, NOWHERE);
    c = user();
    c->bx = NOWHERE;
    faults(c, "divisor's page fault before the divide error", PF, PF_U, "xor edx, edx\n7: div dword ptr [rbx]");
    /* A trap of the instruction before comes before a fault of the next. */
    c = user();
    c->flags |= TF;
    faults(c, "single step before the next instruction's fault", DB, 0, "nop\n7: ud2");
    write_dr6(0);
    c = user();
    c->flags |= TF;
    faults(c, "a fault before its own single step", UD, 0, "ud2");
    check_equal("TF is in the frame", c->flags & TF, TF);
}

/* --- two at once --- */

static void absent(u8 vector)
{
    set_idt_gate(vector, KERNEL_CODE, vector_stub(vector), INT32 | (vector == BP ? DPL3 : 0), 1);
}

static void no_stack(u8 vector)
{
    main_tss.tss.ist[1] = NOWHERE;
    set_idt_gate(vector, KERNEL_CODE, vector_stub(vector), PRESENT | INT32 | (vector == BP ? DPL3 : 0), 2);
}

#define EVENT(name) static const struct snippet *name(void)
EVENT(divide) { return CODE("xor ecx, ecx\n7: div ecx"); }
EVENT(undefined) { return CODE("ud2"); }
EVENT(general) { return CODE("hlt"); }
EVENT(missing) { return CODE("mov rcx, 0x8000000000\n7: mov al, [rcx]"); }
EVENT(breakpoint) { return CODE("int3"); }

static void combinations(void)
{
    static const struct { const char *name; const struct snippet *(*code)(void); u8 vector; u8 with_np; u8 with_pf; word ext; } cases[] = {
        {"#DE", divide, DE, DF, PF, 1},
        {"#UD", undefined, UD, NP, PF, 1},
        {"#GP", general, GP, DF, PF, 1},
        {"#PF", missing, PF, DF, DF, 1},
        {"#BP", breakpoint, BP, NP, PF, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        u8 v = cases[i].vector;
        absent(v);
        struct context *c = user();
        word error = cases[i].with_np == DF ? 0 : v * 8 + 2 + cases[i].ext;
        expect_fault(named("%s, then #NP", cases[i].name), c, cases[i].code(), cases[i].with_np, error);
        no_stack(v);
        c = user();
        run_code(c, cases[i].code());
        check_equal(named("%s, then #PF", cases[i].name), c->vector << 16 | c->error,
            (word)cases[i].with_pf << 16 | (v == PF ? 0 : PF_W));
        check_equal(named("%s, then #PF: CR2", cases[i].name), c->cr2, NOWHERE - 8);
        reset_idt_gate(v);
    }
    /* #DF pushes an error code of zero and CS:RIP of where it began. */
    absent(GP);
    struct context *c = user();
    run_code(c, general());
    check_equal("#DF error code", c->vector << 16 | c->error, DF << 16);
    reset_idt_gate(GP);
    /* Contributory, then a page fault whose delivery succeeds: the page fault alone, which returns to the instruction. */
    no_stack(GP);
    c = user();
    const struct snippet *code = general();
    run_code(c, code);
    check_equal("the page fault's frame points to the first instruction", c->ip, (u64)code->start + USER_ALIAS);
    check_equal("the page fault during delivery is the supervisor's", c->error & PF_U, 0);
    reset_idt_gate(GP);
    main_tss.tss.ist[1] = 0;
}

/* --- NMI, interrupt shadows --- */

static void pend(u8 vector)
{
    apic_send(apic_read(APIC_ID) >> 24, 0x4000 | vector);
}

static void end_of_interrupt(void)
{
    for (int i = 0; i < 8; i++)
        apic_eoi();
}

static void shadows(void)
{
    apic_enable();
    const u8 v = 0x50;
    pend(v);
    struct context *c = kernel();
    expect_fault("STI holds an interrupt for one instruction", c, CODE("nop\nsti\nnop\n7: nop"), v, 0);
    end_of_interrupt();
    pend(v);
    c = kernel();
    expect_end("STI, CLI lets none through", c, CODE("sti\ncli\nnop\nnop"));
    c = kernel();
    expect_fault("POPF holds nothing", c, CODE("push 0x202\npopfq\n7: nop"), v, 0);
    end_of_interrupt();
    pend(v);
    c = kernel();
    expect_fault("IRETQ holds nothing", c,
        CODE("mov rdx, rsp\nmov eax, ss\npush rax\npush rdx\npush 0x202\nmov eax, cs\npush rax\nlea rax, [7f + rip]\npush rax\niretq\n7: nop"), v, 0);
    end_of_interrupt();
    pend(v);
    c = kernel();
    expect_fault("STI with IF set holds nothing more", c, CODE("mov eax, ss\nsti\nnop\n7: sti\nnop"), v, 0);
    end_of_interrupt();
    c = kernel();
    c->flags |= IF;
    pend(v);
    expect_fault("an interrupt at once", c, CODE("nop"), v, 0);
    end_of_interrupt();
    check_equal("an interrupt pushes no RF", c->flags & RF, 0);
    pend(v);
    c = kernel();
    expect_fault("STI, HLT wakes", c, CODE("sti\nhlt\n7: nop"), v, 0);
    end_of_interrupt();
    /* An interrupt between two iterations. */
    u8 *from = alloc_pages(16), *to = alloc_pages(16);
    pend(v);
    c = kernel();
    c->si = (u64)from;
    c->di = (u64)to;
    c->cx = 0xffff;
    run_code(c, CODE("sti\nrep movsb\n7: nop"));
    check_equal("REP MOVSB takes the interrupt", c->vector, v);
    if (c->cx)
        check_equal("an interrupt between iterations pushes RF", c->flags & RF, RF);
    check_equal("REP MOVSB registers agree", c->di - (u64)to, 0xffff - c->cx);
    check_equal("REP MOVSB registers agree on the source", c->si - (u64)from, 0xffff - c->cx);
    end_of_interrupt();
    /* TPR */
    apic_write(APIC_TPR, 0x50);
    pend(v);
    c = kernel();
    expect_end("TPR masks its own class", c, CODE("sti\nnop\nnop\ncli"));
    c = kernel();
    expect_fault("CR8 lowers the TPR", c, CODE("sti\nnop\nmov eax, 4\nmov cr8, rax\n7: nop"), v, 0);
    check_equal("CR8 is the TPR's upper half", apic_read(APIC_TPR), 0x40);
    end_of_interrupt();
    apic_write(APIC_TPR, 0);
}

static void nmi(void)
{
    apic_enable();
    u32 self = apic_read(APIC_ID) >> 24;
    struct context *c = kernel();
    c->bx = APIC_ADDRESS + APIC_ICR;
    apic_write(APIC_ICR_HIGH, self << 24);
    run_code(c, CODE("mov dword ptr [rbx], 0x4400\n1: pause\njmp 1b"));
    check_equal("NMI with IF clear", c->vector, NMI);
    /* The run ended without IRET: the next one waits for the IRET that enters the next context. */
    apic_send(self, 0x4400);
    apic_send(self, 0x4400);
    c = kernel();
    expect_fault("IRET ends NMI blocking", c, CODE("nop"), NMI, 0);
    c = kernel();
    expect_end("one more is all that was held", c, CODE("nop\nnop"));
}

/* --- alignment check --- */

static void alignment(void)
{
    u64 p = (u64)page + USER_ALIAS;
    write_cr0(read_cr0() | CR0_AM);
    static const struct { const char *name; u8 code[8]; u8 offset; bool checked; } cases[] = {
        {"word at 1", {0x66, 0x8b, 0x0b, 0x90, 0x90, 0x90, 0x90}, 1, true},
        {"doubleword at 2", {0x8b, 0x0b, 0x90, 0x90, 0x90, 0x90, 0x90}, 2, true},
        {"doubleword at 4", {0x8b, 0x0b, 0x90, 0x90, 0x90, 0x90, 0x90}, 4, false},
        {"quadword at 4", {0x48, 0x8b, 0x0b, 0x90, 0x90, 0x90, 0x90}, 4, true},
        {"byte at 1", {0x8a, 0x0b, 0x90, 0x90, 0x90, 0x90, 0x90}, 1, false},
        {"doubleword write at 1", {0x89, 0x0b, 0x90, 0x90, 0x90, 0x90, 0x90}, 1, true},
        {"MOVUPS at 1 or 4", {0x0f, 0x10, 0x03, 0x90, 0x90, 0x90, 0x90}, 16, false},
    };
    const struct snippet *code = CODE("nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy((u8 *)code->start, cases[i].code, 7);
        struct context *c = user();
        c->bx = p + cases[i].offset;
        c->flags |= AC_FLAG;
        if (cases[i].checked)
            expect_fault(named("#AC, %s", cases[i].name), c, code, AC, 0);
        else
            expect_end(named("#AC, not for %s", cases[i].name), c, code);
        c = user();
        c->bx = p + cases[i].offset;
        expect_end(named("#AC, not without AC: %s", cases[i].name), c, code);
    }
    struct context *c = kernel();
    c->bx = (u64)page + 1;
    c->flags |= AC_FLAG;
    runs(c, "#AC, not at CPL 0", "mov ecx, [rbx]");
    c = user();
    c->flags |= AC_FLAG;
    c->sp -= 4;
    faults(c, "#AC of PUSH", AC, 0, "push rax");
    c = user();
    c->flags |= AC_FLAG;
    c->bx = NOWHERE + 1;
    run_code(c, CODE("mov ecx, [rbx]"));
    check_equal("#AC before #PF", c->vector, AC);
    c = user();
    c->flags |= AC_FLAG;
    c->si = p + 1;
    c->di = p + 64;
    c->cx = 2;
    faults(c, "#AC of MOVSW", AC, 0, "rep movsw");
    check_equal("#AC of MOVSW: RCX", c->cx, 2);
    write_cr0(read_cr0() & ~CR0_AM);
    c = user();
    c->flags |= AC_FLAG;
    c->bx = p + 1;
    runs(c, "#AC, not without CR0.AM", "mov ecx, [rbx]");
}

/* --- LOCK --- */

static void lock_prefix(void)
{
    static const struct { const char *name; u8 code[6]; bool allowed; } cases[] = {
        {"ADD m, r", {0xf0, 0x01, 0x03, 0x90, 0x90, 0x90}, true},
        {"ADD r, m", {0xf0, 0x03, 0x03, 0x90, 0x90, 0x90}, false},
        {"ADD r, r", {0xf0, 0x01, 0xc0, 0x90, 0x90, 0x90}, false},
        {"ADD eax, imm", {0xf0, 0x05, 0, 0, 0, 0}, false},
        {"CMP m, r", {0xf0, 0x39, 0x03, 0x90, 0x90, 0x90}, false},
        {"CMP m, imm", {0xf0, 0x83, 0x3b, 0, 0x90, 0x90}, false},
        {"SUB m, imm", {0xf0, 0x83, 0x2b, 0, 0x90, 0x90}, true},
        {"MOV m, r", {0xf0, 0x89, 0x03, 0x90, 0x90, 0x90}, false},
        {"XCHG m, r", {0xf0, 0x87, 0x03, 0x90, 0x90, 0x90}, true},
        {"XCHG r, r", {0xf0, 0x87, 0xc3, 0x90, 0x90, 0x90}, false},
        {"TEST m, r", {0xf0, 0x85, 0x03, 0x90, 0x90, 0x90}, false},
        {"NOT m", {0xf0, 0xf7, 0x13, 0x90, 0x90, 0x90}, true},
        {"NEG m", {0xf0, 0xf7, 0x1b, 0x90, 0x90, 0x90}, true},
        {"MUL m", {0xf0, 0xf7, 0x23, 0x90, 0x90, 0x90}, false},
        {"INC m", {0xf0, 0xff, 0x03, 0x90, 0x90, 0x90}, true},
        {"DEC m", {0xf0, 0xfe, 0x0b, 0x90, 0x90, 0x90}, true},
        {"PUSH m", {0xf0, 0xff, 0x33, 0x90, 0x90, 0x90}, false},
        {"SHL m", {0xf0, 0xd1, 0x23, 0x90, 0x90, 0x90}, false},
        {"BT m, r", {0xf0, 0x0f, 0xa3, 0x03, 0x90, 0x90}, false},
        {"BTS m, r", {0xf0, 0x0f, 0xab, 0x03, 0x90, 0x90}, true},
        {"BT m, imm", {0xf0, 0x0f, 0xba, 0x23, 0, 0x90}, false},
        {"BTC m, imm", {0xf0, 0x0f, 0xba, 0x3b, 0, 0x90}, true},
        {"CMPXCHG m, r", {0xf0, 0x0f, 0xb1, 0x03, 0x90, 0x90}, true},
        {"CMPXCHG r, r", {0xf0, 0x0f, 0xb1, 0xc3, 0x90, 0x90}, false},
        {"CMPXCHG8B m", {0xf0, 0x0f, 0xc7, 0x0b, 0x90, 0x90}, true},
        {"XADD m, r", {0xf0, 0x0f, 0xc1, 0x03, 0x90, 0x90}, true},
        {"SHLD m, r", {0xf0, 0x0f, 0xa4, 0x03, 1, 0x90}, false},
        {"MOVSB", {0xf0, 0xa4, 0x90, 0x90, 0x90, 0x90}, false},
        {"NOP", {0xf0, 0x90, 0x90, 0x90, 0x90, 0x90}, false},
        {"MFENCE", {0xf0, 0x0f, 0xae, 0xf0, 0x90, 0x90}, false},
        {"LEA", {0xf0, 0x8d, 0x03, 0x90, 0x90, 0x90}, false},
        {"CPUID", {0xf0, 0x0f, 0xa2, 0x90, 0x90, 0x90}, false},
        {"MOVAPS", {0xf0, 0x0f, 0x28, 0x03, 0x90, 0x90}, false},
        {"FLD", {0xf0, 0xd9, 0x03, 0x90, 0x90, 0x90}, false},
        {"JMP", {0xf0, 0xeb, 0x00, 0x90, 0x90, 0x90}, false},
        {"RET", {0xf0, 0xc3, 0x90, 0x90, 0x90, 0x90}, false},
    };
    const struct snippet *code = CODE("nop\nnop\nnop\nnop\nnop\nnop");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy((u8 *)code->start, cases[i].code, 6);
        struct context *c = user();
        c->bx = (u64)page + USER_ALIAS;
        if (cases[i].allowed)
            expect_end(named("LOCK %s", cases[i].name), c, code);
        else
            expect_fault(named("LOCK %s is undefined", cases[i].name), c, code, UD, 0);
    }
}

void program(void)
{
    page = alloc_page();
    returns();
    priorities();
    combinations();
    shadows();
    nmi();
    alignment();
    lock_prefix();
}
