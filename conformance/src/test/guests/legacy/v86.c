/* Virtual-8086 mode: SDM Vol. 3, "8086 Emulation". */
#include "guest.h"

#define DATA 0x2000
static u8 *const data = (u8 *)0x20000;
static u8 inner_stack[4096] __attribute__((aligned(16)));
#define INNER ((u32)inner_stack + sizeof inner_stack)

static struct context *virtual_at(word iopl)
{
    struct context *c = v86();
    c->flags = 2 | VM | iopl << 12;
    c->ds = c->es = DATA;
    return c;
}

static void basics(void)
{
    data[0x12] = 0x5a;
    struct context *c = virtual_at(3);
    c->fs = 0x2001;
    c->gs = 0x1fff;
    runs16(c, "segments are bases / 16", "mov al, fs:[2]\nmov bl, gs:[0x22]\nmov cx, cs\nmov dx, ss");
    check_equal("FS-based byte", c->ax & 0xff, 0x5a);
    check_equal("GS-based byte", c->bx & 0xff, 0x5a);
    check_equal("CS", c->cx & 0xffff, REAL_SEGMENT);
    check_equal("frame has FS", c->fs, 0x2001);
    check_equal("frame has GS", c->gs, 0x1fff);
    check_equal("frame has DS", c->ds, DATA);
    check_equal("frame has SS", c->ss, REAL_SEGMENT);
    check_equal("frame has VM", c->flags & VM, VM);
    c = virtual_at(3);
    runs16(c, "segment loads have no checks", "mov ax, 0x3\nmov ds, ax\nmov es, ax\nxor ax, ax\nmov fs, ax\nmov gs, ax");
    faults16(virtual_at(3), "limit of 64 KiB", GP, 0, "mov ax, [0xffff]");
    faults16(virtual_at(3), "limit with 32-bit addresses", GP, 0, "mov ebx, 0x10000\n7: mov al, [ebx]");
    faults16(virtual_at(3), "limit of SS", SS, 0, "mov ax, ss:[0xffff]");
    faults16(virtual_at(3), "limit of CS", GP, 0, "mov eax, 0x10000\n7: jmp eax");
    runs16(virtual_at(3), "code segment is writable", "mov byte ptr cs:[3f], 0x90\njmp 3f\n3: hlt");
    c = virtual_at(3);
    runs16(c, "far call and return", "call 0x1000:3f\njmp 2f\n3: mov bp, sp\nmov bx, [bp + 2]\nretf\n2: nop");
    check_equal("far call pushes CS", c->bx & 0xffff, REAL_SEGMENT);
    c = virtual_at(3);
    runs16(c, "16-bit stack", "mov esp, 0xabcd1000\npush ax\nmov ecx, esp\nmov esp, 0xf00");
    check_equal("16-bit stack keeps upper ESP", c->cx, 0xabcd0ffe);
    runs16(virtual_at(3), "FFFF:0020 lies above 1 MiB", "mov ax, 0xffff\nmov ds, ax\nmov eax, [0x20]");
}

static void privileged(void)
{
    static const struct { const char *name; u8 code[4]; u8 vector; } cases[] = {
        {"HLT", {0xf4}, GP}, {"LGDT", {0x0f, 0x01, 0x17}, GP}, {"LIDT", {0x0f, 0x01, 0x1f}, GP}, {"LMSW", {0x0f, 0x01, 0xf0}, GP},
        {"CLTS", {0x0f, 0x06}, GP}, {"INVD", {0x0f, 0x08}, GP}, {"WBINVD", {0x0f, 0x09}, GP}, {"INVLPG", {0x0f, 0x01, 0x3f}, GP},
        {"RDMSR", {0x0f, 0x32}, GP}, {"WRMSR", {0x0f, 0x30}, GP}, {"MOV from CR0", {0x0f, 0x20, 0xc0}, GP},
        {"MOV to CR0", {0x0f, 0x22, 0xc0}, GP}, {"MOV from DR0", {0x0f, 0x21, 0xc0}, GP}, {"SLDT", {0x0f, 0x00, 0xc0}, UD},
        {"STR", {0x0f, 0x00, 0xc8}, UD}, {"LLDT", {0x0f, 0x00, 0xd0}, UD}, {"LTR", {0x0f, 0x00, 0xd8}, UD},
        {"VERR", {0x0f, 0x00, 0xe0}, UD}, {"VERW", {0x0f, 0x00, 0xe8}, UD}, {"LAR", {0x0f, 0x02, 0xc0}, UD},
        {"LSL", {0x0f, 0x03, 0xc0}, UD}, {"ARPL", {0x63, 0xc0}, UD}, {"SYSEXIT", {0x0f, 0x35}, GP}, {"UD2", {0x0f, 0x0b}, UD},
    };
    const struct snippet *code = CODE16(".rept 8\nnop\n.endr");
    u8 *at = (u8 *)code->start + REAL_BASE;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(at, 0x90, 8);
        memcpy(at, cases[i].code, 4);
        expect_fault(cases[i].name, virtual_at(3), code, cases[i].vector, 0);
    }
    struct context *c = virtual_at(3);
    runs16(c, "SMSW, SGDT, SIDT", "smsw ax\nsgdt [0]\nsidt [8]");
    check_equal("SMSW shows PE", c->ax & 1, 1);
}

static void iopl(void)
{
    static const struct { const char *name; u8 code[4]; } sensitive[] = {
        {"CLI", {0xfa}}, {"STI", {0xfb}}, {"PUSHF", {0x9c}}, {"POPF", {0x9d}}, {"PUSHFD", {0x66, 0x9c}}, {"POPFD", {0x66, 0x9d}},
        {"INT n", {0xcd, 0x60}}, {"IRET", {0xcf}}, {"IRETD", {0x66, 0xcf}},
    };
    const struct snippet *code = CODE16(".rept 8\nnop\n.endr");
    u8 *at = (u8 *)code->start + REAL_BASE;
    for (unsigned i = 0; i < sizeof sensitive / sizeof sensitive[0]; i++) {
        memset(at, 0x90, 8);
        memcpy(at, sensitive[i].code, 4);
        for (word level = 0; level < 3; level++)
            expect_fault(named("%s with IOPL %ld", sensitive[i].name, level), virtual_at(level), code, GP, 0);
    }
    set_idt_gate(0x60, KERNEL_CODE, vector_stub(0x60), PRESENT | INT32 | DPL3, 0);
    expect_trap("INT3 with IOPL 0", virtual_at(0), CODE16("int3\n7:"), BP);
    expect_trap("INTO with IOPL 0", virtual_at(0), CODE16("mov al, 0x7f\nadd al, 1\ninto\n7:"), OF);
    expect_trap("INT n with IOPL 3", virtual_at(3), CODE16("int 0x60\n7:"), 0x60);
    set_idt_gate(0x60, KERNEL_CODE, vector_stub(0x60), PRESENT | INT32, 0);
    faults16(virtual_at(3), "INT n with IOPL 3, gate DPL 0", GP, 0x60 * 8 + 2, "int 0x60");
    struct context *c = virtual_at(3);
    runs16(c, "POPF with IOPL 3", "push 0x0202\npopf\npushf\npop ax\ncli");
    check_equal("POPF sets IF, keeps IOPL", c->ax & (IF | IOPL), IF | IOPL);
    c = virtual_at(3);
    runs16(c, "POPFD with IOPL 3", "pushfd\npop eax\nand eax, 0xfffdcfff\nor eax, 0x40000\npush eax\npopfd\npushfd\npop ebx");
    check_equal("PUSHFD pushes VM and RF as 0", c->bx & (VM | RF), 0);
    check_equal("POPFD keeps IOPL", c->bx & IOPL, IOPL);
    check_equal("POPFD loads AC", c->bx & AC_FLAG, AC_FLAG);
    check_equal("POPFD keeps VM", c->flags & VM, VM);
    c = virtual_at(3);
    runs16(c, "IRET with IOPL 3", "push 0x0203\npush cs\npush offset 1f\niret\n1: pushf\npop ax\ncli");
    check_equal("IRET loads flags, keeps IOPL", c->ax & (IF | IOPL | CF), IF | IOPL | CF);
    /* IN and OUT look at the bitmap whatever IOPL is. */
    faults16(virtual_at(3), "IN with IOPL 3", GP, 0, "in al, 0x80");
    main_tss.ports[0x80 / 8] &= ~1;
    runs16(virtual_at(3), "IN that the bitmap allows", "in al, 0x80");
    faults16(virtual_at(3), "a word needs two bits", GP, 0, "in ax, 0x80");
    main_tss.ports[0x80 / 8] = 0xff;
}

static void entry_and_exit(void)
{
    main_tss.tss.ss0 = KERNEL_DATA;
    main_tss.tss.esp0 = INNER;
    const struct snippet *code = CODE("7: mov eax, esp\nmov ebx, ds\nmov ecx, gs\nmov edx, [esp + 32]\nmov esi, [esp + 20]\nmov edi, 0x10\nmov ds, edi\nmov ebp, cs:[0x100000]\nint 0x30");
    set_idt_gate(0x60, KERNEL_CODE, (u32)code->fault, PRESENT | INT32 | DPL3, 0);
    struct context *c = virtual_at(3);
    c->fs = 0x1111;
    c->gs = 0x2222;
    run_code(c, CODE16("int 0x60"));
    check_equal("interrupt from v86 pushes 9 words", c->ax, INNER - 36);
    check_equal("interrupt from v86 clears DS", c->bx, 0);
    check_equal("interrupt from v86 clears GS", c->cx, 0);
    check_equal("interrupt from v86 pushes GS last of all", c->dx & 0xffff, 0x2222);
    check_equal("interrupt from v86 pushes ES after SS", c->si & 0xffff, DATA);
    set_descriptor(FREE_SELECTOR, 0, 0xfffff, PRESENT | CODE_XR | DPL3 | BIG | GRAN);
    set_idt_gate(0x60, FREE_SELECTOR, 0, PRESENT | INT32 | DPL3, 0);
    faults16(virtual_at(3), "gate to code of CPL 3", GP, FREE_SELECTOR, "int 0x60");
    set_descriptor(FREE_SELECTOR, 0, 0xfffff, PRESENT | CODE_CONF | BIG | GRAN);
    faults16(virtual_at(3), "gate to conforming code", GP, FREE_SELECTOR, "int 0x60");
    set_descriptor(FREE_SELECTOR, 0, 0xfffff, PRESENT | CODE_XR | DPL1 | BIG | GRAN);
    faults16(virtual_at(3), "gate to code of CPL 1", GP, FREE_SELECTOR, "int 0x60");
    /* An IRET at CPL 3 can't enter v86, and VM isn't loaded from 16-bit operands. */
    c = user();
    runs(c, "IRETD at CPL 3 keeps VM", "pushfd\nor dword ptr [esp], 0x20000\npush cs\npush offset 1f\niretd\n1: nop");
    check_equal("VM stays clear", c->flags & VM, 0);
    c = kernel();
    runs(c, "POPFD at CPL 0 keeps VM", "pushfd\nor dword ptr [esp], 0x20000\npopfd");
    check_equal("VM stays clear after POPFD", c->flags & VM, 0);
    expect_trap("single step", ({ c = virtual_at(3); c->flags |= TF; c; }), CODE16("nop\n7: nop"), DB);
    set_idt_gate(0x60, KERNEL_CODE, vector_stub(0x60), PRESENT | INT32 | DPL3, 0);
    main_tss.tss.esp0 = INNER;
}

/* --- virtual-8086 mode extensions --- */

/* Interrupts are redirected to the IVT where the bit is 0; the bitmap ends where the ports begin. */
static void redirect(u8 vector, bool program)
{
    u8 *byte = &main_tss.interrupts[vector / 8];
    *byte = program ? *byte & ~(1 << vector % 8) : *byte | 1 << vector % 8;
}

static void extensions(void)
{
    if (!(cpuid(1, 0).d & 2)) {
        skip("VME", "not in CPUID");
        return;
    }
    memset(main_tss.interrupts, 0xff, sizeof main_tss.interrupts);
    write_cr4(read_cr4() | CR4_VME);
    struct context *c = virtual_at(0);
    run_code(c, CODE16("sti\npushf\npop ax\ncli\npushf\npop bx\n7: hlt"));
    check_equal("VME: STI and CLI with IOPL 0 end at HLT", c->vector, GP);
    check_equal("VME: STI sets VIF, seen as IF", c->ax & (IF | IOPL), IF | IOPL);
    check_equal("VME: CLI clears VIF", c->bx & (IF | IOPL), IOPL);
    check_equal("VME: IF itself stays", c->flags & IF, 0);
    c = virtual_at(0);
    run_code(c, CODE16("sti\n7: hlt"));
    check_equal("VME: VIF is in EFLAGS", c->flags & (VIF | IF), VIF);
    c = virtual_at(0);
    c->flags |= VIP;
    faults16(c, "VME: STI with VIP", GP, 0, "sti");
    c = virtual_at(0);
    c->flags |= VIP;
    faults16(c, "VME: POPF that sets IF with VIP", GP, 0, "push 0x202\n7: popf");
    c = virtual_at(0);
    run_code(c, CODE16("push 0x3203\npopf\n7: hlt"));
    check_equal("VME: POPF sets VIF, not IF or IOPL", c->flags & (VIF | IF | IOPL | CF), VIF | CF);
    faults16(virtual_at(0), "VME: POPF that sets TF", GP, 0, "push 0x102\n7: popf");
    faults16(virtual_at(0), "VME: PUSHFD still faults", GP, 0, "pushfd");
    faults16(virtual_at(0), "VME: POPFD still faults", GP, 0, "popfd");
    c = virtual_at(0);
    run_code(c, CODE16("push 0x203\npush cs\npush offset 7f\niret\n7: hlt"));
    check_equal("VME: IRET ends at HLT", c->vector, GP);
    check_equal("VME: IRET sets VIF", c->flags & (VIF | IF | CF), VIF | CF);
    faults16(virtual_at(0), "VME: IRETD still faults", GP, 0, "iretd");

    u32 *ivt = 0;
    asm("" : "+r"(ivt));
    const struct snippet *handler = CODE16("7: pushf\npop ax\nmov bp, sp\nmov bx, [bp]\nmov cx, [bp + 2]\nmov dx, [bp + 4]\nhlt");
    u32 saved = ivt[0x60];
    ivt[0x60] = REAL_SEGMENT << 16 | (u32)handler->fault;
    redirect(0x60, true);
    for (word level = 0; level < 4; level += 3) {
        c = virtual_at(level);
        c->flags |= CF | (level ? IF : VIF);
        const struct snippet *code = CODE16("int 0x60");
        run_code(c, code);
        check_equal(named("redirected INT, IOPL %ld, ends at HLT", level), c->vector, GP);
        check_equal(named("redirected INT, IOPL %ld, pushes IP", level), c->bx & 0xffff, (u32)code->start + 2);
        check_equal(named("redirected INT, IOPL %ld, pushes CS", level), c->cx & 0xffff, REAL_SEGMENT);
        check_equal(named("redirected INT, IOPL %ld, pushes FLAGS", level), c->dx & (IF | IOPL | CF), IF | IOPL | CF);
        check_equal(named("redirected INT, IOPL %ld, clears the interrupt flag", level), c->flags & (level ? IF : VIF), 0);
    }
    redirect(0x60, false);
    faults16(virtual_at(0), "not redirected, IOPL 0", GP, 0, "int 0x60");
    set_idt_gate(0x60, KERNEL_CODE, vector_stub(0x60), PRESENT | INT32 | DPL3, 0);
    expect_trap("not redirected, IOPL 3", virtual_at(3), CODE16("int 0x60\n7:"), 0x60);
    redirect(BP, true);
    expect_trap("INT3 is never redirected", virtual_at(3), CODE16("int3\n7:"), BP);
    redirect(BP, false);
    ivt[0x60] = saved;
    write_cr4(read_cr4() & ~CR4_VME);
    faults16(virtual_at(0), "without VME", GP, 0, "sti");

    /* Protected-mode virtual interrupts. */
    write_cr4(read_cr4() | CR4_PVI);
    c = user();
    run_code(c, CODE("sti\npushfd\npop eax\n7: hlt"));
    check_equal("PVI: STI ends at HLT", c->vector, GP);
    check_equal("PVI: STI sets VIF", c->flags & (VIF | IF), VIF);
    check_equal("PVI: PUSHFD shows VIF as it is", c->ax & (VIF | IF), VIF);
    c = user();
    c->flags |= VIF;
    run_code(c, CODE("cli\n7: hlt"));
    check_equal("PVI: CLI clears VIF", c->flags & VIF, 0);
    c = user();
    c->flags |= VIP;
    faults(c, "PVI: STI with VIP", GP, 0, "sti");
    write_cr4(read_cr4() & ~CR4_PVI);
}

/* Interrupts from outside, with and without virtual interrupt flag. */
static void external(void)
{
    apic_enable();
    u32 self = apic_read(APIC_ID) >> 24;
    apic_send(self, 0x4050);
    struct context *c = virtual_at(3);
    expect_end("IF clear holds an interrupt", c, CODE16("nop\nnop"));
    c = virtual_at(3);
    c->flags |= IF;
    c->gs = 0x4321;
    expect_fault("an interrupt in v86", c, CODE16("nop"), 0x50, 0);
    check_equal("an interrupt in v86: VM in the frame", c->flags & (VM | IF), VM | IF);
    check_equal("an interrupt in v86: GS in the frame", c->gs, 0x4321);
    apic_eoi();
    apic_send(self, 0x4050);
    c = virtual_at(3);
    expect_fault("STI in v86 holds it for one instruction", c, CODE16("sti\nnop\n7: nop"), 0x50, 0);
    apic_eoi();
    if (cpuid(1, 0).d & 2) {
        write_cr4(read_cr4() | CR4_VME);
        apic_send(self, 0x4050);
        c = virtual_at(0);
        c->flags |= IF;
        run_code(c, CODE16("cli\nhlt"));
        check_equal("VME: IF counts, not VIF", c->vector, 0x50);
        apic_eoi();
        write_cr4(read_cr4() & ~CR4_VME);
    }
}

void program(void)
{
    basics();
    privileged();
    iopl();
    entry_and_exit();
    extensions();
    external();
}
