/* Guests that don't run in 64-bit mode: compatibility mode, 32-bit paging with task switches and virtual-8086 mode, PAE
   paging with its PDPTEs, and, as unrestricted guests, real mode and protected mode without paging: SDM Vol. 3,
       chapters
   "VM Entries", "VMX Non-Root Operation", sections "Unrestricted Guests", "Exit Qualification for Task Switches". */
#include "vmx.h"

static u32 *directory;         /* 4 MiB pages, identity */
static u64 *pointers;          /* PDPTEs for the 2 MiB pages of the hypervisor's own tables */
static u64 *root;              /* EPT */
static u64 idt32[256];
static u8 *task;               /* TSS with a redirection bitmap */
static u16 handler;            /* of real-mode interrupts */

static void segment(u32 field, u16 selector, u64 base, u32 limit, u32 rights)
{
    vmwrite(field, selector);
    vmwrite(field + GUEST_ES_LIMIT - GUEST_ES_SELECTOR, limit);
    vmwrite(field + GUEST_ES_ACCESS_RIGHTS - GUEST_ES_SELECTOR, rights);
    vmwrite(field + GUEST_ES_BASE - GUEST_ES_SELECTOR, base);
}

static void all_segments(u16 selector, u64 base, u32 limit, u32 code, u32 data)
{
    for (u32 field = GUEST_ES_SELECTOR; field <= GUEST_GS_SELECTOR; field += 2)
        segment(field, selector, base, limit, field == GUEST_CS_SELECTOR ? code : data);
}

static void compatibility(void)
{
    guest_reset();
    segment(GUEST_CS_SELECTOR, KERNEL_CODE32, 0, 0xffffffff, 0xc09b);
    expect_exit("compatibility mode: CPUID", GUEST32("cpuid"), R_CPUID, 0);
    expect_exception("compatibility mode: VMREAD", GUEST32("vmread eax, ecx"), UD, 0);
    expect_exit("compatibility mode: VMCALL", GUEST32("vmcall"), R_VMCALL, 0);
    on(INVLPG_EXITING);
    vmwrite(GUEST_DS_BASE, 0x10000);
    guest.bx = 0xfffffff0;
    expect_exit("compatibility mode: bases count and wrap around", GUEST32("invlpg [ebx + 0x20]"), R_INVLPG, 0x10010);
}

/* --- 32-bit paging --- */

static void reset32(void)
{
    guest_reset();
    off(ENTRY_IA_32E_MODE_GUEST);
    segment(GUEST_CS_SELECTOR, KERNEL_CODE32, 0, 0xffffffff, 0xc09b);
    vmwrite(GUEST_CR3, (u64)directory);
    vmwrite(GUEST_CR4, (read_cr4() & ~CR4_PAE) | CR4_PSE);
    vmwrite(GUEST_IDTR_BASE, (u64)idt32);
    vmwrite(GUEST_IDTR_LIMIT, sizeof idt32 - 1);
}

static void protected_mode(void)
{
    reset32();
    guest.ax = 0xffffffffffffffff;
    expect_exit("32 bits: CPUID", GUEST32("inc eax\n7: cpuid"), R_CPUID, 0);
    check_equal("32 bits: the guest writes half a register", (u32)guest.ax, 0);
    guest.bx = 0x12340;
    on(INVLPG_EXITING);
    expect_exit("32 bits: INVLPG", GUEST32("invlpg [ebx - 0x20000]"), R_INVLPG, 0xffff2340);
    expect_exception("32 bits: CR0.PG is fixed", GUEST32("mov eax, cr0\nand eax, 0x7fffffff\n7: mov cr0, eax"), GP, 0);
    reset32();
    guest_run(GUEST32("mov al, 0x7f\nadd al, 1\ninto"));
    check_equal("32 bits: INTO is a software exception", vmread(EXIT_INTERRUPTION_INFORMATION), EVENT_VALID
        | EVENT_SOFTWARE_EXCEPTION | OF);
    check_equal("32 bits: INTO tells its length", vmread(EXIT_INSTRUCTION_LENGTH), 1);
    on(UNCONDITIONAL_IO_EXITING);
    vmwrite(GUEST_ES_BASE, 0x20000);
    guest.di = 0xffffff00;
    guest.dx = 0x80;
    expect_exit("32 bits: INSB", GUEST32("insb"), R_IO_INSTRUCTION, 0x80 << 16 | 16 | 8);
    check_equal("32 bits: INSB's linear address wraps around", vmread(GUEST_LINEAR_ADDRESS), 0x1ff00);
    if (!can(DESCRIPTOR_TABLE_EXITING))
        return;
    on(DESCRIPTOR_TABLE_EXITING);
    guest.bx = guest.si = 0;
    expect_exit("32 bits: SGDT with a 16-bit address", GUEST32("sgdt [bx + si + 8]"), R_GDTR_IDTR_ACCESS, 8);
    check_equal("32 bits: its information", vmread(EXIT_INSTRUCTION_INFORMATION) & 0x3fff8f83, 3 << 15 | 6 << 18
        | 3 << 23 | 1 << 11);
    expect_exit("32 bits: LGDT with a 16-bit operand", GUEST32(".byte 0x66\nlgdt [ebx]"), R_GDTR_IDTR_ACCESS, 0);
    check_equal("32 bits: its information has the size", vmread(EXIT_INSTRUCTION_INFORMATION) & 0x30000f80, 2u << 28
        | 1 << 7);
}

static void task_switches(void)
{
    enum { CALL = 0, RETURN = 1u << 30, JUMP = 2u << 30 };
    const u32 gate = 3u << 30;
    struct tss32 *tss = alloc_page();
    set_descriptor(FREE_SELECTOR, (u64)tss, 0x67, PRESENT | TSS32);
    reset32();
    expect_exit("a task switch by JMP", GUEST32(".byte 0xea\n.long 0\n.short 0x80"), R_TASK_SWITCH, FREE_SELECTOR
        | JUMP);
    expect_exit("a task switch by CALL", GUEST32(".byte 0x9a\n.long 0\n.short 0x80"), R_TASK_SWITCH, FREE_SELECTOR
        | CALL);
    idt32[0x63] = (u64)FREE_SELECTOR << 16 | (u64)(PRESENT | TASK_GATE) << 40;
    left("a task switch by INT n", guest_run(GUEST32("int 0x63")), R_TASK_SWITCH, FREE_SELECTOR | gate);
    check_equal("it came while INT n was delivered", vmread(IDT_VECTORING_INFORMATION), EVENT_VALID
        | EVENT_SOFTWARE_INTERRUPT | 0x63);
    check_equal("it tells the length of INT n", vmread(EXIT_INSTRUCTION_LENGTH), 2);
    u64 old = idt32[UD];
    idt32[UD] = idt32[0x63];
    vmwrite(EXCEPTION_BITMAP, ~(1u << UD));
    left("a task switch by #UD", guest_run(GUEST32("ud2")), R_TASK_SWITCH, FREE_SELECTOR | gate);
    check_equal("it came while #UD was delivered", vmread(IDT_VECTORING_INFORMATION), EVENT_VALID | EVENT_EXCEPTION
        | UD);
    idt32[UD] = old;
    set_descriptor(FREE_SELECTOR, (u64)tss, 0x67, PRESENT | TSS32_BUSY);
    expect_exception("JMP to a busy task", GUEST32(".byte 0xea\n.long 0\n.short 0x80"), GP, FREE_SELECTOR);
    *(u16 *)&guest_tss = FREE_SELECTOR;
    vmwrite(GUEST_RFLAGS, NT | 2);
    expect_exit("a task switch by IRET", GUEST32("iretd"), R_TASK_SWITCH, FREE_SELECTOR | RETURN);
    set_descriptor(FREE_SELECTOR, (u64)tss, 0x67, TSS32);
    vmwrite(GUEST_RFLAGS, 2);
    expect_exception("JMP to a task not present", GUEST32(".byte 0xea\n.long 0\n.short 0x80"), NP, FREE_SELECTOR);
}

static void virtual_8086(void)
{
    reset32();
    all_segments(REAL_SEGMENT, REAL_BASE, 0xffff, 0xf3, 0xf3);
    vmwrite(GUEST_RFLAGS, VM | 2);
    vmwrite(GUEST_RSP, REAL_STACK);
    expect_exit("virtual-8086 mode: CPUID", GUEST16("cpuid"), R_CPUID, 0);
    expect_exit("virtual-8086 mode: VMCALL", GUEST16("vmcall"), R_VMCALL, 0);
    expect_exception("virtual-8086 mode: VMXOFF", GUEST16("vmxoff"), UD, 0);
    expect_exception("virtual-8086 mode: HLT", GUEST16("hlt"), GP, 0);
    expect_exception("virtual-8086 mode: INT n without IOPL", GUEST16("int 0x62"), GP, 0);
    check_equal("virtual-8086 mode: RFLAGS.VM is saved", vmread(GUEST_RFLAGS) & VM, VM);
}

/* A software interrupt, or another event, injected into a virtual-8086 task with its own TSS. */
static u32 injected(u32 event, u64 flags, u64 cr4)
{
    const struct snippet *code = GUEST16("nop");
    reset32();
    all_segments(REAL_SEGMENT, REAL_BASE, 0xffff, 0xf3, 0xf3);
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | cr4);
    vmwrite(GUEST_RFLAGS, VM | flags | 2);
    vmwrite(GUEST_RSP, REAL_STACK);
    segment(GUEST_TR_SELECTOR, MAIN_TSS, (u64)task, 0xfff, 0x8b);
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | event | 0x62);
    vmwrite(ENTRY_INSTRUCTION_LENGTH, 2);
    return guest_run(code);
}

static void redirected(const char *name, u64 flags, u64 pushed, u64 then)
{
    left_for(name, injected(EVENT_SOFTWARE_INTERRUPT, flags, CR4_VME), R_VMCALL);
    u16 *stack = (u16 *)(REAL_BASE + (vmread(GUEST_RSP) & 0xffff));
    check_equal(named("%s: handler", name), vmread(GUEST_RIP), handler);
    check_equal(named("%s: flags", name), vmread(GUEST_RFLAGS), VM | then | 2);
    check_equal(named("%s: flags on the stack", name), stack[2], pushed | 2);
    check_equal(named("%s: code segment on the stack", name), stack[1], REAL_SEGMENT);
}

static void not_redirected(const char *name, u32 outcome)
{
    left_for(name, outcome, R_VMCALL);
    check_equal(named("%s: virtual-8086 mode", name), vmread(GUEST_RFLAGS) & VM, 0);
    check_equal(named("%s: code segment", name), vmread(GUEST_CS_SELECTOR), KERNEL_CODE32);
}

static void injections_in_virtual_8086(void)
{
    const struct snippet *real = GUEST16("7: vmcall"), *protected = GUEST32("7: vmcall");
    volatile u32 *vector = (u32 *)(0x62 * 4ul);
    u32 old = *vector;
    u64 entry = (u64)protected->start;
    handler = (word)real->start;
    *vector = (u32)REAL_SEGMENT << 16 | handler;
    idt32[0x62] = (entry & 0xffff) | KERNEL_CODE32 << 16 | (u64)(PRESENT | DPL3 | INT32) << 40 | entry >> 16 << 48;
    task = alloc_page();
    *(u32 *)(task + 4) = GUEST_STACK;
    *(u16 *)(task + 8) = KERNEL_DATA;
    *(u16 *)(task + 0x66) = 0x88;
    redirected("INT n redirected", 0, IOPL, 0);
    redirected("INT n redirected with VIF", VIF, IOPL | IF, 0);
    redirected("INT n redirected with IOPL 3", IOPL | IF | VIF, IOPL | IF, IOPL | VIF);
    not_redirected("an interrupt isn't redirected", injected(EVENT_INTERRUPT, IF, CR4_VME));
    not_redirected("INT n without VME", injected(EVENT_SOFTWARE_INTERRUPT, 0, 0));
    task[0x68 + 0x62 / 8] = 1 << 0x62 % 8;
    not_redirected("INT n that the bitmap doesn't redirect", injected(EVENT_SOFTWARE_INTERRUPT, 0, CR4_VME));
    *vector = old;
    idt32[0x62] = 0;
}

/* Pushes at CPL 3 to a stack that isn't aligned: each #AC raises another. */
static void endless(void)
{
    if (!need(INSTRUCTION_TIMEOUT, "instruction timeout"))
        return;
    const struct snippet *code = GUEST32("7: push eax");
    u64 entry = (u64)code->start;
    reset32();
    all_segments(USER_DATA, 0, 0xffffffff, 0xc0fb, 0xc0f3);
    vmwrite(GUEST_CS_SELECTOR, USER_CODE32);
    vmwrite(GUEST_CR0, vmread(GUEST_CR0) | CR0_AM);
    vmwrite(GUEST_RFLAGS, AC_FLAG | 2);
    vmwrite(GUEST_RSP, GUEST_STACK + 1);
    vmwrite(EXCEPTION_BITMAP, ~(1u << AC));
    u64 old = idt32[AC];
    idt32[AC] = (entry & 0xffff) | USER_CODE32 << 16 | (u64)(PRESENT | INT32) << 40 | entry >> 16 << 48;
    on(INSTRUCTION_TIMEOUT);
    vmwrite(INSTRUCTION_TIMEOUT_CONTROL, 100);
    expect_exit("#AC without end", code, R_INSTRUCTION_TIMEOUT_EXPIRED, 0);
    check_equal("it came while #AC was delivered", vmread(IDT_VECTORING_INFORMATION),
        EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | AC);
    vmwrite(GUEST_RSP, GUEST_STACK);
    expect_completion("an instruction in time", code);
    idt32[AC] = old;
}

/* --- PAE paging --- */

static void reset_pae(void)
{
    u64 *own = (u64 *)(base_tables[0] & PTE_ADDRESS);
    reset32();
    for (unsigned i = 0; i < 4; i++)
        pointers[i] = (own[i] & PTE_ADDRESS) | PTE_P;
    vmwrite(GUEST_CR3, (u64)pointers);
    vmwrite(GUEST_CR4, read_cr4());
}

static void pae(void)
{
    reset_pae();
    expect_exit("PAE paging: CPUID", GUEST32("cpuid"), R_CPUID, 0);
    pointers[2] |= PTE_W;
    left("PAE paging: a reserved bit of a PDPTE", guest_run(GUEST32("nop")), ENTRY_FAILED | R_INVALID_GUEST_STATE, 2);
    pointers[2] = PTE_W;
    expect_completion("PAE paging: a PDPTE not present has none", GUEST32("nop"));
    guest.bx = (u64)pointers;
    guest.cx = pointers[1];
    guest.si = 0x80000000;
    pointers[2] = 0;
    expect_exception("PAE paging: memory has the PDPTEs no more", GUEST32("mov [ebx + 16], ecx\n7: mov eax, [esi]"),
        PF, 0);
    pointers[2] = 0;
    expect_completion("PAE paging: MOV to CR3 loads them",
        GUEST32("mov [ebx + 16], ecx\nmov eax, cr3\nmov cr3, eax\nmov eax, [esi]"));
    guest.cx |= PTE_W;
    pointers[2] = 0;
    expect_exception("PAE paging: MOV to CR3 checks them",
        GUEST32("mov [ebx + 16], ecx\nmov eax, cr3\n7: mov cr3, eax"), GP, 0);
}

static void with_ept(void)
{
    on(ENABLE_EPT);
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root));
}

static void pae_with_ept(void)
{
    reset_pae();
    with_ept();
    for (unsigned i = 0; i < 4; i++)
        vmwrite(GUEST_PDPTE0 + 2 * i, pointers[i]);
    u64 *others = alloc_page();
    vmwrite(GUEST_CR3, (u64)others);
    expect_exit("PAE paging with EPT: the VMCS has the PDPTEs", GUEST32("cpuid"), R_CPUID, 0);
    vmwrite(GUEST_PDPTE3, pointers[3] | PTE_W);
    left("PAE paging with EPT: a reserved bit", guest_run(GUEST32("nop")), ENTRY_FAILED | R_INVALID_GUEST_STATE, 2);
    vmwrite(GUEST_PDPTE3, 0);
    guest.bx = (u64)pointers;
    expect_completion("PAE paging with EPT: MOV to CR3 loads them", GUEST32("mov cr3, ebx"));
    check_equal("PAE paging with EPT: VM exit saves them", vmread(GUEST_PDPTE3), pointers[3]);
    u64 *entry = ept_entry(root, (u64)others, 1), old = *entry;
    memcpy(others, pointers, 32);
    guest.bx = (u64)others;
    *entry = 0;
    if (EPT_VPID_BIT(EPT_INVEPT_ALL))
        invept(2, 0);
    left_for("PAE paging with EPT: a violation by MOV to CR3", guest_run(GUEST32("mov cr3, ebx")), R_EPT_VIOLATION);
    check_equal("it tells a read without linear address", vmread(EXIT_QUALIFICATION) & 0x87, 1);
    check_equal("it tells where", vmread(GUEST_PHYSICAL_ADDRESS) & ~0x1full, (u64)others);
    *entry = old;
}

/* --- unrestricted guests --- */

static void reset_real(void)
{
    guest_reset();
    with_ept();
    on(UNRESTRICTED_GUEST);
    off(ENTRY_IA_32E_MODE_GUEST);
    all_segments(REAL_SEGMENT, REAL_BASE, 0xffff, 0x9b, 0x93);
    vmwrite(GUEST_CR0, read_cr0() & ~(CR0_PE | CR0_PG));
    vmwrite(GUEST_CR3, 0);
    vmwrite(GUEST_CR4, CR4_VMXE);
    vmwrite(GUEST_IDTR_BASE, 0);
    vmwrite(GUEST_IDTR_LIMIT, 0x3ff);
    vmwrite(GUEST_RSP, REAL_STACK);
}

static void real_delivered(const char *name, u32 outcome)
{
    if (outcome != R_VMCALL || vmread(GUEST_RIP) != handler)
        left(name, outcome, R_VMCALL, handler);
    else
        check_equal(name, vmread(GUEST_CS_SELECTOR), REAL_SEGMENT);
}

static void real_mode(void)
{
    const struct snippet *code = GUEST16("int 0x62");
    reset_real();
    expect_exit("real mode: CPUID", GUEST16("cpuid"), R_CPUID, 0);
    expect_exception("real mode: VMXOFF", GUEST16("vmxoff"), UD, 0);
    on(HLT_EXITING);
    expect_exit("real mode: HLT", GUEST16("hlt"), R_HLT, 0);
    real_delivered("real mode: INT n", guest_run(code));
    check_equal("real mode: INT n pushes 6 bytes", vmread(GUEST_RSP), REAL_STACK - 6);
    check_equal("real mode: it pushes IP", *(u16 *)(REAL_BASE + vmread(GUEST_RSP)), (u16)(word)code->end);
    vmwrite(GUEST_RSP, REAL_STACK);
    guest_run(GUEST16("mov ax, [0xffff]"));
    check_equal("real mode: #GP has no error code", vmread(EXIT_INTERRUPTION_INFORMATION), EVENT_VALID
        | EVENT_EXCEPTION | GP);
    vmwrite(GUEST_RFLAGS, IF | 2);
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_INTERRUPT | 0x62);
    real_delivered("real mode: an injected interrupt", guest_run(code));
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | GP);
    left("real mode: no error code is injected", guest_run(code), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    reset_real();
    on(UNCONDITIONAL_IO_EXITING);
    guest.dx = 0x1234;
    guest.si = 0x5670;
    expect_exit("real mode: OUTSB", GUEST16("outsb"), R_IO_INSTRUCTION, 0x1234 << 16 | 16);
    check_equal("real mode: OUTSB's linear address", vmread(GUEST_LINEAR_ADDRESS), REAL_BASE + 0x5670);
    code = GUEST16("mov eax, cr0\nor al, 1\nmov cr0, eax\n.byte 0x66, 0xea\n.long 7f + 0x10000\n.short 0x30\n.code32\n7: cpuid");
    left("real mode: on to protected mode", guest_run(code), R_CPUID, 0);
    check_equal("protected mode: RIP", vmread(GUEST_RIP), REAL_BASE + (u64)code->fault);
    check_equal("protected mode: CS", vmread(GUEST_CS_SELECTOR), KERNEL_CODE32);
    check_equal("protected mode: CR0", vmread(GUEST_CR0) & (CR0_PE | CR0_PG), CR0_PE);
}

static void without_paging(void)
{
    u8 *bitmap = alloc_page();
    reset32();
    with_ept();
    on(UNRESTRICTED_GUEST);
    vmwrite(GUEST_CR0, read_cr0() & ~CR0_PG);
    expect_exit("no paging: CPUID", GUEST32("cpuid"), R_CPUID, 0);
    expect_exception("no paging: CR0.NE is fixed", GUEST32("mov eax, cr0\nand eax, 0xffffffdf\n7: mov cr0, eax"), GP,
        0);
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    guest.cx = EFER;
    expect_completion("no paging: RDMSR of IA32_EFER", GUEST32("rdmsr"));
    check_equal("LME is the hypervisor's, LMA isn't", guest.ax & (EFER_LMA | EFER_LME), EFER_LME);
    if (!can(ENTRY_LOAD_EFER) || !can(EXIT_SAVE_EFER)) {
        skip("loading and saving IA32_EFER", "not in the capability MSRs");
        return;
    }
    on(ENTRY_LOAD_EFER);
    on(EXIT_SAVE_EFER);
    vmwrite(GUEST_EFER, EFER_NXE);
    guest.bx = (u64)directory;
    expect_completion("no paging: it can be turned on",
        GUEST32("mov cr3, ebx\nmov eax, cr0\nbts eax, 31\nmov cr0, eax"));
    check_equal("no paging: CR0 then", vmread(GUEST_CR0) & CR0_PG, CR0_PG);
    expect_completion("it can be turned off", GUEST32("mov eax, cr0\nbtr eax, 31\nmov cr0, eax"));
    guest.bx = (u64)base_tables;
    expect_exit("no paging: on to IA-32e mode", GUEST32(
        "mov eax, cr4\nor eax, 0x20\nmov cr4, eax\nmov cr3, ebx\nmov ecx, 0xc0000080\nrdmsr\nor eax, 0x100\nwrmsr\n"
        "mov eax, cr0\nbts eax, 31\nmov cr0, eax\n7: cpuid"), R_CPUID, 0);
    check_equal("VM exit sets \"IA-32e mode guest\"", vmread(ENTRY_CONTROLS) >> ENTRY_IA_32E_MODE_GUEST % 32 & 1, 1);
    check_equal("VM exit saves IA32_EFER", vmread(GUEST_EFER), EFER_NXE | EFER_LMA | EFER_LME);
    expect_exit("VM entry goes on there", GUEST32("cpuid"), R_CPUID, 0);
}

void program(void)
{
    if (!vmx_begin())
        return;
    extern u8 guest_stubs[];
    directory = alloc_page();
    pointers = alloc_page();
    for (u32 i = 0; i < 1024; i++)
        directory[i] = i << 22 | PTE_P | PTE_W | PTE_U | PTE_PS;
    for (u32 v = 0; v < 256; v++) {
        u64 stub = (u64)guest_stubs + 16 * v;
        idt32[v] = (stub & 0xffff) | KERNEL_CODE32 << 16 | (u64)(PRESENT | INT32) << 40 | (stub >> 16) << 48;
    }
    compatibility();
    protected_mode();
    task_switches();
    virtual_8086();
    injections_in_virtual_8086();
    endless();
    pae();
    if (need(ENABLE_EPT, "EPT")) {
        root = ept_identity();
        pae_with_ept();
    }
    if (need(UNRESTRICTED_GUEST, "unrestricted guest")) {
        handler = (word)GUEST16("nop")->end;
        *(volatile u32 *)(0x62 * 4) = (u32)REAL_SEGMENT << 16 | handler;
        real_mode();
        without_paging();
    }
    vmx_end();
}
