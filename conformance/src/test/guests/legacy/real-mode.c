/* Real-address mode: SDM Vol. 3, "8086 Emulation". */
#include "guest.h"

/* A segment of data at 0x20000. */
#define DATA 0x2000
static u8 *const data = (u8 *)0x20000;

static struct context *real(void)
{
    struct context *c = real_mode();
    c->ds = c->es = DATA;
    return c;
}

static void limits(void)
{
    faults16(real(), "word read at FFFF", GP, 0, "mov ax, [0xffff]");
    faults16(real(), "word write at FFFF", GP, 0, "mov [0xffff], ax");
    faults16(real(), "doubleword read at FFFD", GP, 0, "mov eax, [0xfffd]");
    runs16(real(), "doubleword read at FFFC", "mov eax, [0xfffc]");
    runs16(real(), "byte read at FFFF", "mov al, [0xffff]");
    faults16(real(), "SS word read at FFFF", SS, 0, "mov ax, ss:[0xffff]");
    faults16(real(), "BP uses SS", SS, 0, "mov bp, 0xffff\n7: mov ax, [bp]");
    faults16(real(), "32-bit address 10000", GP, 0, "mov ebx, 0x10000\n7: mov al, [ebx]");
    faults16(real(), "32-bit address with EBP 10000", SS, 0, "mov ebp, 0x10000\n7: mov al, [ebp]");
    faults16(real(), "32-bit stack address", SS, 0, "mov eax, 0x10000\n7: mov cl, [esp + eax]");
    faults16(real(), "32-bit address below zero", GP, 0, "mov ebx, 4\n7: mov al, [ebx - 8]");
    runs16(real(), "LEA has no limit", "mov ebx, 0x10000\nlea eax, [ebx + 4]");
    data[0x10] = 0x5a;
    struct context *c = real();
    runs16(c, "16-bit address wraps", "mov bx, 0xfff0\nmov si, 0x20\nmov al, [bx + si]");
    check_equal("16-bit address wraps to", c->ax & 0xff, 0x5a);
    faults16(real(), "relative jump beyond FFFF", GP, 0, "7: .byte 0x66, 0xe9\n.long 0x20000");
    faults16(real(), "near indirect jump beyond FFFF", GP, 0, "mov eax, 0x12345\n7: jmp eax");
    faults16(real(), "far jump beyond FFFF", GP, 0, ".byte 0x66, 0xea\n.long 0x10000\n.short 0x1000");
    c = real();
    runs16(c, "16-bit relative jump wraps", "jmp 2f\n3: jmp 4f\n2: .byte 0xe9\n.short 3b - 1f\n1: nop\n4:");
    /* Fetching past the end of the segment. */
    c = real();
    c->cs = DATA;
    c->offset = 0;
    data[0xfffe] = 0x90;
    data[0xffff] = 0x90;
    c->ip = 0xfffe;
    run(c);
    check_equal("fetch beyond FFFF", c->vector, GP);
    data[0xffff] = 0xb0; /* MOV AL, imm8 without its immediate */
    c = real();
    c->cs = DATA;
    c->ip = 0xffff;
    run(c);
    check_equal("fetch across FFFF", c->vector, GP);
    check_equal("fetch across FFFF: IP", c->ip, 0xffff);
    runs16(real(), "PUSH wraps at SP 0", "mov dx, sp\nmov sp, 0\npush ax\nmov cx, sp\nmov sp, dx\ncmp cx, 0xfffe\nje 1f\nud2\n1:");
    faults16(real(), "string operation crosses FFFF", GP, 0, "mov si, 0xffff\n7: lodsw");
    faults16(real(), "string destination crosses FFFF", GP, 0, "mov di, 0xffff\n7: stosw");
    c = real();
    runs16(c, "SI wraps", "mov si, 0xffff\nlodsb");
    check_equal("SI wraps to", c->si & 0xffff, 0);
    c = real();
    c->si = 0xaaaaffff;
    c->cx = 0x55550001;
    runs16(c, "REP keeps upper halves", "rep lodsb");
    check_equal("REP keeps upper ESI", c->si, 0xaaaa0000);
    check_equal("REP keeps upper ECX", c->cx, 0x55550000);
    c = real();
    c->cx = 3;
    c->si = 0xfffe;
    faults16(c, "REP faults in its second iteration", GP, 0, "rep lodsd");
    check_equal("REP count left", c->cx, 3);
    c = real();
    c->cx = 3;
    c->si = 0xfff9;
    faults16(c, "REP stops at the limit", GP, 0, "rep lodsd");
    check_equal("REP stops at the limit: count", c->cx, 2);
    check_equal("REP stops at the limit: SI", c->si, 0xfffd);
}

static void segments(void)
{
    struct context *c = real();
    data[0] = 0x11;
    runs16(c, "segment is base / 16", "mov ax, 0x1fff\nmov ds, ax\nmov al, [0x10]");
    check_equal("segment is base / 16: value", c->ax & 0xff, 0x11);
    c = real();
    runs16(c, "FFFF:0020 lies above 1 MiB", "mov ax, 0xffff\nmov ds, ax\nmov eax, [0x20]");
    check_equal("FFFF:0020 value", c->ax, *(volatile u32 *)0x100010);
    runs16(real(), "code segment is writable", "mov byte ptr cs:[3f], 0x90\njmp 3f\n3: hlt");
    c = real();
    runs16(c, "null selector is a segment", "xor ax, ax\nmov ds, ax\nmov eax, [0x30 * 4]");
    check_equal("null selector value", c->ax >> 16, REAL_SEGMENT);
    c = real();
    *(u32 *)(data + 0x40) = 0x12345678;
    *(u16 *)(data + 0x44) = 0x9abc;
    runs16(c, "LES", "les bx, [0x40]");
    check_equal("LES offset", c->bx, 0x5678);
    check_equal("LES segment", c->es, 0x1234);
    c = real();
    runs16(c, "LGS with 32-bit offset", "lgs ebx, [0x40]");
    check_equal("LGS offset", c->bx, 0x12345678);
    check_equal("LGS segment", c->gs, 0x9abc);
    c = real();
    runs16(c, "far call and return",
        "mov dx, sp\ncall 0x1000:3f\njmp 2f\n3: mov bp, sp\nmov ax, [bp]\nmov bx, [bp + 2]\nretf\n2: sub dx, sp");
    check_equal("far call pushes CS", c->bx, REAL_SEGMENT);
    check_equal("far return pops all", c->dx, 0);
    c = real();
    runs16(c, "RETF imm", "mov dx, sp\npush ax\npush cs\npush offset 3f\nretf 2\n3: sub dx, sp");
    check_equal("RETF imm pops", c->dx, 0);
    c = real();
    faults16(c, "MOV CS is undefined", UD, 0, ".byte 0x8e, 0xc8");
    faults16(real(), "segment register 6 is undefined", UD, 0, ".byte 0x8e, 0xf0");
    faults16(real(), "LES from a register is undefined", UD, 0, ".byte 0xc4, 0xc0");
}

static void interrupts(void)
{
    u32 *ivt = 0;
    asm("" : "+r"(ivt));
    struct context *c = real();
    u32 saved = ivt[0x60];
    c->flags |= IF | AC_FLAG | IOPL | CF;
    runs16(c, "INT and IRET",
        "mov dx, sp\nxor ax, ax\nmov es, ax\nmov word ptr es:[0x180], offset 3f\nmov es:[0x182], cs\n"
        "stc\nint 0x60\n4: jmp 2f\n3: pushf\npop ax\nmov bp, sp\nmov bx, [bp]\nmov cx, [bp + 2]\nmov si, [bp + 4]\n"
        "sub dx, sp\nand word ptr [bp + 4], 0xfffe\niret\n2: lea di, [4b]\ncli");
    ivt[0x60] = saved;
    check_equal("INT pushes 6 bytes", c->dx, 6);
    check_equal("INT pushes IP", c->bx, c->di);
    check_equal("INT pushes CS", c->cx, REAL_SEGMENT);
    check_equal("INT pushes FLAGS", c->si & (IF | CF | IOPL), IF | CF | IOPL);
    check_equal("INT clears IF", c->ax & (IF | TF), 0);
    check_equal("IRET restores FLAGS", c->flags & CF, 0);
    c = real();
    expect_trap("INT3", c, CODE16("int3\n7:"), BP);
    c = real();
    check_equal("exceptions push no error code", c->sp, REAL_STACK);
    expect_trap("INT1", real(), CODE16(".byte 0xf1\n7:"), DB);
    expect_trap("INTO", real(), CODE16("mov al, 0x7f\nadd al, 1\ninto\n7:"), OF);
    runs16(real(), "INTO without overflow", "xor ax, ax\ninto");
    faults16(real(), "divide error", DE, 0, "xor bl, bl\n7: div bl");
    faults16(real(), "divide overflow", DE, 0, "mov ax, 0x1000\nmov bl, 1\n7: div bl");
    faults16(real(), "AAM 0", DE, 0, ".byte 0xd4, 0");
    *(u16 *)(data + 0x50) = 10;
    *(u16 *)(data + 0x52) = 20;
    faults16(real(), "BOUND below", BR, 0, "mov bx, 9\n7: bound bx, [0x50]");
    faults16(real(), "BOUND above", BR, 0, "mov bx, 21\n7: bound bx, [0x50]");
    runs16(real(), "BOUND within", "mov bx, 20\nbound bx, [0x50]");
    faults16(real(), "UD2", UD, 0, "ud2");
    faults16(real(), "LOCK on a register", UD, 0, ".byte 0xf0, 0x01, 0xc0");
    faults16(real(), "LOCK NOP", UD, 0, ".byte 0xf0, 0x90");
    faults16(real(), "16 bytes of instruction", GP, 0, ".rept 15\n.byte 0x3e\n.endr\nnop");
    expect_trap("single step", real(), CODE16("pushf\npop ax\nor ax, 0x100\npush ax\npopf\nnop\n7: nop"), DB);
    c = real();
    c->ds = REAL_SEGMENT;
    faults16(c, "INT n beyond the IDT limit", GP, 0, "lidt [2f]\n7: int 0x60\n2:.short 0x17f\n.long 0");
    c = real();
    memcpy(data + 0x1000, ivt, 1024);
    c->ds = REAL_SEGMENT;
    *(u32 *)(data + 0x1000 + 0x60 * 4) = ivt[0x61];
    expect_trap("IVT elsewhere", c, CODE16("lidt [2f]\nint 0x60\n7:\n2:.short 0x3ff\n.long 0x21000"), 0x61);
    c = real();
    runs16(c, "IRET loads NT and IOPL", "push 0x7002\npush cs\npush offset 3f\niret\n3: pushf\npop ax\npush 2\npopf");
    check_equal("IRET loads NT and IOPL: FLAGS", c->ax & 0x7000, 0x7000);
    c = real();
    runs16(c, "POPFD keeps VM", "pushfd\npop eax\nor eax, 0x20000\npush eax\npopfd\npushfd\npop eax");
    check_equal("POPFD keeps VM: EFLAGS", c->ax & VM, 0);
    c = real();
    runs16(c, "IRETD in real mode", "push 0\npush 0x4\npush 0x0002\npushw 0\npush cs\npushw 0\npush offset 3f\n"
        "iretd\n3: pushfd\npop eax\nadd sp, 2");
    check_equal("IRETD loads AC", c->ax & AC_FLAG, AC_FLAG);
}

static void privileged(void)
{
    static const char *const names[] = {"SLDT", "STR", "LLDT", "LTR", "VERR", "VERW"};
    faults16(real(), named("%s is undefined", names[0]), UD, 0, ".byte 0x0f, 0x00, 0xc0");
    faults16(real(), named("%s is undefined", names[1]), UD, 0, ".byte 0x0f, 0x00, 0xc8");
    faults16(real(), named("%s is undefined", names[2]), UD, 0, ".byte 0x0f, 0x00, 0xd0");
    faults16(real(), named("%s is undefined", names[3]), UD, 0, ".byte 0x0f, 0x00, 0xd8");
    faults16(real(), named("%s is undefined", names[4]), UD, 0, ".byte 0x0f, 0x00, 0xe0");
    faults16(real(), named("%s is undefined", names[5]), UD, 0, ".byte 0x0f, 0x00, 0xe8");
    faults16(real(), "LAR is undefined", UD, 0, "lar ax, bx");
    faults16(real(), "LSL is undefined", UD, 0, "lsl ax, bx");
    faults16(real(), "ARPL is undefined", UD, 0, "arpl ax, bx");
    faults16(real(), "SYSENTER", GP, 0, "sysenter");
    faults16(real(), "SYSEXIT", GP, 0, "sysexit");
    faults16(real(), "VMCALL is undefined", UD, 0, ".byte 0x0f, 0x01, 0xc1");
    faults16(real(), "VMXON is undefined", UD, 0, ".byte 0xf3, 0x0f, 0xc7, 0x36\n.short 0");
    faults16(real(), "LGDT from a register is undefined", UD, 0, ".byte 0x0f, 0x01, 0xd0");
    faults16(real(), "CR0.PG without PE", GP, 0, "mov eax, cr0\nor eax, 0x80000000\n7: mov cr0, eax");
    faults16(real(), "CR0.NW without CD", GP, 0, "mov eax, cr0\nor eax, 0x20000000\nand eax, 0xbfffffff\n7: mov cr0, eax");
    faults16(real(), "CR1 is undefined", UD, 0, ".byte 0x0f, 0x20, 0xc8");
    faults16(real(), "unknown MSR", GP, 0, "mov ecx, 0x12345678\n7: rdmsr");
    struct context *c = real();
    runs16(c, "SMSW", "smsw ax");
    check_equal("SMSW shows PE clear", c->ax & 1, 0);
    c = real();
    runs16(c, "MOV CR ignores mod", ".byte 0x0f, 0x20, 0x00");
    check_equal("MOV CR0 value", c->ax & 1, 0);
    c = real();
    memset(data + 0x60, 0xee, 16);
    runs16(c, "LGDT with 16-bit operand", "lgdt [0x70]\nsgdt [0x60]");
    c = real();
    *(u16 *)(data + 0x70) = 0x1234;
    *(u32 *)(data + 0x72) = 0x89abcdef;
    runs16(c, "LGDT takes 24 bits of base", "lgdt [0x70]\nsgdt [0x60]");
    check_equal("LGDT limit", *(u16 *)(data + 0x60), 0x1234);
    check_equal("LGDT base of 24 bits", *(u32 *)(data + 0x62), 0x00abcdef);
    runs16(real(), "LGDT with 32-bit operand", "lgdtd [0x70]\nsgdtd [0x60]");
    check_equal("LGDT base of 32 bits", *(u32 *)(data + 0x62), 0x89abcdef);
    check_equal("SGDT stores 6 bytes", *(u16 *)(data + 0x66), 0xeeee);
    runs16(real(), "CLI, STI, IN, OUT, CLTS, INVD, WBINVD", "cli\nsti\ncli\nin al, 0x80\nout 0x80, al\nclts\nwbinvd");
}

static void big_real_mode(void)
{
    struct context *c = real();
    u32 *far = alloc_page();
    *far = 0xfeedbeef;
    c->bx = (u32)far;
    runs16(c, "limits outlive protected mode",
        "mov eax, cr0\nor al, 1\nmov cr0, eax\njmp 1f\n1: mov dx, 0x10\nmov ds, dx\nmov gs, dx\nand al, 0xfe\nmov cr0, eax\njmp 1f\n1:"
        "mov ax, 0x2000\nmov ds, ax\nmov edx, gs:[ebx]\nmov ecx, ebx\nsub ecx, 0x20000\nmov ecx, [ecx]");
    check_equal("GS base and limit kept", c->dx, 0xfeedbeef);
    check_equal("a load keeps the limit", c->cx, 0xfeedbeef);
    c = real();
    c->bx = (u32)far;
    runs16(c, "string operation with 32-bit addresses",
        "mov eax, cr0\nor al, 1\nmov cr0, eax\njmp 1f\n1: mov dx, 0x10\nmov ds, dx\nmov es, dx\nand al, 0xfe\nmov cr0, eax\njmp 1f\n1:"
        "xor ax, ax\nmov ds, ax\nmov es, ax\nmov esi, ebx\nlea edi, [ebx + 8]\nmov ecx, 4\naddr32 rep movsb");
    check_equal("string operation copied", far[2], 0xfeedbeef);
    c = real();
    runs16(c, "real mode with 32-bit code",
        "mov eax, cr0\nor al, 1\nmov cr0, eax\n.byte 0x66, 0xea\n.long 3f + 0x10000\n.short 8\n"
        ".code32\n3: and al, 0xfe\nmov cr0, eax\nmov ecx, 0x12345678\nor al, 1\nmov cr0, eax\n.byte 0xea\n.long 4f\n.short 0x38\n"
        ".code16\n4: and al, 0xfe\nmov cr0, eax\n.byte 0xea\n.short 5f, 0x1000\n5:");
    check_equal("32-bit code outlives the switch", c->cx, 0x12345678);
}

static void sixteen_bit(void)
{
    struct context *c = real();
    runs16(c, "PUSH SP pushes the old value", "mov dx, sp\npush sp\npop ax\nsub dx, ax");
    check_equal("PUSH SP value", c->dx, 0);
    c = real();
    c->cx = 0x10000;
    runs16(c, "JCXZ looks at CX", "jcxz 1f\nud2\n1: jecxz 2f\njmp 3f\n2: ud2\n3:");
    c = real();
    c->cx = 0x10001;
    runs16(c, "LOOP counts CX", "1: loop 2f\njmp 3f\n2: ud2\n3:");
    check_equal("LOOP leaves upper ECX", c->cx, 0x10000);
    c = real();
    runs16(c, "ENTER and LEAVE", "mov dx, sp\nmov bp, 0x1234\nenter 8, 0\nmov ax, sp\nleave\nsub dx, sp\nmov cx, bp");
    check_equal("LEAVE balances", c->dx, 0);
    check_equal("LEAVE restores BP", c->cx, 0x1234);
    c = real();
    runs16(c, "PUSHA and POPA", "mov ax, 1\nmov bx, 2\npusha\nxor ax, ax\nxor bx, bx\npopa");
    check_equal("POPA", c->ax << 8 | c->bx, 0x102);
    c = real();
    c->ax = c->bx = 0xffffffff;
    runs16(c, "16-bit results keep upper halves", "mov ax, 1\ninc bx");
    check_equal("16-bit MOV keeps", c->ax, 0xffff0001);
    check_equal("16-bit INC keeps", c->bx, 0xffff0000);
    c = real();
    data[0x105] = 0x77;
    runs16(c, "XLAT", "mov bx, 0x100\nmov al, 5\nxlatb");
    check_equal("XLAT value", c->ax & 0xff, 0x77);
}

void program(void)
{
    limits();
    segments();
    interrupts();
    privileged();
    big_real_mode();
    sixteen_bit();
}
