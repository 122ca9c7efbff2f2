/* Segment loads, limits and far transfers in protected mode: SDM Vol. 3, "Protection". */
#include "guest.h"

#define SEL(n) (FREE_SELECTOR + 8 * (n))
static u8 *page;

static const u32 flat = BIG | GRAN;

static void define(u16 selector, u32 attributes)
{
    set_descriptor(selector, 0, 0xfffff, attributes | flat);
}

/* --- loads of data segment registers --- */

static void load(const char *name, struct context *c, u16 selector, u8 vector, word error)
{
    c->ax = selector;
    if (vector == END)
        runs(c, name, "mov es, eax");
    else
        faults(c, name, vector, error, "mov es, eax");
}

static void data_loads(void)
{
    u16 s = SEL(0);
    load("null in ES", kernel(), 0, END, 0);
    load("null with RPL 3 in ES", user(), 3, END, 0);
    load("beyond the GDT", kernel(), GDT_ENTRIES * 8, GP, GDT_ENTRIES * 8);
    load("beyond the GDT, RPL ignored", kernel(), GDT_ENTRIES * 8 + 3, GP, GDT_ENTRIES * 8);
    load("LDT selector without LDT", kernel(), 0x14, GP, 0x14);
    load("LDT null index without LDT", kernel(), 4, GP, 4);
    static const struct { const char *name; u32 attributes; u8 kernel, kernel_rpl3, user; } cases[] = {
        {"data DPL 0", DATA_RW | PRESENT, END, GP, GP},
        {"data DPL 1", DATA_RW | PRESENT | DPL1, END, GP, GP},
        {"data DPL 3", DATA_RW | PRESENT | DPL3, END, END, END},
        {"read-only data DPL 3", DATA_RO | PRESENT | DPL3, END, END, END},
        {"expand-down data DPL 3", DATA_DOWN | PRESENT | DPL3, END, END, END},
        {"execute-only code", CODE_X | PRESENT | DPL3, GP, GP, GP},
        {"execute-only conforming code", CODE_CONF | PRESENT, GP, GP, GP},
        {"readable code DPL 0", CODE_XR | PRESENT, END, GP, GP},
        {"readable code DPL 3", CODE_XR | PRESENT | DPL3, END, END, END},
        {"conforming readable code DPL 0", CODE_CONF_R | PRESENT, END, END, END},
        {"absent data DPL 3", DATA_RW | DPL3, NP, NP, NP},
        {"absent data DPL 0", DATA_RW, NP, GP, GP},
        {"absent execute-only code", CODE_X | DPL3, GP, GP, GP},
        {"TSS descriptor", TSS32 | PRESENT | DPL3, GP, GP, GP},
        {"LDT descriptor", LDT | PRESENT | DPL3, GP, GP, GP},
        {"call gate", CALL32 | PRESENT | DPL3, GP, GP, GP},
        {"reserved type 0", PRESENT | DPL3, GP, GP, GP},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        define(s, cases[i].attributes);
        load(named("ES, CPL 0, %s", cases[i].name), kernel(), s, cases[i].kernel, s);
        load(named("ES, CPL 0 RPL 3, %s", cases[i].name), kernel(), s | 3, cases[i].kernel_rpl3, s);
        load(named("ES, CPL 3, %s", cases[i].name), user(), s | 3, cases[i].user, s);
        load(named("ES, CPL 3 RPL 0, %s", cases[i].name), user(), s, cases[i].user, s);
    }
    define(s, DATA_RW | PRESENT);
    load("load sets accessed", kernel(), s, END, 0);
    check_equal("accessed bit", gdt[s / 8] >> 40 & 1, 1);
    define(s, DATA_RW);
    load("a load that faults", kernel(), s, NP, s);
    check_equal("leaves the accessed bit", gdt[s / 8] >> 40 & 1, 0);
    struct context *c = user();
    c->ax = s;
    faults(c, "POP ES faults", GP, s, "push eax\n7: pop es");
    check_equal("POP that faults leaves ESP", c->sp, USER_STACK - 4);
    c = kernel();
    define(s, DATA_RW | PRESENT);
    *(u32 *)page = 0x11223344;
    *(u16 *)(page + 4) = s;
    c->bx = (u32)page;
    runs(c, "LES", "les ecx, [ebx]");
    check_equal("LES offset", c->cx, 0x11223344);
    check_equal("LES selector", c->es, s);
    *(u16 *)(page + 4) = GDT_ENTRIES * 8;
    c = kernel();
    c->bx = (u32)page;
    faults(c, "LES of a bad selector", GP, GDT_ENTRIES * 8, "les ecx, [ebx]");
    check_equal("LES that faults leaves its register", c->cx, 0);
}

static void load_ss(const char *name, struct context *c, u16 selector, u8 vector, word error)
{
    c->ax = selector;
    if (vector == END)
        runs(c, name, "mov ss, eax");
    else
        faults(c, name, vector, error, "mov ss, eax");
}

static void stack_loads(void)
{
    u16 s = SEL(0);
    load_ss("SS null", kernel(), 0, GP, 0);
    load_ss("SS null RPL 3", user(), 3, GP, 0);
    load_ss("SS beyond the GDT", kernel(), GDT_ENTRIES * 8, GP, GDT_ENTRIES * 8);
    static const struct { const char *name; u32 attributes; u8 kernel, user; } cases[] = {
        {"data DPL 0", DATA_RW | PRESENT, END, GP},
        {"data DPL 3", DATA_RW | PRESENT | DPL3, GP, END},
        {"data DPL 1", DATA_RW | PRESENT | DPL1, GP, GP},
        {"read-only data DPL 0", DATA_RO | PRESENT, GP, GP},
        {"read-only data DPL 3", DATA_RO | PRESENT | DPL3, GP, GP},
        {"readable code DPL 0", CODE_XR | PRESENT, GP, GP},
        {"absent data DPL 0", DATA_RW, SS, GP},
        {"absent data DPL 3", DATA_RW | DPL3, GP, SS},
        {"absent read-only data DPL 0", DATA_RO, GP, GP},
        {"TSS descriptor", TSS32 | PRESENT, GP, GP},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        define(s, cases[i].attributes);
        load_ss(named("SS, CPL 0, %s", cases[i].name), kernel(), s, cases[i].kernel, s);
        load_ss(named("SS, CPL 3, %s", cases[i].name), user(), s | 3, cases[i].user, s);
    }
    define(s, DATA_RW | PRESENT);
    load_ss("SS RPL 3 at CPL 0", kernel(), s | 3, GP, s);
    define(s, DATA_RW | PRESENT | DPL3);
    load_ss("SS RPL 0 at CPL 3", user(), s, GP, s);
}

/* --- what loaded segments allow --- */

static struct context *with_es(u16 selector)
{
    struct context *c = user();
    c->es = selector | 3;
    return c;
}

static void access_checks(void)
{
    u16 s = SEL(0);
    faults(with_es(0), "read through null", GP, 0, "mov al, es:[0]");
    faults(with_es(0), "write through null", GP, 0, "mov es:[0], al");
    set_descriptor(s, (u32)page, 0xff, DATA_RW | PRESENT | DPL3 | BIG);
    runs(with_es(s), "byte at the limit", "mov al, es:[0xff]");
    faults(with_es(s), "byte beyond the limit", GP, 0, "mov al, es:[0x100]");
    runs(with_es(s), "doubleword up to the limit", "mov eax, es:[0xfc]");
    faults(with_es(s), "doubleword across the limit", GP, 0, "mov eax, es:[0xfd]");
    faults(with_es(s), "write across the limit", GP, 0, "mov es:[0xff], ax");
    page[0xff] = 0x33;
    struct context *c = with_es(s);
    c->ax = 0x5555;
    faults(c, "word across the limit", GP, 0, "mov es:[0xff], ax");
    check_equal("nothing was written", page[0xff], 0x33);
    faults(with_es(s), "offset FFFFFFFF", GP, 0, "mov al, es:[0xffffffff]");
    faults(with_es(s), "string destination beyond the limit", GP, 0, "mov edi, 0xff\n7: stosw");
    c = with_es(s);
    c->cx = 8;
    faults(c, "REP STOSD reaches the limit", GP, 0, "mov edi, 0xf0\n7: rep stosd");
    set_descriptor(s, (u32)page, 0, DATA_RW | PRESENT | DPL3 | BIG | GRAN);
    runs(with_es(s), "page granularity, last byte", "mov al, es:[0xfff]");
    faults(with_es(s), "page granularity, beyond", GP, 0, "mov al, es:[0x1000]");
    set_descriptor(s, (u32)page, 0xff, DATA_RO | PRESENT | DPL3 | BIG);
    runs(with_es(s), "read of read-only", "mov al, es:[0]");
    faults(with_es(s), "write of read-only", GP, 0, "mov es:[0], al");
    faults(with_es(s), "read-modify-write of read-only", GP, 0, "inc byte ptr es:[0]");
    set_descriptor(s, (u32)page, 0xff, CODE_XR | PRESENT | DPL3 | BIG);
    runs(with_es(s), "read of readable code", "mov al, es:[0]");
    faults(with_es(s), "write of readable code", GP, 0, "mov es:[0], al");
    define(s, CODE_X | PRESENT | DPL3);
    c = user();
    c->cs = s | 3;
    faults(c, "CS override on execute-only code", GP, 0, "mov al, cs:[0x100000]");
    define(s, CODE_XR | PRESENT | DPL3);
    c = user();
    c->cs = s | 3;
    runs(c, "CS override on readable code", "mov al, cs:[0x100000]");
    faults(user(), "write through CS", GP, 0, "mov cs:[0x100000], al");

    set_descriptor(s, (u32)page, 0xff, DATA_DOWN | PRESENT | DPL3);
    faults(with_es(s), "expand-down, at the limit", GP, 0, "mov al, es:[0xff]");
    runs(with_es(s), "expand-down, above the limit", "mov al, es:[0x100]");
    runs(with_es(s), "expand-down, 16-bit top", "mov al, es:[0xffff]");
    faults(with_es(s), "expand-down, beyond the 16-bit top", GP, 0, "mov al, es:[0x10000]");
    faults(with_es(s), "expand-down, across the 16-bit top", GP, 0, "mov ax, es:[0xffff]");
    faults(with_es(s), "expand-down, across the limit", GP, 0, "mov eax, es:[0xfd]");
    set_descriptor(s, (u32)page, 0xff, DATA_DOWN | PRESENT | DPL3 | BIG);
    runs(with_es(s), "expand-down with B, above 64 KiB", "mov al, es:[0x10000]");
    faults(with_es(s), "expand-down with B, below", GP, 0, "mov al, es:[0x80]");
    set_descriptor(s, 0, 0xff, DATA_DOWN | PRESENT | DPL3 | BIG | GRAN);
    faults(with_es(s), "expand-down with G, below", GP, 0, "mov al, es:[0xfffff]");
    runs(with_es(s), "expand-down with G, above", "mov al, es:[0x100000]");
    set_descriptor(s, 0, 0xfffff, DATA_DOWN | PRESENT | DPL3 | BIG | GRAN);
    faults(with_es(s), "expand-down with nothing", GP, 0, "mov al, es:[0x100000]");

    set_descriptor(s, (u32)page, 0xff, DATA_RW | PRESENT | DPL3 | BIG);
    c = user();
    c->ss = s | 3;
    c->sp = 0x200;
    faults(c, "PUSH beyond SS", SS, 0, "push eax");
    check_equal("PUSH that faults leaves ESP", c->sp, 0x200);
    c = user();
    c->ss = s | 3;
    c->sp = 0x100;
    runs(c, "PUSH at the end of SS", "push eax");
    c = user();
    c->ss = s | 3;
    c->sp = 0xfe;
    faults(c, "POP across the end of SS", SS, 0, "pop eax");
    c = user();
    c->ss = s | 3;
    c->sp = 0x100;
    faults(c, "EBP across the end of SS", SS, 0, "mov ebp, 0xfd\n7: mov eax, [ebp]");
    c = user();
    c->ss = s | 3;
    c->sp = 2;
    faults(c, "PUSH below zero", SS, 0, "push eax");
    c = user();
    c->ss = s | 3;
    c->sp = 0x102;
    faults(c, "CALL with a full stack", SS, 0, "call 1f\n1:");
    c = user();
    c->ss = s | 3;
    c->sp = 0x10;
    faults(c, "PUSHAD with a short stack", SS, 0, "pushad");
    check_equal("PUSHAD that faults leaves ESP", c->sp, 0x10);
    c = user();
    c->ss = s | 3;
    c->sp = 0x10;
    faults(c, "ENTER beyond the stack", SS, 0, "enter 0x20, 0");
    check_equal("ENTER that faults leaves ESP", c->sp, 0x10);
    set_descriptor(s, (u32)page, 0xff, DATA_RW | PRESENT | DPL3);
    c = user();
    c->ss = s | 3;
    runs(c, "16-bit stack", "mov esp, 0xabcd0080\npush 5\npop eax\npush 6");
    check_equal("16-bit stack keeps upper ESP", c->sp, 0xabcd007c);
    check_equal("16-bit stack memory", *(u32 *)(page + 0x7c), 6);
    c = user();
    c->ss = s | 3;
    c->sp = 0x10000;
    faults(c, "16-bit stack wraps before its limit check", SS, 0, "push eax");
    c = user();
    c->bp = 0xffff0040;
    c->ss = s | 3;
    runs(c, "LEAVE with a 16-bit stack", "mov esp, 0xabcd0080\nleave");
    check_equal("LEAVE keeps upper ESP", c->sp, 0xabcd0044);
    /* Code limits. */
    const struct snippet *code = CODE("nop\n7: nop");
    set_descriptor(s, 0, (u32)code->start, CODE_XR | PRESENT | DPL3 | BIG);
    gdt[s / 8] = descriptor((u32)code->start, 0, CODE_XR | PRESENT | DPL3 | BIG);
    c = user();
    c->cs = s | 3;
    c->ip = 0;
    run(c);
    check_equal("fetch beyond CS", c->vector, GP);
    check_equal("fetch beyond CS: EIP", c->ip, 1);
    gdt[s / 8] = descriptor((u32)code->start, 2, CODE_XR | PRESENT | DPL3 | BIG);
    c = user();
    c->cs = s | 3;
    c->ip = 0;
    run(c);
    check_equal("fetch across the end of CS: EIP", c->ip, 2);
}

/* --- far jumps, calls and returns without a gate --- */

static void transfer(const char *name, struct context *c, u16 selector, u32 offset, u8 vector, word error)
{
    *(u32 *)page = offset;
    *(u16 *)(page + 4) = selector;
    c->bx = (u32)page;
    word sp = c->sp;
    faults(c, named("JMP, %s", name), vector, error, "jmp fword ptr [ebx]");
    c->sp = sp;
    c->vector = 0;
    faults(c, named("CALL, %s", name), vector, error, "call fword ptr [ebx]");
    check_equal(named("CALL, %s, ESP", name), c->sp, sp);
}

static void far_transfers(void)
{
    u16 s = SEL(0);
    transfer("null", kernel(), 0, 0, GP, 0);
    transfer("null RPL 3", user(), 3, 0, GP, 0);
    transfer("beyond the GDT", kernel(), GDT_ENTRIES * 8, 0, GP, GDT_ENTRIES * 8);
    static const struct { const char *name; u32 attributes; u8 kernel, user; } cases[] = {
        {"data", DATA_RW | PRESENT | DPL3, GP, GP},
        {"code of another DPL", CODE_XR | PRESENT | DPL1, GP, GP},
        {"absent code DPL 0", CODE_XR, NP, GP},
        {"absent code DPL 3", CODE_XR | DPL3, GP, NP},
        {"conforming code DPL 3 from CPL 0", CODE_CONF | PRESENT | DPL3, GP, END},
        {"LDT", LDT | PRESENT, GP, GP},
        {"interrupt gate", INT32 | PRESENT | DPL3, GP, GP},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        define(s, cases[i].attributes);
        transfer(named("CPL 0, %s", cases[i].name), kernel(), s, 0, cases[i].kernel, s);
        if (cases[i].user != END)
            transfer(named("CPL 3, %s", cases[i].name), user(), s | 3, 0, cases[i].user, s);
    }
    define(s, CODE_XR | PRESENT);
    transfer("RPL above CPL", kernel(), s | 3, 0, GP, s);
    set_descriptor(s, 0, 0xfff, CODE_XR | PRESENT | BIG);
    transfer("offset beyond the limit", kernel(), s, 0x1000, GP, 0);
    define(s, CODE_CONF | PRESENT);
    struct context *c = user();
    *(u16 *)(page + 4) = s;
    c->bx = (u32)page;
    const struct snippet *code = CODE("jmp fword ptr [ebx]\n7: nop");
    *(u32 *)page = (u32)code->fault;
    expect_end("JMP to conforming code keeps CPL", c, code);
    check_equal("CS of conforming code has RPL of CPL", c->cs, s | 3);
    c = user();
    c->bx = (u32)page;
    code = CODE("call fword ptr [ebx]\njmp 1f\n7: pop edx\npop ecx\n1:");
    *(u32 *)page = (u32)code->fault;
    expect_end("CALL to conforming code", c, code);
    check_equal("CALL pushes CS", c->cx & 0xffff, USER_CODE32);
    check_equal("CALL pushes EIP", c->dx, (u32)code->start + 2);
    c = kernel();
    c->ip = 0;
    runs(c, "RETF to the same level", "push cs\npush offset 1f\nretf\n1: mov eax, 1");
    faults(kernel(), "RETF to null", GP, 0, "push 0\npush 0\n7: retf");
    faults(kernel(), "RETF beyond the GDT", GP, GDT_ENTRIES * 8, "push 0x800\npush 0\n7: retf");
    faults(user(), "RETF to a lower RPL", GP, KERNEL_CODE, "push 8\npush 0\n7: retf");
    faults(kernel(), "RETF to data", GP, KERNEL_DATA, "push 0x10\npush 0\n7: retf");
    define(s, CODE_XR);
    faults(kernel(), "RETF to absent code", NP, SEL(0), "push 0x80\npush 0\n7: retf");
    set_descriptor(s, 0, 0xfff, CODE_XR | PRESENT | BIG);
    faults(kernel(), "RETF beyond the limit", GP, 0, "push 0x80\npush 0x1000\n7: retf");
    define(s, CODE_XR | PRESENT | DPL1);
    faults(kernel(), "RETF to RPL 0 of DPL 1", GP, SEL(0), "push 0x80\npush 0x1000\n7: retf");

    /* Outward returns. */
    c = kernel();
    c->es = KERNEL_DATA;
    c->fs = USER_DATA;
    c->ax = USER_STACK;
    c->gs = 0;
    runs(c, "RETF to CPL 3", "push 0x23\npush eax\npush 0x1b\npush offset 1f\nretf\n1: nop");
    check_equal("RETF to CPL 3: CS", c->cs, USER_CODE32);
    check_equal("RETF to CPL 3: ESP", c->sp, USER_STACK);
    check_equal("RETF to CPL 3 clears ES of DPL 0", c->es, 0);
    check_equal("RETF to CPL 3 keeps FS of DPL 3", c->fs, USER_DATA);
    c = kernel();
    c->ax = USER_STACK;
    runs(c, "RETF imm to CPL 3", "push 0x23\npush eax\npush 7\npush 8\npush 0x1b\npush offset 1f\nretf 8\n1: nop");
    check_equal("RETF imm to CPL 3: ESP", c->sp, USER_STACK + 8);
    faults(kernel(), "RETF to CPL 3 with null SS", GP, 0, "push 0\npush 0\npush 0x1b\npush 0\n7: retf");
    faults(kernel(), "RETF to CPL 3 with SS RPL 0", GP, 0x20, "push 0x20\npush 0\npush 0x1b\npush 0\n7: retf");
    faults(kernel(), "RETF to CPL 3 with SS DPL 0", GP, KERNEL_DATA, "push 0x13\npush 0\npush 0x1b\npush 0\n7: retf");
    faults(kernel(), "RETF to CPL 3 with code in SS", GP, 0x18, "push 0x1b\npush 0\npush 0x1b\npush 0\n7: retf");
    define(s, DATA_RW | DPL3);
    faults(kernel(), "RETF to CPL 3 with absent SS", SS, SEL(0), "push 0x83\npush 0\npush 0x1b\npush 0\n7: retf");
    faults(kernel(), "RETF to RPL 3 of DPL 0", GP, KERNEL_CODE, "push 0x23\npush 0\npush 0x0b\npush 0\n7: retf");

    faults(kernel(), "IRET to null", GP, 0, "push 2\npush 0\npush 0\n7: iretd");
    faults(user(), "IRET to a lower RPL", GP, KERNEL_CODE, "push 2\npush 8\npush 0\n7: iretd");
    faults(kernel(), "IRET to CPL 3 with null SS", GP, 0, "push 0\npush 0\npush 2\npush 0x1b\npush 0\n7: iretd");
    c = kernel();
    c->ax = USER_STACK;
    runs(c, "IRET to CPL 3", "push 0x23\npush eax\npush 0x3002\npush 0x1b\npush offset 1f\niretd\n1: pushfd\npop ebx");
    check_equal("IRET to CPL 3: IOPL", c->bx & IOPL, IOPL);
    check_equal("IRET to CPL 3 clears DS", c->ds, 0);
    c = user();
    runs(c, "IRET at CPL 3 keeps IOPL and IF", "push 0x3202\npush cs\npush offset 1f\niretd\n1: pushfd\npop ebx");
    check_equal("IRET at CPL 3: IOPL and IF", c->bx & (IOPL | IF), 0);
    c = user16();
    runs16(c, "16-bit IRET", "push 3\npush cs\npush offset 1f\niret\n1: nop");
    check_equal("16-bit IRET loads flags", c->flags & CF, CF);
}

/* --- descriptor queries --- */

#define IN(set, n) ((set) >> (n) & 1)

static void queries(void)
{
    u16 s = SEL(0);
    const u32 lar = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 11 | 1 << 12;
    const u32 lsl = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 11;
    for (unsigned type = 0; type < 32; type++) {
        set_descriptor(s, 0x12345678, 0x54321, type | PRESENT | DPL3 | AVL | BIG);
        bool segment = type & 16, code = type & 8;
        struct context *c = user();
        c->ax = s;
        c->bx = 0xdddddddd;
        runs(c, named("LAR type %d", type), "lar ebx, eax");
        bool ok = segment || IN(lar, type);
        check_equal(named("LAR type %d ZF", type), c->flags & ZF, ok ? ZF : 0);
        check_equal(named("LAR type %d value", type), ok ? c->bx & ~0xf0000 : c->bx,
            ok ? 0x50e000 | type << 8 : 0xdddddddd); /* bits 19:16 are undefined */
        c = user();
        c->ax = s;
        c->bx = 0xdddddddd;
        runs(c, named("LSL type %d", type), "lsl ebx, eax");
        ok = segment || IN(lsl, type);
        check_equal(named("LSL type %d ZF", type), c->flags & ZF, ok ? ZF : 0);
        check_equal(named("LSL type %d value", type), c->bx, ok ? 0x54321 : 0xdddddddd);
        c = user();
        c->ax = s;
        runs(c, named("VERR type %d", type), "verr ax");
        check_equal(named("VERR type %d ZF", type), c->flags & ZF, segment && (!code || type & 2) ? ZF : 0);
        c = user();
        c->ax = s;
        runs(c, named("VERW type %d", type), "verw ax");
        check_equal(named("VERW type %d ZF", type), c->flags & ZF, segment && !code && type & 2 ? ZF : 0);
    }
    static const struct { u32 attributes; u16 rpl; bool user, seen; } visible[] = {
        {DATA_RW | PRESENT, 0, true, false}, {DATA_RW | PRESENT, 0, false, true},
        {DATA_RW | PRESENT, 3, false, false}, {DATA_RW | PRESENT | DPL3, 3, true, true},
        {CODE_CONF_R | PRESENT, 3, true, true}, {DATA_RW | DPL3, 3, true, true}, {TSS32 | PRESENT, 0, true, false},
    };
    for (unsigned i = 0; i < sizeof visible / sizeof visible[0]; i++) {
        define(s, visible[i].attributes);
        struct context *c = visible[i].user ? user() : kernel();
        c->ax = s | visible[i].rpl;
        runs(c, named("LAR privilege %d", i), "lar ebx, eax");
        check_equal(named("LAR privilege %d ZF", i), c->flags & ZF, visible[i].seen ? ZF : 0);
    }
    define(s, DATA_RW | DPL3);
    struct context *c = user();
    c->ax = s | 3;
    runs(c, "VERR of an absent segment", "verr ax");
    c = user();
    c->ax = 0;
    c->flags |= ZF;
    runs(c, "LAR of null", "lar ebx, eax");
    check_equal("LAR of null ZF", c->flags & ZF, 0);
    c = user();
    c->ax = GDT_ENTRIES * 8;
    c->flags |= ZF;
    runs(c, "LSL beyond the GDT", "lsl ebx, eax");
    check_equal("LSL beyond the GDT ZF", c->flags & ZF, 0);
    define(s, DATA_RW | PRESENT | DPL3);
    c = user();
    c->ax = s;
    runs(c, "LSL of pages", "lsl ebx, eax");
    check_equal("LSL of pages value", c->bx, 0xffffffff);
    c = user();
    c->ax = s;
    c->bx = 0xaaaaaaaa;
    runs(c, "16-bit LAR", "lar bx, ax");
    check_equal("16-bit LAR value", c->bx, 0xaaaa0000 | (DATA_RW | PRESENT | DPL3) << 8);
    c = user();
    c->ax = 0x100;
    c->bx = 3;
    runs(c, "ARPL raises", "arpl ax, bx");
    check_equal("ARPL raises to", c->ax, 0x103);
    check_equal("ARPL raises ZF", c->flags & ZF, ZF);
    c = user();
    c->ax = 0x102;
    c->bx = 1;
    c->flags |= ZF;
    runs(c, "ARPL leaves", "arpl ax, bx");
    check_equal("ARPL leaves value", c->ax, 0x102);
    check_equal("ARPL leaves ZF", c->flags & ZF, 0);
    *(u32 *)page = -5;
    *(u32 *)(page + 4) = 5;
    c = user();
    c->bx = (u32)page;
    c->ax = -6;
    faults(c, "BOUND below", BR, 0, "bound eax, [ebx]");
    c = user();
    c->bx = (u32)page;
    c->ax = 6;
    faults(c, "BOUND above", BR, 0, "bound eax, [ebx]");
    c = user();
    c->bx = (u32)page;
    c->ax = -5;
    runs(c, "BOUND within", "bound eax, [ebx]");
    faults(user(), "BOUND of a register", UD, 0, ".byte 0x62, 0xc0");
}

/* --- LDT and TR --- */

static void table_registers(void)
{
    u16 s = SEL(0);
    u64 *ldt = alloc_page();
    ldt[1] = descriptor(0, 0xfffff, DATA_RW | PRESENT | DPL3 | flat);
    ldt[0] = ldt[1];
    set_descriptor(s, (u32)ldt, 15, LDT | PRESENT);
    struct context *c = kernel();
    c->ax = s;
    runs(c, "LLDT", "lldt ax\nsldt ebx\nmov ecx, 0xc\nmov es, ecx\nmov ecx, 4\nmov fs, ecx");
    check_equal("SLDT", c->bx, s);
    check_equal("LDT selector of index 0 is not null", c->fs, 4);
    load("beyond the LDT", kernel(), 0x14, GP, 0x14);
    c = kernel();
    runs(c, "LLDT null", "xor eax, eax\nlldt ax");
    load("after LLDT null", kernel(), 0xc, GP, 0xc);
    c = kernel();
    c->ax = KERNEL_DATA;
    faults(c, "LLDT of data", GP, KERNEL_DATA, "lldt ax");
    c = kernel();
    faults(c, "LLDT of an LDT selector", GP, 4, "mov eax, 4\n7: lldt ax");
    c = kernel();
    c->ax = GDT_ENTRIES * 8;
    faults(c, "LLDT beyond the GDT", GP, GDT_ENTRIES * 8, "lldt ax");
    set_descriptor(s, (u32)ldt, 15, LDT);
    c = kernel();
    c->ax = s;
    faults(c, "LLDT of an absent LDT", NP, s, "lldt ax");
    c = kernel();
    c->ax = MAIN_TSS;
    faults(c, "LTR of a busy TSS", GP, MAIN_TSS, "ltr ax");
    faults(kernel(), "LTR null", GP, 0, "xor eax, eax\n7: ltr ax");
    faults(kernel(), "LTR of an LDT selector", GP, 4, "mov eax, 4\n7: ltr ax");
    set_descriptor(s, (u32)page, 0x67, TSS32);
    c = kernel();
    c->ax = s;
    faults(c, "LTR of an absent TSS", NP, s, "ltr ax");
    c = kernel();
    set_descriptor(s, (u32)page, 0x67, LDT | PRESENT);
    c->ax = s;
    faults(c, "LTR of an LDT", GP, s, "ltr ax");
    set_descriptor(s, (u32)page, 0x67, TSS16 | PRESENT);
    c = kernel();
    c->ax = s;
    runs(c, "LTR of a 16-bit TSS", "ltr ax\nstr ebx");
    check_equal("STR", c->bx, s);
    check_equal("LTR sets busy", gdt[s / 8] >> 40 & 15, TSS16_BUSY);
    reload_tr();
    check_equal("LTR sets busy of a 32-bit TSS", gdt[MAIN_TSS / 8] >> 40 & 15, TSS32_BUSY);
}

/* --- privileged instructions and IOPL --- */

static void privileges(void)
{
    faults(user(), "HLT", GP, 0, "hlt");
    faults(user(), "CLI", GP, 0, "cli");
    faults(user(), "STI", GP, 0, "sti");
    faults(user(), "LGDT", GP, 0, "lgdt [0x100000]");
    faults(user(), "LIDT", GP, 0, "lidt [0x100000]");
    faults(user(), "LLDT", GP, 0, "lldt ax");
    faults(user(), "LTR", GP, 0, "ltr ax");
    faults(user(), "LMSW", GP, 0, "lmsw ax");
    faults(user(), "CLTS", GP, 0, "clts");
    faults(user(), "INVD", GP, 0, "invd");
    faults(user(), "WBINVD", GP, 0, "wbinvd");
    faults(user(), "INVLPG", GP, 0, "invlpg [0]");
    faults(user(), "RDMSR", GP, 0, "rdmsr");
    faults(user(), "WRMSR", GP, 0, "wrmsr");
    faults(user(), "MOV from CR0", GP, 0, "mov eax, cr0");
    faults(user(), "MOV to CR3", GP, 0, "mov cr3, eax");
    faults(user(), "MOV from DR7", GP, 0, "mov eax, dr7");
    faults(user(), "MOV to DR0", GP, 0, "mov dr0, eax");
    faults(user(), "SYSEXIT", GP, 0, "sysexit");
    faults(user(), "INVLPG of a register", UD, 0, ".byte 0x0f, 0x01, 0xf8");
    struct context *c = user();
    runs(c, "SMSW, SLDT, STR, SGDT, SIDT", "mov ebx, esp\nsmsw eax\nsldt ecx\nstr edx\nsgdt [ebx - 8]\nsidt [ebx - 16]");
    check_equal("SMSW shows CR0", c->ax & 0xffff, read_cr0() & 0xffff);
    check_equal("STR shows TR", c->dx, MAIN_TSS);
    faults(user(), "IN", GP, 0, "in al, 0x80");
    faults(user(), "OUT", GP, 0, "out 0x80, al");
    faults(user(), "INSB", GP, 0, "mov dx, 0x80\n7: insb");
    faults(user(), "OUTSB", GP, 0, "mov dx, 0x80\n7: outsb");
    c = user();
    c->flags |= IOPL;
    runs(c, "IOPL 3 allows IN, OUT, CLI, STI", "in al, 0x80\nout 0x80, al\ncli\nsti\ncli");
    c = user();
    c->flags |= IOPL;
    faults(c, "IOPL 3 does not allow HLT", GP, 0, "hlt");
    main_tss.ports[0x80 / 8] &= ~1;
    runs(user(), "the bitmap allows a byte", "in al, 0x80");
    faults(user(), "a word needs two bits", GP, 0, "in ax, 0x80");
    main_tss.ports[0x80 / 8] &= ~2;
    runs(user(), "a word has two bits", "in ax, 0x80");
    main_tss.ports[0x87 / 8] &= ~0x80;
    faults(user(), "a word across bitmap bytes", GP, 0, "in ax, 0x87");
    main_tss.ports[0x88 / 8] &= ~1;
    runs(user(), "a word across bitmap bytes, both allowed", "in ax, 0x87");
    main_tss.ports[0x80 / 8] = main_tss.ports[0x88 / 8] = 0xff;
    set_descriptor(MAIN_TSS, (u32)&main_tss, main_tss.tss.iomap + 0x80 / 8, PRESENT | TSS32);
    reload_tr();
    main_tss.ports[0x80 / 8] = 0;
    faults(user(), "the bitmap must have a byte more", GP, 0, "in al, 0x80");
    set_descriptor(MAIN_TSS, (u32)&main_tss, main_tss.tss.iomap + 0x80 / 8 + 1, PRESENT | TSS32);
    reload_tr();
    runs(user(), "the bitmap has a byte more", "in al, 0x80");
    main_tss.ports[0x80 / 8] = 0xff;
    set_descriptor(MAIN_TSS, (u32)&main_tss, sizeof main_tss - 1, PRESENT | TSS32);
    reload_tr();
    c = user();
    runs(c, "POPFD at CPL 3", "push 0x3202\npopfd\npushfd\npop eax");
    check_equal("POPFD at CPL 3 keeps IF and IOPL", c->ax & (IF | IOPL), 0);
    c = user();
    c->flags |= IOPL;
    runs(c, "POPFD with IOPL 3", "push 0x0202\npopfd\npushfd\npop eax\ncli");
    check_equal("POPFD with IOPL 3 sets IF, keeps IOPL", c->ax & (IF | IOPL), IF | IOPL);
    c = kernel();
    runs(c, "POPFD at CPL 0", "push 0x3002\npopfd\npushfd\npop eax\npush 2\npopfd");
    check_equal("POPFD at CPL 0 sets IOPL", c->ax & IOPL, IOPL);
    write_cr4(read_cr4() | CR4_TSD);
    faults(user(), "RDTSC with TSD", GP, 0, "rdtsc");
    runs(kernel(), "RDTSC with TSD at CPL 0", "rdtsc");
    write_cr4(read_cr4() & ~CR4_TSD);
    runs(user(), "RDTSC", "rdtsc");
    faults(user(), "RDPMC without PCE", GP, 0, "xor ecx, ecx\n7: rdpmc");
}

void program(void)
{
    page = alloc_pages(32);
    data_loads();
    stack_loads();
    access_checks();
    far_transfers();
    queries();
    table_registers();
    privileges();
}
