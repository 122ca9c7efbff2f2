/* When x87 and SSE exceptions come: SDM Vol. 1, "x87 FPU Exception Synchronization", Vol. 3, "System Programming for ...". */
#include "guest.h"

static u8 *page;
static volatile u32 irq13;

static void emulation(void)
{
    static const struct { word cr0; bool x87, wait, sse, mmx; u8 sse_vector, mmx_vector; } cases[] = {
        {0, false, false, false, false, END, END},
        {CR0_EM, true, false, true, true, UD, UD},
        {CR0_TS, true, false, true, true, NM, NM},
        {CR0_MP, false, false, false, false, END, END},
        {CR0_MP | CR0_TS, true, true, true, true, NM, NM},
        {CR0_EM | CR0_TS, true, false, true, true, UD, UD},
        {CR0_EM | CR0_MP | CR0_TS, true, true, true, true, UD, UD},
    };
    word base = read_cr0() & ~(CR0_EM | CR0_MP | CR0_TS);
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *what = named("%s%s%s", cases[i].cr0 & CR0_EM ? "EM" : "-", cases[i].cr0 & CR0_MP ? "MP" : "-", cases[i].cr0 & CR0_TS ? "TS" : "-");
        write_cr0(base | cases[i].cr0);
        struct context *c = kernel();
        run_code(c, CODE("fnop"));
        check_equal(named("FNOP with %s", what), c->vector, cases[i].x87 ? NM : END);
        c = kernel();
        run_code(c, CODE("fwait"));
        check_equal(named("FWAIT with %s", what), c->vector, cases[i].wait ? NM : END);
        c = kernel();
        run_code(c, CODE("movaps xmm0, xmm1"));
        check_equal(named("MOVAPS with %s", what), c->vector, cases[i].sse_vector);
        c = kernel();
        run_code(c, CODE("movq mm0, mm1\nemms"));
        check_equal(named("MOVQ MM with %s", what), c->vector, cases[i].mmx_vector);
        c = kernel();
        run_code(c, CODE("mov eax, cr0\nfnstsw ax"));
        check_equal(named("FNSTSW with %s", what), c->vector, cases[i].x87 ? NM : END);
    }
    write_cr0(base | CR0_MP);
    write_cr4(read_cr4() & ~CR4_OSFXSR);
    faults(kernel(), "SSE without OSFXSR", UD, 0, "movaps xmm0, xmm1");
    runs(kernel(), "PREFETCH and SFENCE without OSFXSR", "prefetchnta [esp]\nsfence");
    write_cr4(read_cr4() | CR4_OSFXSR);
    struct context *c = kernel();
    write_cr0(base | CR0_MP | CR0_TS);
    runs(c, "CLTS", "clts\nfnop");
    write_cr0(base | CR0_MP);
}

static void numeric_errors(void)
{
    write_cr0(read_cr0() | CR0_NE);
    /* The error is pending until the next waiting instruction. */
    struct context *c = kernel();
    expect_fault("#MF at the next waiting instruction", c,
        CODE("fninit\nfld1\nfldz\npush 0x33b\nfldcw [esp]\nfdivp\nmov eax, 5\n7: fld1"), MF, 0);
    check_equal("instructions between run", c->ax, 5);
    expect_fault("#MF at FWAIT", kernel(), CODE("fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\nnop\n7: fwait"), MF, 0);
    expect_fault("#MF at an MMX instruction", kernel(), CODE("fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\nnop\n7: movq mm0, mm1"), MF, 0);
    c = kernel();
    runs(c, "no #MF at instructions that don't wait", "fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\nfnstsw ax\nfnstcw [esp]\nfnclex\nfwait\npop ecx");
    check_equal("FNSTSW shows ES and ZE", c->ax & 0x84, 0x84);
    runs(kernel(), "SSE does not wait", "fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\nmovaps xmm0, xmm1\nfnclex\npop ecx");
    c = kernel();
    runs(c, "unmasking raises nothing by itself", "fninit\nfld1\nfldz\nfdivp\npush 0x33b\nfldcw [esp]\nfnstsw ax\nfnclex\npop ecx");
    check_equal("FLDCW that unmasks sets ES", c->ax & 0x80, 0x80);
    expect_fault("FLDCW that unmasks a flagged error", kernel(), CODE("fninit\nfld1\nfldz\nfdivp\npush 0x33b\nfldcw [esp]\n7: fwait"), MF, 0);
    c = kernel();
    expect_fault("FRSTOR-like FLDENV with a pending error", c,
        CODE("fninit\nsub esp, 64\nfnstenv [esp]\nmov word ptr [esp], 0x33b\nmov word ptr [esp + 4], 4\nfldenv [esp]\n7: fwait"), MF, 0);
    expect_fault("#MF before the page fault of FLD", kernel(),
        CODE("fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\n7: fld dword ptr [esp]"), MF, 0);
    /* Unmasked invalid operation leaves the operands. */
    c = kernel();
    run_code(c, CODE("fninit\npush 0x37e\nfldcw [esp]\nfldz\nfldz\nfdivp\nfwait"));
    check_equal("invalid operation unmasked", c->vector, MF);
    runs(kernel(), "FNINIT clears it", "fninit\nfwait");
}

static bool count_irq13(struct frame *f)
{
    (void)f;
    irq13++;
    out8(0xf0, 0); /* clears FERR# */
    asm volatile("fnclex");
    out8(0xa0, 0x20);
    out8(0x20, 0x20);
    return true;
}

static void external_errors(void)
{
    on_vector(0x2d, count_irq13);
    pic_remap(0xdffb);
    apic_enable();
    apic_write(APIC_LVT_LINT0, 0x700);
    write_cr0(read_cr0() & ~CR0_NE);
    irq13 = 0;
    struct context *c = kernel();
    c->flags |= IF;
    runs(c, "with NE clear no #MF", "fninit\npush 0x33b\nfldcw [esp]\nfld1\nfldz\nfdivp\nfnop\nnop\nnop\nfnclex\npop ecx");
    check_equal("IRQ 13 instead", irq13, 1);
    write_cr0(read_cr0() | CR0_NE);
    pic_remap(0xffff);
}

static void simd_errors(void)
{
    struct context *c = kernel();
    faults(c, "#XM of a division by zero", XM, 0,
        "push 0x1d80\nldmxcsr [esp]\npop ecx\nxorps xmm1, xmm1\nmov eax, 0x3f800000\nmovd xmm0, eax\n7: divss xmm0, xmm1");
    c = kernel();
    run_code(c, CODE("push eax\nstmxcsr [esp]\npop eax\npush 0x1f80\nldmxcsr [esp]\npop ecx\nmovd edx, xmm0"));
    check_equal("#XM sets the flag", c->ax & 4, 4);
    check_equal("#XM leaves the destination", c->dx, 0x3f800000);
    runs(kernel(), "LDMXCSR that unmasks a flagged error raises nothing", "push 0x1d84\nldmxcsr [esp]\nmov dword ptr [esp], 0x1f80\nldmxcsr [esp]\npop ecx");
    faults(kernel(), "LDMXCSR with reserved bits", GP, 0, "push 0x10000\n7: ldmxcsr [esp]");
    write_cr4(read_cr4() & ~CR4_OSXMMEXCPT);
    faults(kernel(), "#UD without OSXMMEXCPT", UD, 0,
        "push 0x1d80\nldmxcsr [esp]\npop ecx\nxorps xmm1, xmm1\nmov eax, 0x3f800000\nmovd xmm0, eax\n7: divss xmm0, xmm1");
    write_cr4(read_cr4() | CR4_OSXMMEXCPT);
    runs(kernel(), "mask again", "push 0x1f80\nldmxcsr [esp]\npop ecx");
}

static void states(void)
{
    u32 p = (u32)page;
    struct context *c = kernel();
    c->bx = p;
    runs(c, "FXSAVE", "fninit\nfld1\nmov eax, 0x1234\nmovd xmm7, eax\nfxsave [ebx]");
    check_equal("FXSAVE FCW", *(u16 *)page, 0x37f);
    check_equal("FXSAVE abridged tag word", page[4], 0x80);
    check_equal("FXSAVE ST0", *(u16 *)(page + 40), 0x3fff);
    check_equal("FXSAVE XMM7", *(u32 *)(page + 160 + 112), 0x1234);
    check("FXSAVE MXCSR_MASK", *(u32 *)(page + 28) == 0xffff || *(u32 *)(page + 28) == 0xffbf);
    c = kernel();
    c->bx = p;
    runs(c, "FXRSTOR", "fninit\nxorps xmm7, xmm7\nfxrstor [ebx]\nfnstsw ax\nmov ecx, eax\nmovd eax, xmm7\nfninit");
    check_equal("FXRSTOR XMM7", c->ax, 0x1234);
    check_equal("FXRSTOR TOP", c->cx & 0x3800, 0x3800);
    c = kernel();
    c->bx = p + 8;
    faults(c, "FXSAVE misaligned", GP, 0, "fxsave [ebx]");
    *(u32 *)(page + 24) = 0x10000;
    c = kernel();
    c->bx = p;
    faults(c, "FXRSTOR with reserved MXCSR bits", GP, 0, "fxrstor [ebx]");
    c = kernel();
    c->bx = p;
    runs(c, "FNSAVE initialises", "fninit\nfld1\nfnsave [ebx]\nfnstsw ax\nfnstcw [ebx + 128]");
    check_equal("FNSAVE tag word", *(u16 *)(page + 8), 0x3fff);
    check_equal("FNSAVE initialises FSW", c->ax & 0xffff, 0);
    /* The last instruction and its operand. */
    c = kernel();
    c->bx = p;
    const struct snippet *code = CODE("fninit\n7: fld dword ptr [ebx]\nfnstenv [ebx + 64]\nfninit");
    run_code(c, code);
    check_equal("FIP", *(u32 *)(page + 64 + 12), (u32)code->fault);
    if (!(cpuid(7, 0).b & 1 << 6)) /* else it is written for unmasked exceptions only */
        check_equal("FDP", *(u32 *)(page + 64 + 20), p);
    /* MMX and the tags. */
    c = kernel();
    c->bx = p;
    runs(c, "MMX validates all tags", "fninit\nmovq mm0, mm1\nfnstenv [ebx]\nemms\nfnstenv [ebx + 32]");
    check_equal("tag word after MMX has no empty one", ({
        u32 tags = *(u16 *)(page + 8);
        u32 empty = 0;
        for (int i = 0; i < 8; i++)
            empty += (tags >> 2 * i & 3) == 3;
        empty;
    }), 0);
    check_equal("tag word after EMMS", *(u16 *)(page + 32 + 8), 0xffff);
}

void program(void)
{
    page = alloc_page();
    emulation();
    numeric_errors();
    external_errors();
    simd_errors();
    states();
}
