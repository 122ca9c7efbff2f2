/* Debug registers and exceptions: SDM Vol. 3, "Debug, Branch Profile, TSC, ...". */
#include "guest.h"

static u8 *page;
#define B0 1ul
#define BD (1ul << 13)
#define BS (1ul << 14)
#define FIXED_DR6 0xffff0ff0ul
#define RW(n, rw, len) ((u64)(rw) << (16 + 4 * (n)) | (u64)(len) << (18 + 4 * (n)))
#define L(n) (1ul << (2 * (n)))
#define G(n) (2ul << (2 * (n)))
enum { EXECUTE = 0, WRITE = 1, IO = 2, ACCESS = 3 };
enum { ONE = 0, TWO = 1, EIGHT = 2, FOUR = 3 };

static void clear(void)
{
    write_dr7(0x400);
    write_dr6(FIXED_DR6);
    write_dr0(0);
    write_dr1(0);
    write_dr2(0);
    write_dr3(0);
}

/* --- the registers --- */

static void registers(void)
{
    clear();
    check_equal("DR6 fixed bits", read_dr6() & ~0x1f000ul, 0xffff0ff0ul & ~0x1f000ul);
    write_dr6(0);
    check_equal("DR6 bits that are always 1", read_dr6() & 0xfffe0ff0ul, 0xfffe0ff0ul);
    check_equal("DR6 bit 12 is always 0", read_dr6() & 0x1000, 0);
    write_dr6(FIXED_DR6 | 0xe00f);
    check_equal("DR6 bits that stick", read_dr6() & 0xe00f, 0xe00f);
    clear();
    write_dr7(0);
    check_equal("DR7 bit 10 is always 1", read_dr7(), 0x400);
    write_dr7(0xd000 | 0x3ff);
    check_equal("DR7 bits 12, 14, 15 are always 0", read_dr7() & 0xd000, 0);
    check_equal("DR7 LE and GE stick", read_dr7() & 0x3ff, 0x3ff);
    clear();
    struct context *c = kernel();
    c->ax = 0x123456789abcdef0ull;
    runs(c, "DR0 holds 64 bits", "mov dr0, rax\nmov rcx, dr0");
    check_equal("DR0", c->cx, 0x123456789abcdef0ull);
    faults(kernel(), "DR6 upper half", GP, 0, "mov rax, 0x100000000\n7: mov dr6, rax");
    faults(kernel(), "DR7 upper half", GP, 0, "mov rax, 0x100000000\n7: mov dr7, rax");
    faults(user(), "MOV DR at CPL 3", GP, 0, "mov rax, dr0");
    write_cr4(read_cr4() & ~CR4_DE);
    c = kernel();
    c->ax = 0;
    runs(c, "DR4 is DR6 without CR4.DE", ".byte 0x0f, 0x21, 0xe0");
    check_equal("DR4", c->ax & 0xff0, 0xff0);
    runs(kernel(), "DR5 is DR7 without CR4.DE", ".byte 0x0f, 0x21, 0xe8");
    write_cr4(read_cr4() | CR4_DE);
    faults(kernel(), "DR4 with CR4.DE", UD, 0, ".byte 0x0f, 0x21, 0xe0");
    faults(kernel(), "DR5 with CR4.DE", UD, 0, ".byte 0x0f, 0x23, 0xe8");
    clear();
}

/* --- single step --- */

static void single_step(void)
{
    struct context *c = user();
    c->flags |= TF;
    expect_fault("TF traps after one instruction", c, CODE("nop\n7: nop"), DB, 0);
    check_equal("BS", c->dr6 & 0xe00f, BS);
    check_equal("TF in the frame", c->flags & TF, TF);
    clear();
    c = user();
    expect_fault("POPF that sets TF traps after the next", c, CODE("push 0x102\npopfq\nnop\n7: nop"), DB, 0);
    clear();
    c = user();
    c->flags |= TF;
    c->sp = (u64)page + USER_ALIAS + 64;
    *(u64 *)(page + 64) = 2;
    expect_fault("POPF that clears TF traps once", c, CODE("popfq\n7: nop"), DB, 0);
    check_equal("POPF cleared TF", c->flags & TF, 0);
    clear();
    c = user();
    c->flags |= TF;
    c->cx = 3;
    c->di = (u64)page + USER_ALIAS;
    expect_fault("REP STOSB traps each iteration", c, CODE("rep stosb\nnop"), DB, 0);
    check_equal("REP STOSB: RCX after one", c->cx, 2);
    check_equal("a trap between iterations pushes RF", c->flags & RF, RF);
    clear();
    c = user();
    c->flags |= TF;
    c->cx = 1;
    c->di = (u64)page + USER_ALIAS;
    expect_fault("the last iteration ends the instruction", c, CODE("rep stosb\n7: nop"), DB, 0);
    clear();
    c = user();
    c->flags |= TF;
    expect_fault("TF of a jump", c, CODE("jmp 7f\nud2\n7: nop"), DB, 0);
    clear();
    c = user();
    c->flags |= TF;
    run_code(c, CODE("int3"));
    check_equal("INT3 under TF is #BP", c->vector, BP);
    clear();
    c = user();
    c->flags |= TF;
    run_code(c, CODE("int 0x30"));
    check_equal("INT n under TF does not trap behind", c->vector, END);
    check_equal("INT n under TF leaves DR6", c->dr6 & BS, 0);
    c = user();
    c->flags |= TF;
    expect_fault("a fault under TF", c, CODE("ud2"), UD, 0);
    clear();
    c = kernel();
    c->bx = KERNEL_DATA;
    c->flags |= TF;
    expect_fault("MOV SS holds the trap", c, CODE("mov ss, ebx\nnop\n7: nop"), DB, 0);
    clear();
    c = kernel();
    c->flags |= TF;
    expect_fault("STI holds no trap", c, CODE("sti\n7: cli"), DB, 0);
    clear();
    c = kernel();
    expect_fault("IRET that sets TF traps after the next", c,
        CODE("mov rdx, rsp\nmov eax, ss\npush rax\npush rdx\npush 0x102\nmov eax, cs\npush rax\nlea rax, [1f + rip]\npush rax\niretq\n1: nop\n7: nop"), DB, 0);
    clear();
    expect_trap("INT1", user(), CODE(".byte 0xf1\n7:"), DB);
    clear();
}

/* --- breakpoints on instructions --- */

static void execution(void)
{
    struct context *c = user();
    const struct snippet *code = CODE("nop\n7: nop\nnop");
    write_dr0((u64)code->fault + USER_ALIAS);
    write_dr7(0x400 | L(0));
    expect_fault("instruction breakpoint", c, code, DB, 0);
    check_equal("B0", c->dr6 & 0xe00f, B0);
    check_equal("an instruction breakpoint pushes RF as it was", c->flags & RF, 0);
    clear();
    write_dr3((u64)code->fault + USER_ALIAS);
    write_dr7(0x400 | G(3));
    c = user();
    expect_fault("instruction breakpoint 3, global", c, code, DB, 0);
    check_equal("B3", c->dr6 & 0xe00f, 8);
    /* With RF the instruction runs. */
    c = user();
    c->flags |= RF;
    c->ip = (u64)code->fault + USER_ALIAS;
    write_dr6(FIXED_DR6);
    run(c);
    check_equal("RF passes the breakpoint", c->vector, END);
    c = user();
    c->flags |= RF;
    write_dr6(FIXED_DR6);
    expect_fault("RF lasts one instruction", c, code, DB, 0);
    clear();
    write_dr0((u64)code->fault + USER_ALIAS + 1);
    write_dr7(0x400);
    expect_end("a breakpoint that isn't enabled", user(), code);
    write_dr0((u64)code->fault);
    write_dr7(0x400 | L(0));
    expect_end("breakpoints are linear addresses", user(), code);
    code = CODE("nop\n7: ud2");
    write_dr0((u64)code->fault + USER_ALIAS);
    c = user();
    expect_fault("breakpoint before the instruction's own fault", c, code, DB, 0);
    code = CODE("mov eax, 0x12345678\nnop");
    write_dr0((u64)code->start + USER_ALIAS + 2);
    expect_end("a breakpoint in the middle of an instruction", user(), code);
    clear();
    code = CODE("nop\n7: nop");
    write_dr0((u64)code->fault + USER_ALIAS);
    write_dr1((u64)code->fault + USER_ALIAS);
    write_dr7(0x400 | L(0) | L(1));
    c = user();
    expect_fault("two at one place", c, code, DB, 0);
    check_equal("B0 and B1", c->dr6 & 0xf, 3);
    clear();
    code = CODE("mov ss, ebx\n1: nop\n7: nop");
    c = kernel();
    c->bx = KERNEL_DATA;
    write_dr0((u64)code->fault - 1);
    write_dr7(0x400 | L(0));
    run_code(c, code);
    check_equal("MOV SS suppresses an instruction breakpoint", c->vector, END);
    clear();
    code = CODE("nop\n7: nop");
    write_dr0((u64)code->fault + USER_ALIAS);
    write_dr7(0x400 | L(0));
    c = user();
    c->flags |= TF;
    expect_fault("single step with a breakpoint on the next", c, code, DB, 0);
    check_equal("BS, then perhaps B0", c->dr6 & BS, BS);
    clear();
}

/* --- breakpoints on data --- */

static void watch(const char *name, int rw, int length, unsigned offset, const struct snippet *code, unsigned at, bool hit)
{
    clear();
    write_dr1((u64)page + USER_ALIAS + offset);
    write_dr7(0x400 | L(1) | RW(1, rw, length));
    struct context *c = user();
    c->bx = (u64)page + USER_ALIAS + at;
    c->si = c->di = c->bx;
    if (hit) {
        expect_fault(name, c, code, DB, 0);
        check_equal(named("%s: B1", name), c->dr6 & 0xf, 2);
    } else {
        expect_end(name, c, code);
    }
    clear();
}

static void data(void)
{
    const struct snippet *write1 = CODE("mov [rbx], al\n7: nop"), *read1 = CODE("mov al, [rbx]\n7: nop");
    const struct snippet *write4 = CODE("mov [rbx], eax\n7: nop"), *read8 = CODE("mov rax, [rbx]\n7: nop");
    watch("write, byte written", WRITE, ONE, 16, write1, 16, true);
    watch("write, byte read", WRITE, ONE, 16, read1, 16, false);
    watch("access, byte read", ACCESS, ONE, 16, read1, 16, true);
    watch("access, byte written", ACCESS, ONE, 16, write1, 16, true);
    watch("write, next byte", WRITE, ONE, 16, write1, 17, false);
    watch("write, doubleword over it", WRITE, ONE, 18, write4, 16, true);
    watch("write of two, first", WRITE, TWO, 16, write1, 16, true);
    watch("write of two, second", WRITE, TWO, 16, write1, 17, true);
    watch("write of two, third", WRITE, TWO, 16, write1, 18, false);
    watch("write of two, address aligned down", WRITE, TWO, 17, write1, 16, true);
    watch("write of four, last", WRITE, FOUR, 16, write1, 19, true);
    watch("write of four, behind", WRITE, FOUR, 16, write1, 20, false);
    watch("write of four, partly", WRITE, FOUR, 16, write4, 13, true);
    watch("access of eight, last", ACCESS, EIGHT, 16, read1, 23, true);
    watch("access of eight, behind", ACCESS, EIGHT, 16, read1, 24, false);
    watch("access of eight, quadword", ACCESS, EIGHT, 16, read8, 16, true);
    watch("access, push", ACCESS, EIGHT, 32, CODE("xchg rsp, rbx\npush rax\n7: xchg rsp, rbx"), 40, true);
    watch("access, read-modify-write", WRITE, FOUR, 16, CODE("add dword ptr [rbx], 1\n7: nop"), 16, true);
    watch("access, LEA", ACCESS, FOUR, 16, CODE("lea rax, [rbx]\n7: nop"), 16, false);
    watch("write, xmm", WRITE, ONE, 31, CODE("movups [rbx], xmm0\n7: nop"), 16, true);
    watch("instruction fetch is no access", ACCESS, ONE, 16, CODE("nop"), 16, false);
    /* Taken after the instruction, in the middle of a REP after its iteration. */
    clear();
    write_dr0((u64)page + USER_ALIAS + 20);
    write_dr7(0x400 | L(0) | RW(0, WRITE, ONE));
    struct context *c = user();
    c->di = (u64)page + USER_ALIAS + 16;
    c->cx = 8;
    run_code(c, CODE("rep stosb"));
    check_equal("REP STOSB over a breakpoint", c->vector, DB);
    check("REP STOSB stops behind the iteration, or a group of them", c->cx <= 3);
    clear();
    /* MOV SS holds data breakpoints for the next instruction. */
    u16 *selector = (u16 *)(page + 64);
    *selector = KERNEL_DATA;
    write_dr0((u64)selector);
    write_dr7(0x400 | G(0) | RW(0, ACCESS, TWO));
    c = kernel();
    c->bx = (u64)selector;
    expect_fault("data breakpoint of MOV SS waits for the next instruction", c, CODE("mov ss, [rbx]\nnop\n7: nop"), DB, 0);
    check_equal("data breakpoint of MOV SS: B0", c->dr6 & 0xf, B0);
    clear();
    /* A disabled register may still report, an enabled one must. */
    write_dr0((u64)page + USER_ALIAS + 16);
    write_dr1((u64)page + USER_ALIAS + 16);
    write_dr7(0x400 | L(1) | RW(0, WRITE, ONE) | RW(1, WRITE, ONE));
    c = user();
    c->bx = (u64)page + USER_ALIAS + 16;
    expect_fault("B bits of enabled registers", c, CODE("mov [rbx], al\n7: nop"), DB, 0);
    check_equal("B1 is set", c->dr6 & 2, 2);
    clear();
    write_dr0((u64)page + USER_ALIAS + 16);
    write_dr7(0x400 | L(0) | RW(0, WRITE, ONE));
    c = user();
    c->flags |= TF;
    c->bx = (u64)page + USER_ALIAS + 16;
    expect_fault("data breakpoint and single step", c, CODE("mov [rbx], al\n7: nop"), DB, 0);
    check_equal("B0 and BS", c->dr6 & 0xe00f, B0 | BS);
    clear();
    /* DR6 is sticky but for what the next exception sets. */
    write_dr6(FIXED_DR6 | BD);
    c = user();
    c->flags |= TF;
    run_code(c, CODE("nop\nnop"));
    check_equal("BD is sticky", c->dr6 & (BD | BS), BD | BS);
    clear();
}

static void io(void)
{
    write_cr4(read_cr4() | CR4_DE);
    write_dr0(0x80);
    write_dr7(0x400 | L(0) | RW(0, IO, ONE));
    struct context *c = kernel();
    expect_fault("OUT", c, CODE("out 0x80, al\n7: nop"), DB, 0);
    check_equal("OUT: B0", c->dr6 & 0xf, B0);
    write_dr6(FIXED_DR6);
    expect_fault("IN", kernel(), CODE("in al, 0x80\n7: nop"), DB, 0);
    write_dr6(FIXED_DR6);
    expect_fault("IN of DX", kernel(), CODE("mov edx, 0x80\nin al, dx\n7: nop"), DB, 0);
    write_dr6(FIXED_DR6);
    expect_end("another port", kernel(), CODE("in al, 0x84"));
    c = kernel();
    c->bx = 0x80;
    expect_end("memory at the port's number", c, CODE("mov al, [rbx]"));
    clear();
    write_dr0(0x80);
    write_dr7(0x400 | L(0) | RW(0, IO, FOUR));
    expect_fault("four ports", kernel(), CODE("in al, 0x83\n7: nop"), DB, 0);
    clear();
    write_cr4(read_cr4() & ~CR4_DE);
}

static void general_detect(void)
{
    write_dr7(0x400 | 1 << 13);
    struct context *c = kernel();
    faults(c, "GD", DB, 0, "mov rax, dr0");
    check_equal("GD: BD", c->dr6 & 0xe00f, BD);
    check_equal("GD is cleared for the handler", read_dr7() & (1 << 13), 0);
    clear();
}

void program(void)
{
    page = alloc_page();
    registers();
    single_step();
    execution();
    data();
    io();
    general_detect();
}
