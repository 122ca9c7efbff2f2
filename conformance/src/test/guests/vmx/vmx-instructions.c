/* The instructions that manage VMX operation and VMCSs, their faults and error numbers, the fields of a VMCS and the
   capability MSRs: SDM Vol. 3, chapters "VMX Instruction Reference", "VM Entries", appendix "VMX Capability
   Reporting Facility". */
#include "vmx.h"

static u64 *a, *b; /* VMCS regions */
static u64 pointer;

#define UNMAPPED 0x7f0000000000
#define NON_CANONICAL 0x8000000000000000

/* --- faults --- */

static const char *const names[] = {
    "VMXON", "VMXOFF", "VMCLEAR", "VMPTRLD", "VMPTRST", "VMREAD", "VMWRITE", "VMLAUNCH", "VMRESUME", "INVEPT",
        "INVVPID"};

static const struct snippet *instruction(unsigned i)
{
    switch (i) {
    case 0: return CODE("vmxon [rbx]");
    case 1: return CODE("vmxoff");
    case 2: return CODE("vmclear [rbx]");
    case 3: return CODE("vmptrld [rbx]");
    case 4: return CODE("vmptrst [rbx]");
    case 5: return CODE("vmread rax, rcx");
    case 6: return CODE("vmwrite rax, rcx");
    case 7: return CODE("vmlaunch");
    case 8: return CODE("vmresume");
    case 9: return CODE("invept rcx, [rbx]");
    default: return CODE("invvpid rcx, [rbx]");
    }
}

static bool exists(unsigned i)
{
    return i < 9 || (i == 9 ? can(ENABLE_EPT) && EPT_VPID_BIT(EPT_INVEPT) : can(ENABLE_VPID)
        && EPT_VPID_BIT(VPID_INVVPID));
}

static void all_fault(struct context *(*context)(void), const char *where, u8 vector, unsigned from)
{
    for (unsigned i = from; i < 11; i++) {
        if (!exists(i))
            continue;
        struct context *c = context();
        c->bx = (u64)&pointer;
        expect_fault(named("%s %s", names[i], where), c, instruction(i), vector, 0);
    }
}

static void outside(void)
{
    all_fault(kernel, "outside VMX operation, without CR4.VMXE", UD, 0);
    write_cr4(read_cr4() | CR4_VMXE);
    all_fault(kernel, "outside VMX operation", UD, 1);
    all_fault(user, "outside VMX operation at CPL 3", UD, 1);
    faults(kernel(), "VMCALL outside VMX operation", UD, 0, "vmcall");
    faults(kernel(), "VMFUNC outside VMX operation", UD, 0, "vmfunc");
}

static void expect_vmxon(const char *name, u64 address, word status)
{
    word flags = vmxon(address);
    check_equal(name, flags, status);
    if (!flags)
        vmxoff();
}

static void entering(void)
{
    u64 width = cpuid(0x80000008, 0).a & 0xff;
    struct context *c = user();
    c->bx = (u64)&pointer;
    faults(c, "VMXON at CPL 3", GP, 0, "vmxon [rbx]");
    c = kernel();
    c->bx = UNMAPPED;
    expect_page_fault("VMXON of an operand not present", c, CODE("vmxon [rbx]"), 0, UNMAPPED);
    c = kernel();
    c->bx = NON_CANONICAL;
    faults(c, "VMXON of a non-canonical operand", GP, 0, "vmxon [rbx]");
    c = kernel32();
    c->bx = (u64)&pointer;
    faults32(c, "VMXON in compatibility mode", UD, 0, "vmxon [ebx]");
    write_cr0(read_cr0() & ~CR0_NE);
    c = kernel();
    c->bx = (u64)&pointer;
    faults(c, "VMXON without CR0.NE", GP, 0, "vmxon [rbx]");
    write_cr0(read_cr0() | CR0_NE);
    expect_vmxon("VMXON of a region not aligned", (u64)a + 8, CF);
    expect_vmxon("VMXON of a region beyond the address width", (u64)a | 1ull << width, CF);
    *(u32 *)a ^= 1;
    expect_vmxon("VMXON with another revision", (u64)a, CF);
    *(u32 *)a ^= 1 | 1u << 31;
    expect_vmxon("VMXON with bit 31 of the revision", (u64)a, CF);
    *(u32 *)a ^= 1u << 31;
    succeeds("VMXON", vmxon(vmxon_region));
}

static void fixed_bits(void)
{
    faults(kernel(), "CR4.VMXE is fixed", GP, 0, "mov rax, cr4\nand eax, 0xffffdfff\n7: mov cr4, rax");
    faults(kernel(), "CR0.NE is fixed", GP, 0, "mov rax, cr0\nand eax, 0xffffffdf\n7: mov cr0, rax");
    faults(kernel(), "CR0.PE is fixed", GP, 0, "mov rax, cr0\nand eax, 0x7ffffffe\n7: mov cr0, rax");
    runs(kernel(), "CR0.WP is not fixed",
        "mov rax, cr0\nmov rcx, rax\nand eax, 0xfffeffff\nmov cr0, rax\nmov cr0, rcx");
    check("CR0 as IA32_VMX_CR0_FIXED has it", !(~read_cr0() & rdmsr(VMX_CR0_FIXED0))
        && !(read_cr0() & ~rdmsr(VMX_CR0_FIXED1)));
    check("CR4 as IA32_VMX_CR4_FIXED has it", !(~read_cr4() & rdmsr(VMX_CR4_FIXED0))
        && !(read_cr4() & ~rdmsr(VMX_CR4_FIXED1)));
}

static void inside(void)
{
    all_fault(user, "at CPL 3", GP, 0);
    faults(user(), "VMCALL in root operation at CPL 3", GP, 0, "vmcall");
    faults(kernel(), "VMFUNC in root operation", UD, 0, "vmfunc");
    faults32(kernel32(), "VMXOFF in compatibility mode", UD, 0, "vmxoff");
    faults32(kernel32(), "VMREAD in compatibility mode", UD, 0, "vmread eax, ecx");
    faults32(kernel32(), "VMCALL in compatibility mode", UD, 0, "vmcall");
    struct context *c = kernel();
    c->bx = UNMAPPED;
    expect_page_fault("VMPTRLD of an operand not present", c, CODE("vmptrld [rbx]"), 0, UNMAPPED);
    c = kernel();
    c->bx = UNMAPPED;
    expect_page_fault("VMPTRST to an operand not present", c, CODE("vmptrst [rbx]"), PF_W, UNMAPPED);
    c = kernel();
    c->bp = NON_CANONICAL;
    faults(c, "VMCLEAR of a non-canonical operand in the stack segment", SS, 0, "vmclear [rbp]");
    faults(kernel(), "INVEPT of a register", UD, 0, ".byte 0x66, 0x0f, 0x38, 0x80, 0xc8");
    faults(kernel(), "VMXOFF with LOCK", UD, 0, ".byte 0xf0, 0x0f, 0x01, 0xc4");
}

/* --- pointers --- */

static void without_current(void)
{
    check_equal("VMPTRST without a current VMCS", vmptrst(), -1);
    fails_invalid("VMXON in root operation, no current VMCS", vmxon(vmxon_region));
    fails_invalid("VMCALL in root operation, no current VMCS", VM_DO("vmcall", "r"(0)));
    fails_invalid("VMREAD without a current VMCS", try_vmread(GUEST_RIP));
    fails_invalid("VMWRITE without a current VMCS", try_vmwrite(GUEST_RIP, 0));
    fails_invalid("VMLAUNCH without a current VMCS", VM_DO("vmlaunch", "r"(0)));
    fails_invalid("VMRESUME without a current VMCS", VM_DO("vmresume", "r"(0)));
    fails_invalid("VMCLEAR of a wrong address, no current VMCS", vmclear((u64)a + 1));
}

static void pointers(void)
{
    u64 width = cpuid(0x80000008, 0).a & 0xff;
    succeeds("VMCLEAR", vmclear(a));
    succeeds("VMCLEAR of another", vmclear(b));
    check_equal("VMCLEAR leaves no current VMCS", vmptrst(), -1);
    succeeds("VMPTRLD", vmptrld(a));
    check_equal("VMPTRST", vmptrst(), (u64)a);
    fails("VMXON in root operation", vmxon(vmxon_region), E_VMXON_IN_ROOT);
    fails("VMCLEAR of an address not aligned", vmclear((u64)b + 64), E_VMCLEAR_INVALID_ADDRESS);
    fails("VMCLEAR beyond the address width", vmclear((u64)b | 1ull << width), E_VMCLEAR_INVALID_ADDRESS);
    fails("VMCLEAR of the VMXON region", vmclear(vmxon_region), E_VMCLEAR_VMXON_POINTER);
    fails("VMPTRLD of an address not aligned", vmptrld((u64)b + 64), E_VMPTRLD_INVALID_ADDRESS);
    fails("VMPTRLD beyond the address width", vmptrld((u64)b | 1ull << 63), E_VMPTRLD_INVALID_ADDRESS);
    fails("VMPTRLD of the VMXON region", vmptrld(vmxon_region), E_VMPTRLD_VMXON_POINTER);
    *(u32 *)b ^= 2;
    fails("VMPTRLD of another revision", vmptrld(b), E_VMPTRLD_INCORRECT_REVISION);
    *(u32 *)b ^= 2;
    check_equal("a VMCS stays current when VMPTRLD fails", vmptrst(), (u64)a);
    if (!can(VMCS_SHADOWING)) {
        *(u32 *)b ^= 1u << 31;
        fails("VMPTRLD of a shadow VMCS", vmptrld(b), E_VMPTRLD_INCORRECT_REVISION);
        *(u32 *)b ^= 1u << 31;
    }
    vmwrite(GUEST_RIP, 0x1234);
    succeeds("VMPTRLD of another", vmptrld(b));
    check_equal("VMPTRST tells the other", vmptrst(), (u64)b);
    vmwrite(GUEST_RIP, 0x5678);
    vmptrld(a);
    check_equal("each VMCS keeps its fields", vmread(GUEST_RIP), 0x1234);
    vmclear(a);
    check_equal("VMCLEAR of the current VMCS leaves none", vmptrst(), -1);
    vmptrld(a);
    check_equal("VMCLEAR keeps the fields", vmread(GUEST_RIP), 0x1234);
    vmclear(b);
    check_equal("VMCLEAR of another VMCS keeps the current one", vmptrst(), (u64)a);
}

/* --- fields --- */

static void widths(void)
{
    vmwrite(GUEST_ES_SELECTOR, -1);
    check_equal("a 16-bit field has 16 bits", vmread(GUEST_ES_SELECTOR), 0xffff);
    vmwrite(EXCEPTION_BITMAP, -1);
    check_equal("a 32-bit field has 32 bits", vmread(EXCEPTION_BITMAP), 0xffffffff);
    vmwrite(CR0_READ_SHADOW, 0x123456789abcdef0);
    check_equal("a natural-width field has 64 bits", vmread(CR0_READ_SHADOW), 0x123456789abcdef0);
    vmwrite(TSC_OFFSET, 0x123456789abcdef0);
    check_equal("a 64-bit field has 64 bits", vmread(TSC_OFFSET), 0x123456789abcdef0);
    check_equal("its upper half is read with access type high", vmread(TSC_OFFSET | 1), 0x12345678);
    vmwrite(TSC_OFFSET | 1, 0xffffffff11112222);
    check_equal("its upper half is written with access type high", vmread(TSC_OFFSET), 0x111122229abcdef0);
    u64 value[2] = {0xaaaaaaaaaaaaaaaa, 0xbbbbbbbbbbbbbbbb};
    succeeds("VMREAD to memory", VM_DO("vmread [%1], %2", "r"(value), "r"((u64)GUEST_ES_SELECTOR)));
    check_equal("VMREAD writes 64 bits in 64-bit mode", value[0], 0xffff);
    check_equal("VMREAD writes no more", value[1], 0xbbbbbbbbbbbbbbbb);
    value[0] = 0x1122334455667788;
    succeeds("VMWRITE from memory", VM_DO("vmwrite %2, [%1]", "r"(value), "r"((u64)GUEST_FS_SELECTOR)));
    check_equal("VMWRITE takes the field's width", vmread(GUEST_FS_SELECTOR), 0x7788);
    struct context *c = kernel();
    c->bx = UNMAPPED;
    c->cx = GUEST_RIP;
    expect_page_fault("VMREAD to memory not present", c, CODE("vmread [rbx], rcx"), PF_W, UNMAPPED);
    c = kernel();
    c->bx = UNMAPPED;
    c->cx = GUEST_RIP;
    expect_page_fault("VMWRITE from memory not present", c, CODE("vmwrite rcx, [rbx]"), 0, UNMAPPED);
}

static void encodings(void)
{
    static const struct {
        u64 field;
        const char *what;
    } wrong[] = {
        {0x6c20, "an index too high"},
        {GUEST_RIP | 0x8000, "bit 15"},
        {GUEST_RIP | 1ull << 32, "bit 32"},
        {GUEST_RIP | 1, "access type high and natural width"},
        {EXCEPTION_BITMAP | 1, "access type high and 32 bits"},
        {GUEST_ES_SELECTOR | 1, "access type high and 16 bits"},
        {GUEST_RIP | 1 << 12, "bit 12"},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fails(named("VMREAD with %s", wrong[i].what), try_vmread(wrong[i].field), E_UNSUPPORTED_COMPONENT);
        fails(named("VMWRITE with %s", wrong[i].what), try_vmwrite(wrong[i].field, 0), E_UNSUPPORTED_COMPONENT);
    }
    if (rdmsr(VMX_MISC) >> 29 & 1) {
        succeeds("VMWRITE of a read-only field", try_vmwrite(EXIT_QUALIFICATION, 0x77));
        check_equal("a read-only field that was written", vmread(EXIT_QUALIFICATION), 0x77);
    } else {
        fails("VMWRITE of a read-only field", try_vmwrite(EXIT_QUALIFICATION, 0x77), E_READ_ONLY_COMPONENT);
    }
    succeeds("a success leaves the error alone", vmptrld(a));
}

/* Fields exist where a control for them does. */
static void existence(void)
{
    static const struct {
        u16 field;
        enum control control;
    } rows[] = {
        {VIRTUAL_PROCESSOR_IDENTIFIER, ENABLE_VPID}, {POSTED_INTERRUPT_NOTIFICATION_VECTOR, PROCESS_POSTED_INTERRUPTS},
        {EPTP_INDEX, EPT_VIOLATION_VE}, {GUEST_INTERRUPT_STATUS, VIRTUAL_INTERRUPT_DELIVERY}, {PML_INDEX, ENABLE_PML},
        {MSR_BITMAPS, USE_MSR_BITMAPS}, {PML_ADDRESS, ENABLE_PML}, {VIRTUAL_APIC_ADDRESS, USE_TPR_SHADOW},
        {APIC_ACCESS_ADDRESS, VIRTUALIZE_APIC_ACCESSES}, {VM_FUNCTION_CONTROLS, ENABLE_VM_FUNCTIONS},
        {EPT_POINTER, ENABLE_EPT}, {EOI_EXIT_BITMAP_3, VIRTUAL_INTERRUPT_DELIVERY},
        {VMREAD_BITMAP_ADDRESS, VMCS_SHADOWING}, {VIRTUALIZATION_EXCEPTION_ADDRESS, EPT_VIOLATION_VE},
        {XSS_EXITING_BITMAP, ENABLE_XSAVES}, {TSC_MULTIPLIER, USE_TSC_SCALING}, {GUEST_PHYSICAL_ADDRESS, ENABLE_EPT},
        {GUEST_PDPTE0, ENABLE_EPT}, {GUEST_PDPTE3, ENABLE_EPT}, {HOST_PAT, EXIT_LOAD_PAT}, {HOST_EFER, EXIT_LOAD_EFER},
        {TPR_THRESHOLD, USE_TPR_SHADOW}, {PLE_GAP, PAUSE_LOOP_EXITING}, {PLE_WINDOW, PAUSE_LOOP_EXITING},
        {PREEMPTION_TIMER_VALUE, ACTIVATE_PREEMPTION_TIMER}, {SECONDARY_CONTROLS, ACTIVATE_SECONDARY_CONTROLS},
        {TERTIARY_CONTROLS, ACTIVATE_TERTIARY_CONTROLS}, {PID_POINTER_TABLE_ADDRESS, IPI_VIRTUALIZATION},
        {LAST_PID_POINTER_INDEX, IPI_VIRTUALIZATION}, {HLAT_POINTER, ENABLE_HLAT}, {HLAT_PREFIX_SIZE, ENABLE_HLAT},
        {SPEC_CTRL_MASK, VIRTUALIZE_SPEC_CTRL}, {SPEC_CTRL_SHADOW, VIRTUALIZE_SPEC_CTRL},
        {SUB_PAGE_PERMISSION_TABLE_POINTER, SUB_PAGE_WRITE_PERMISSIONS},
        {INSTRUCTION_TIMEOUT_CONTROL, INSTRUCTION_TIMEOUT}};
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((try_vmread(rows[i].field) == 0) != can(rows[i].control))
            wrong = rows[i].field | 1u << 16;
    check_equal("fields exist where their controls do", wrong, 0);
    u32 highest = 0;
    for (u32 field = 0; field < 0x8000; field += 2)
        if (!try_vmread(field) && (field & 0x3ff) > highest)
            highest = field & 0x3ff;
    check("no field has a higher index than IA32_VMX_VMCS_ENUM", highest <= (rdmsr(VMX_ENUM) & 0x3fe));
    check("the index of the preemption timer's value is counted",
        !can(ACTIVATE_PREEMPTION_TIMER) || rdmsr(VMX_ENUM) >= 0x2e);
}

/* --- launch state --- */

static void launch_state(void)
{
    const struct snippet *code = GUEST("nop");
    guest_reset();
    fails("VMRESUME of a clear VMCS", VM_DO("vmresume", "r"(0)), E_VMRESUME_NON_LAUNCHED);
    vmwrite(GUEST_RIP, (u64)code->start);
    fails("VMLAUNCH behind MOV SS", VM_DO("mov ss, %w1\nvmlaunch", "r"(KERNEL_DATA)), E_ENTRY_BLOCKED_BY_MOV_SS);
    fails("VMRESUME behind MOV SS", VM_DO("mov ss, %w1\nvmresume", "r"(KERNEL_DATA)), E_ENTRY_BLOCKED_BY_MOV_SS);
    expect_completion("VMLAUNCH", code);
    fails("VMLAUNCH of a launched VMCS", VM_DO("vmlaunch", "r"(0)), E_VMLAUNCH_NON_CLEAR);
    expect_completion("VMRESUME", code);
    fails("VMCALL in root operation", VM_DO("vmcall", "r"(0)), E_VMCALL_IN_ROOT);
    vmptrld(a);
    vmptrld(vmcs);
    fails("a VMCS stays launched while another is current", VM_DO("vmlaunch", "r"(0)), E_VMLAUNCH_NON_CLEAR);
    vmclear(vmcs);
    vmptrld(vmcs);
    fails("VMCLEAR makes it clear", VM_DO("vmresume", "r"(0)), E_VMRESUME_NON_LAUNCHED);
    guest_reset();
    vmwrite(HOST_CR4, vmread(HOST_CR4) & ~CR4_VMXE);
    vmwrite(PIN_BASED_CONTROLS, 0);
    left("controls are checked before the host state", guest_run(code), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    fails("a VM entry that fails doesn't launch", VM_DO("vmresume", "r"(0)), E_VMRESUME_NON_LAUNCHED);
    guest_reset();
    vmwrite(GUEST_RFLAGS, 0);
    left("a guest state that is refused", guest_run(code), ENTRY_FAILED | R_INVALID_GUEST_STATE, 0);
    fails("it doesn't launch either", VM_DO("vmresume", "r"(0)), E_VMRESUME_NON_LAUNCHED);
    guest_reset();
    expect_completion("VMLAUNCH before VMXOFF", code);
    vmxoff();
    vmxon(vmxon_region);
    vmptrld(vmcs);
    fails("VMRESUME behind VMXOFF and VMXON", VM_DO("vmresume", "r"(0)), E_VMRESUME_AFTER_VMXOFF);
    fails("VMLAUNCH behind VMXOFF and VMXON", VM_DO("vmlaunch", "r"(0)), E_VMLAUNCH_NON_CLEAR);
    guest_reset();
    expect_completion("VMLAUNCH behind VMCLEAR", code);
}

/* --- capability MSRs --- */

static void capabilities(void)
{
    u64 basic = rdmsr(VMX_BASIC);
    check("VMX_BASIC: bit 31 is 0", !(basic >> 31 & 1));
    check("VMX_BASIC: a region has up to 4 KiB", (basic >> 32 & 0x1fff) && (basic >> 32 & 0x1fff) <= 4096);
    check_equal("VMX_BASIC: addresses aren't limited to 32 bits", basic >> 48 & 1, 0);
    check_equal("VMX_BASIC: write-back", basic >> 50 & 15, 6);
    static const struct {
        const char *name;
        u32 basic, flexible, default1;
    } words[] = {
        {"pin-based", VMX_PIN, VMX_TRUE_PIN, 0x16}, {"primary", VMX_PRIMARY, VMX_TRUE_PRIMARY, 0x401e172},
        {"exit", VMX_EXIT, VMX_TRUE_EXIT, 0x36dff}, {"entry", VMX_ENTRY, VMX_TRUE_ENTRY, 0x11ff}};
    for (unsigned i = 0; i < 4; i++) {
        u64 v = rdmsr(words[i].basic);
        check(named("%s controls: must be 1 implies may be 1", words[i].name), !((u32)v & ~(v >> 32)));
        check_equal(named("%s controls: the default1 class", words[i].name), (u32)v & words[i].default1,
            words[i].default1);
        if (basic >> 55 & 1) {
            u64 t = rdmsr(words[i].flexible);
            check_equal(named("%s controls: both MSRs allow the same", words[i].name), t >> 32, v >> 32);
            check(named("%s controls: the second requires less", words[i].name), !((u32)t & ~(u32)v));
        }
    }
    if (can(ACTIVATE_SECONDARY_CONTROLS))
        check_equal("secondary controls: none must be 1", (u32)rdmsr(VMX_SECONDARY), 0);
    check("CR0: fixed to 1 implies not fixed to 0", !(rdmsr(VMX_CR0_FIXED0) & ~rdmsr(VMX_CR0_FIXED1)));
    check("CR4: fixed to 1 implies not fixed to 0", !(rdmsr(VMX_CR4_FIXED0) & ~rdmsr(VMX_CR4_FIXED1)));
    check_equal("CR0: PE, NE and PG are fixed", rdmsr(VMX_CR0_FIXED0) & (CR0_PE | CR0_NE | CR0_PG), CR0_PE | CR0_NE
        | CR0_PG);
    check("CR4: VMXE is fixed", rdmsr(VMX_CR4_FIXED0) & CR4_VMXE);
    check("at most 16 bits below the TSC's are counted by the timer", (rdmsr(VMX_MISC) & 0x1f) <= 31);
    check("unrestricted guests need EPT", !can(UNRESTRICTED_GUEST) || can(ENABLE_EPT));
    check("unrestricted guests need IA32_EFER.LMA stored", !can(UNRESTRICTED_GUEST) || rdmsr(VMX_MISC) >> 5 & 1);
    check("virtual-interrupt delivery needs a TPR shadow", !can(VIRTUAL_INTERRUPT_DELIVERY) || can(USE_TPR_SHADOW));
    check("posted interrupts need virtual-interrupt delivery",
        !can(PROCESS_POSTED_INTERRUPTS) || can(VIRTUAL_INTERRUPT_DELIVERY));
    if (can(ENABLE_EPT)) {
        check("EPT: four levels", rdmsr(VMX_EPT_VPID) >> 6 & 1);
        check("EPT: write-back paging structures", rdmsr(VMX_EPT_VPID) >> 14 & 1);
    }
    for (u32 msr = VMX_BASIC; msr <= VMX_ENUM; msr++) {
        struct context *c = kernel();
        c->cx = msr;
        c->ax = rdmsr(msr);
        c->dx = rdmsr(msr) >> 32;
        faults(c, named("MSR %x is read-only", msr), GP, 0, "wrmsr");
    }
}

void program(void)
{
    if (!vmx_begin())
        return;
    a = new_region();
    b = new_region();
    pointer = (u64)vmxon_region;
    succeeds("VMXOFF", vmxoff());
    write_cr4(read_cr4() & ~CR4_VMXE);
    outside();
    entering();
    fixed_bits();
    inside();
    without_current();
    pointers();
    widths();
    encodings();
    existence();
    launch_state();
    capabilities();
    vmx_end();
}
