/* What VM entry loads, VM exit saves and loads: SDM Vol. 3, sections "Loading Guest State", "Saving Guest State",
    "Loading
   Host State". */
#include "vmx.h"

#define FS_BASE 0xc0000100u
#define GS_BASE 0xc0000101u
#define PAT 0x277u
#define DEBUGCTL 0x1d9u
#define SYSENTER_CS 0x174u
#define SYSENTER_ESP 0x175u
#define SYSENTER_EIP 0x176u
#define OTHER_PAT 0x0007040600070400ull
#define FS_SELECTOR 0x90
#define LDT_SELECTOR 0xa0

struct __attribute__((packed)) table {
    u16 limit;
    u64 base;
};

static u8 *page, *bitmap;

/* The guest may use all MSRs. */
static void state_reset(void)
{
    guest_reset();
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    guest.bx = (u64)page;
    memset(page, 0, 4096);
}

static u64 guest_msr(u32 msr)
{
    guest.cx = msr;
    guest_run(GUEST("rdmsr"));
    return guest.dx << 32 | guest.ax;
}

/* All bits when there is no such MSR. */
static u64 own_msr(u32 msr)
{
    struct context *c = kernel();
    c->cx = msr;
    run_code(c, CODE("rdmsr"));
    return c->vector == END ? c->dx << 32 | c->ax : ~0ull;
}

static void guest_wrmsr(const char *name, u32 msr, u64 value)
{
    guest.cx = msr;
    guest.ax = (u32)value;
    guest.dx = value >> 32;
    expect_completion(named("the guest writes %s", name), GUEST("wrmsr"));
}

/* --- tables and segments --- */

static void tables(void)
{
    struct table *table = (struct table *)page, now;
    state_reset();
    vmwrite(GUEST_GDTR_LIMIT, 0x3ff);
    vmwrite(GUEST_IDTR_BASE, 0xffff800012345678);
    vmwrite(GUEST_IDTR_LIMIT, 0xabc);
    completes("the guest reads its tables", "sgdt [rbx]\nsidt [rbx + 16]");
    check_equal("entry loads GDTR's base", table->base, (u64)gdt);
    check_equal("entry loads GDTR's limit", table->limit, 0x3ff);
    check_equal("entry loads IDTR's base", ((struct table *)(page + 16))->base, 0xffff800012345678);
    check_equal("entry loads IDTR's limit", ((struct table *)(page + 16))->limit, 0xabc);
    *table = (struct table){0x1ff, (u64)gdt};
    completes("the guest loads its tables", "lgdt [rbx]\nlidt [rbx]");
    check_equal("exit saves GDTR's limit", vmread(GUEST_GDTR_LIMIT), 0x1ff);
    check_equal("exit saves IDTR's base", vmread(GUEST_IDTR_BASE), (u64)gdt);
    asm volatile("sgdt %0" : "=m"(now));
    check_equal("exit loads GDTR's base", now.base, (u64)gdt);
    check_equal("exit loads a GDTR limit of 0xffff", now.limit, 0xffff);
    asm volatile("sidt %0" : "=m"(now));
    check_equal("exit loads IDTR's base", now.base, (u64)idt);
    check_equal("exit loads an IDTR limit of 0xffff", now.limit, 0xffff);
}

static void system_segments(void)
{
    u32 selector;
    set_descriptor(LDT_SELECTOR, (u64)page, 0x7f, PRESENT | LDT);
    state_reset();
    vmwrite(GUEST_TR_SELECTOR, 0x1230);
    completes("the guest reads its task register", "str ecx\nsldt edx");
    check_equal("entry loads TR", guest.cx, 0x1230);
    check_equal("LDTR is null", guest.dx & 0xffff, 0);
    guest.ax = LDT_SELECTOR;
    completes("the guest loads LDTR", "lldt ax");
    check_equal("exit saves LDTR's selector", vmread(GUEST_LDTR_SELECTOR), LDT_SELECTOR);
    check_equal("exit saves LDTR's base", vmread(GUEST_LDTR_BASE), (u64)page);
    check_equal("exit saves LDTR's limit", vmread(GUEST_LDTR_LIMIT), 0x7f);
    check_equal("exit saves LDTR's access rights", vmread(GUEST_LDTR_ACCESS_RIGHTS), 0x82);
    asm volatile("sldt %0" : "=r"(selector));
    check_equal("exit makes LDTR null", selector & 0xffff, 0);
    asm volatile("str %0" : "=r"(selector));
    check_equal("exit loads TR", selector & 0xffff, MAIN_TSS);
}

static void data_segments(void)
{
    u32 selector;
    set_descriptor(FS_SELECTOR, 0x12345000, 0x5678, PRESENT | DATA_RW | BIG);
    state_reset();
    vmwrite(GUEST_FS_BASE, 0xffff800000001000);
    check_equal("entry loads the base of FS", guest_msr(FS_BASE), 0xffff800000001000);
    guest.ax = FS_SELECTOR;
    completes("the guest loads FS and clears GS", "mov fs, eax\nxor eax, eax\nmov gs, eax");
    check_equal("exit saves FS's selector", vmread(GUEST_FS_SELECTOR), FS_SELECTOR);
    check_equal("exit saves FS's base", vmread(GUEST_FS_BASE), 0x12345000);
    check_equal("exit saves FS's limit", vmread(GUEST_FS_LIMIT), 0x5678);
    check_equal("exit saves FS's access rights", vmread(GUEST_FS_ACCESS_RIGHTS), 0x4093);
    check_equal("a null GS is unusable", vmread(GUEST_GS_ACCESS_RIGHTS) >> 16 & 1, 1);
    check_equal("CS's access rights", vmread(GUEST_CS_ACCESS_RIGHTS), 0xa09b);
    guest_wrmsr("GS's base", GS_BASE, 0x123400005678);
    check_equal("exit saves the base of a null GS", vmread(GUEST_GS_BASE), 0x123400005678);
    vmwrite(HOST_FS_BASE, 0x7000);
    vmwrite(HOST_GS_BASE, 0xffff800000008000);
    vmwrite(HOST_ES_SELECTOR, 0);
    vmwrite(HOST_FS_SELECTOR, 0);
    guest_run(GUEST("nop"));
    check_equal("exit loads FS's base", rdmsr(FS_BASE), 0x7000);
    check_equal("exit loads GS's base", rdmsr(GS_BASE), 0xffff800000008000);
    asm volatile("mov %0, es" : "=r"(selector));
    check_equal("exit loads a null ES", selector & 0xffff, 0);
    asm volatile("mov %0, ds" : "=r"(selector));
    check_equal("exit loads DS", selector & 0xffff, KERNEL_DATA);
    state_reset();
    guest_run(GUEST("nop"));
    guest_user();
    guest_run(GUEST("nop"));
    check_equal("SS's DPL is the guest's CPL", vmread(GUEST_SS_ACCESS_RIGHTS) >> 5 & 3, 3);
}

/* SDM Vol. 2A, "IRET": of a data segment that the outer level may not use only the selector goes. */
static void return_to_user_mode(void)
{
    state_reset();
    vmwrite(GUEST_FS_SELECTOR, 0);
    vmwrite(GUEST_FS_BASE, 0x123400001000);
    vmwrite(GUEST_FS_LIMIT, 0xffffffff);
    vmwrite(GUEST_FS_ACCESS_RIGHTS, 0xc093);
    guest.ax = USER_DATA;
    guest.dx = USER_CODE64;
    guest.si = USER_ALIAS;
    const struct snippet *code = GUEST("mov rcx, rsp\nadd rcx, rsi\npush rax\npush rcx\npush 2\npush rdx\n"
        "lea rcx, [rip + 1f]\nadd rcx, rsi\npush rcx\niretq\n1:");
    left("the guest returns to user mode", guest_run(code), R_VMCALL, 0);
    check_equal("the guest is at CPL 3", vmread(GUEST_CS_SELECTOR), USER_CODE64);
    check_equal("the base of a null FS outlives IRET", vmread(GUEST_FS_BASE), 0x123400001000);
    check_equal("FS with a null selector is unusable now", vmread(GUEST_FS_ACCESS_RIGHTS) >> 16 & 1, 1);
}

/* --- registers --- */

static void registers(void)
{
    state_reset();
    vmwrite(GUEST_RFLAGS, CF | OF_FLAG | ID | 2);
    completes("the guest reads its flags", "pushfq\npop rcx\nmov rdx, rsp");
    check_equal("entry loads RFLAGS", guest.cx, CF | OF_FLAG | ID | 2);
    check_equal("entry loads RSP", guest.dx, GUEST_STACK);
    completes("the guest changes RSP and flags", "sub rsp, 0x10\nstd\nstc");
    check_equal("exit saves RSP", vmread(GUEST_RSP), GUEST_STACK - 0x10);
    check_equal("exit saves RFLAGS", vmread(GUEST_RFLAGS) & (DF_FLAG | CF | ID), DF_FLAG | CF | ID);
    word flags;
    asm volatile("pushfq\npop %0" : "=r"(flags));
    check_equal("exit clears DF and IF", flags & (DF_FLAG | IF | TF), 0);
    state_reset();
    vmwrite(GUEST_CR0, read_cr0() | CR0_TS);
    vmwrite(GUEST_CR4, read_cr4() | CR4_TSD);
    vmwrite(GUEST_CR3, read_cr3() | 0x18);
    completes("the guest reads its control registers", "mov rcx, cr0\nmov rdx, cr3\nmov rsi, cr4");
    check_equal("entry loads CR0", guest.cx, read_cr0() | CR0_TS);
    check_equal("entry loads CR3", guest.dx, read_cr3() | 0x18);
    check_equal("entry loads CR4", guest.si, read_cr4() | CR4_TSD);
    check_equal("exit loads CR0 and CR4", (read_cr0() & CR0_TS) | (read_cr4() & CR4_TSD), 0);
    completes("the guest writes CR3", "mov rdx, cr3\nand rdx, -0x19\nmov cr3, rdx");
    check_equal("exit saves CR3", vmread(GUEST_CR3), read_cr3());
    guest.dx = 0x11223344;
    guest.si = 0x55667788;
    completes("the guest writes CR2 and DR3", "mov cr2, rdx\nmov dr3, rsi");
    check_equal("exit leaves CR2 alone", read_cr2(), 0x11223344);
    check_equal("exit leaves DR3 alone", read_dr3(), 0x55667788);
}

static void debug_controls(void)
{
    state_reset();
    off(ENTRY_LOAD_DEBUG_CONTROLS);
    if (!(required_bits(ENTRY_CONTROLS) >> ENTRY_LOAD_DEBUG_CONTROLS % 32 & 1)) {
        vmwrite(GUEST_DR7, 0x455);
        completes("the guest reads DR7", "mov rcx, dr7");
        check_equal("entry doesn't load DR7 unless it is to", guest.cx, 0x400);
    }
    on(ENTRY_LOAD_DEBUG_CONTROLS);
    off(EXIT_SAVE_DEBUG_CONTROLS);
    vmwrite(GUEST_DR7, 0x700);
    vmwrite(GUEST_DEBUGCTL, 2);
    check_equal("entry loads DEBUGCTL", guest_msr(DEBUGCTL), 2);
    completes("the guest reads and writes DR7", "mov rcx, dr7\nmov eax, 0x400\nmov dr7, rax");
    check_equal("entry loads DR7", guest.cx, 0x700);
    check_equal("exit clears DEBUGCTL", own_msr(DEBUGCTL), 0);
    if (!(required_bits(EXIT_CONTROLS) >> EXIT_SAVE_DEBUG_CONTROLS % 32 & 1))
        check_equal("exit doesn't save DR7 unless it is to", vmread(GUEST_DR7), 0x700);
    on(EXIT_SAVE_DEBUG_CONTROLS);
    guest_wrmsr("DEBUGCTL", DEBUGCTL, 0);
    check_equal("exit saves DEBUGCTL", vmread(GUEST_DEBUGCTL), 0);
    completes("the guest writes DR7", "mov eax, 0x600\nmov dr7, rax");
    check_equal("exit saves DR7", vmread(GUEST_DR7), 0x600);
    check_equal("exit sets DR7", read_dr7(), 0x400);
}

/* --- MSRs --- */

static void sysenter(void)
{
    state_reset();
    vmwrite(GUEST_SYSENTER_CS, 0x1234);
    vmwrite(GUEST_SYSENTER_ESP, 0xffff800000005000);
    vmwrite(GUEST_SYSENTER_EIP, 0xffff800000006000);
    vmwrite(HOST_SYSENTER_CS, 0x88);
    vmwrite(HOST_SYSENTER_ESP, 0x7777);
    check_equal("entry loads SYSENTER_CS", guest_msr(SYSENTER_CS), 0x1234);
    check_equal("entry loads SYSENTER_ESP", guest_msr(SYSENTER_ESP), 0xffff800000005000);
    check_equal("entry loads SYSENTER_EIP", guest_msr(SYSENTER_EIP), 0xffff800000006000);
    check_equal("exit loads SYSENTER_CS", rdmsr(SYSENTER_CS), 0x88);
    check_equal("exit loads SYSENTER_ESP", rdmsr(SYSENTER_ESP), 0x7777);
    guest_wrmsr("SYSENTER_ESP", SYSENTER_ESP, 0x4321);
    check_equal("exit saves SYSENTER_ESP", vmread(GUEST_SYSENTER_ESP), 0x4321);
}

static void pat(void)
{
    if (!can(ENTRY_LOAD_PAT) || !can(EXIT_LOAD_PAT) || !need(EXIT_SAVE_PAT, "PAT"))
        return;
    u64 own = rdmsr(PAT);
    state_reset();
    vmwrite(GUEST_PAT, OTHER_PAT);
    check_equal("entry doesn't load the PAT unless it is to", guest_msr(PAT), own);
    on(ENTRY_LOAD_PAT);
    on(EXIT_LOAD_PAT);
    vmwrite(HOST_PAT, own);
    check_equal("entry loads the PAT", guest_msr(PAT), OTHER_PAT);
    check_equal("exit loads the PAT", rdmsr(PAT), own);
    guest_wrmsr("the PAT", PAT, own ^ 1);
    check_equal("exit doesn't save the PAT unless it is to", vmread(GUEST_PAT), OTHER_PAT);
    on(EXIT_SAVE_PAT);
    guest_wrmsr("the PAT again", PAT, own ^ 1);
    check_equal("exit saves the PAT", vmread(GUEST_PAT), own ^ 1);
    off(ENTRY_LOAD_PAT);
    off(EXIT_LOAD_PAT);
    guest_wrmsr("the PAT for good", PAT, OTHER_PAT);
    check_equal("without the controls all share one", rdmsr(PAT), OTHER_PAT);
    wrmsr(PAT, own);
}

static void efer(void)
{
    if (!can(ENTRY_LOAD_EFER) || !can(EXIT_LOAD_EFER) || !need(EXIT_SAVE_EFER, "IA32_EFER"))
        return;
    u64 own = rdmsr(EFER);
    state_reset();
    on(ENTRY_LOAD_EFER);
    on(EXIT_LOAD_EFER);
    on(EXIT_SAVE_EFER);
    vmwrite(GUEST_EFER, own & ~EFER_SCE);
    vmwrite(HOST_EFER, own);
    check_equal("entry loads IA32_EFER", guest_msr(EFER), own & ~EFER_SCE);
    check_equal("exit loads IA32_EFER", rdmsr(EFER), own);
    excepts("SYSCALL follows it", UD, 0, "syscall");
    guest_wrmsr("IA32_EFER", EFER, own & ~EFER_NXE);
    check_equal("exit saves IA32_EFER", vmread(GUEST_EFER), own & ~EFER_NXE);
    check_equal("exit loads it again", rdmsr(EFER), own);
}

void program(void)
{
    if (!vmx_begin())
        return;
    page = alloc_page();
    bitmap = alloc_page();
    tables();
    system_segments();
    data_segments();
    return_to_user_mode();
    registers();
    debug_controls();
    sysenter();
    pat();
    efer();
    vmx_end();
}
