/* VMX operation, the guest's VMCS, and checks of how it is left. */
#include "vmx.h"

void fail(const char *name, const char *expected, const char *actual);
void pass(const char *name);
word vm_enter(struct registers *registers, bool launched);
extern u8 guest_stubs[];

u64 *vmxon_region, *vmcs;
struct registers guest;
struct gate guest_idt[256] __attribute__((aligned(16)));
struct tss64 guest_tss __attribute__((aligned(128)));
static bool launched;
static u64 guest_offset;

/* --- VMX operation --- */

u64 *new_region(void)
{
    u64 *region = alloc_page();
    *region = rdmsr(VMX_BASIC) & 0x7fffffff;
    return region;
}

bool vmx_begin(void)
{
    if (!(cpuid(1, 0).c & 1 << 5)) {
        skip("VMX", "not in CPUID");
        return false;
    }
    if (!(rdmsr(FEATURE_CONTROL) & 1))
        wrmsr(FEATURE_CONTROL, 5);
    if ((rdmsr(FEATURE_CONTROL) & 5) != 5) {
        skip("VMX", "locked by the firmware");
        return false;
    }
    write_cr0(read_cr0() | rdmsr(VMX_CR0_FIXED0));
    write_cr4(read_cr4() | CR4_VMXE);
    vmxon_region = new_region();
    vmcs = new_region();
    for (int v = 0; v < 256; v++) {
        u64 stub = (u64)guest_stubs + 16 * v;
        guest_idt[v] = (struct gate){stub, KERNEL_CODE, (PRESENT | INT32) << 8, stub >> 16, stub >> 32, 0};
    }
    guest_tss.rsp[0] = guest_tss.ist[0] = (u64)guest_stacks + 3 * 4096;
    guest_tss.iomap = sizeof guest_tss;
    if (vmxon(vmxon_region)) {
        fail("VMXON", "success", "failure");
        return false;
    }
    return true;
}

void vmx_end(void)
{
    vmclear(vmcs);
    succeeds("VMXOFF at the end", vmxoff());
}

static const struct {
    u16 field, basic, flexible;
} words[] = {
    {PIN_BASED_CONTROLS, VMX_PIN, VMX_TRUE_PIN},
    {PRIMARY_CONTROLS, VMX_PRIMARY, VMX_TRUE_PRIMARY},
    {SECONDARY_CONTROLS, VMX_SECONDARY, VMX_SECONDARY},
    {EXIT_CONTROLS, VMX_EXIT, VMX_TRUE_EXIT},
    {ENTRY_CONTROLS, VMX_ENTRY, VMX_TRUE_ENTRY},
    {TERTIARY_CONTROLS, VMX_TERTIARY, VMX_TERTIARY},
};

/* The control without which a word counts as 0; the word's field if there is none. */
static u32 activation(u32 field)
{
    return field == SECONDARY_CONTROLS ? ACTIVATE_SECONDARY_CONTROLS
        : field == TERTIARY_CONTROLS ? ACTIVATE_TERTIARY_CONTROLS : field;
}

static bool can_activate(u32 field)
{
    return activation(field) == field || can(activation(field));
}

static u64 capability(u32 field)
{
    bool flexible = rdmsr(VMX_BASIC) >> 55 & 1;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].field == field)
            return rdmsr(flexible ? words[i].flexible : words[i].basic);
    return 0;
}

u32 required_bits(u32 field)
{
    return field == TERTIARY_CONTROLS ? 0 : capability(field);
}

u32 allowed_bits(u32 field)
{
    return field == TERTIARY_CONTROLS ? capability(field) : capability(field) >> 32;
}

bool can(enum control control)
{
    u32 field = words[control / 32].field;
    if (!can_activate(field))
        return false;
    return allowed_bits(field) >> control % 32 & 1;
}

bool need(enum control control, const char *what)
{
    if (!can(control))
        skip(what, "not in the capability MSRs");
    return can(control);
}

void on(enum control control)
{
    u32 field = words[control / 32].field;
    if (activation(field) != field)
        on(activation(field));
    vmwrite(field, vmread(field) | 1u << control % 32);
}

void off(enum control control)
{
    u32 field = words[control / 32].field;
    vmwrite(field, vmread(field) & ~(1ull << control % 32));
}

u64 vmptrst(void)
{
    u64 p = 0x5555555555555555;
    asm volatile("vmptrst [%0]" : : "r"(&p) : "memory", "cc");
    return p;
}

u64 vmread(u64 field)
{
    u64 value = 0;
    bool failed;
    asm volatile("vmread %0, %2\nsetbe %1" : "+r"(value), "=r"(failed) : "r"(field) : "cc");
    if (failed) {
        fail(named("VMREAD of field %llx", field), "success", "failure");
        finish();
    }
    return value;
}

void vmwrite(u64 field, u64 value)
{
    if (try_vmwrite(field, value)) {
        fail(named("VMWRITE of field %llx", field), "success", "failure");
        finish();
    }
}

void succeeds(const char *name, word flags)
{
    check_equal(name, flags, 0);
}

void fails_invalid(const char *name, word flags)
{
    check_equal(name, flags, CF);
}

void fails(const char *name, word flags, enum instruction_error error)
{
    if (flags != ZF)
        check_equal(name, flags, ZF);
    else
        check_equal(name, vmread(INSTRUCTION_ERROR), error);
}

/* --- the guest --- */

static void segment(u32 selector_field, u16 selector, u64 base, u32 limit, u32 rights)
{
    vmwrite(selector_field, selector);
    vmwrite(selector_field - GUEST_ES_SELECTOR + GUEST_ES_LIMIT, limit);
    vmwrite(selector_field - GUEST_ES_SELECTOR + GUEST_ES_ACCESS_RIGHTS, rights);
    vmwrite(selector_field - GUEST_ES_SELECTOR + GUEST_ES_BASE, base);
}

static void host_state(void)
{
    vmwrite(HOST_CR0, read_cr0());
    vmwrite(HOST_CR3, read_cr3());
    vmwrite(HOST_CR4, read_cr4());
    vmwrite(HOST_CS_SELECTOR, KERNEL_CODE);
    for (u32 field = HOST_ES_SELECTOR; field <= HOST_GS_SELECTOR; field += 2)
        if (field != HOST_CS_SELECTOR)
            vmwrite(field, KERNEL_DATA);
    vmwrite(HOST_TR_SELECTOR, MAIN_TSS);
    vmwrite(HOST_FS_BASE, 0);
    vmwrite(HOST_GS_BASE, 0);
    vmwrite(HOST_TR_BASE, (u64)&main_tss);
    vmwrite(HOST_GDTR_BASE, (u64)gdt);
    vmwrite(HOST_IDTR_BASE, (u64)idt);
    vmwrite(HOST_SYSENTER_CS, 0);
    vmwrite(HOST_SYSENTER_ESP, 0);
    vmwrite(HOST_SYSENTER_EIP, 0);
}

static void controls(void)
{
    static const u16 zero[] = {
        PAGE_FAULT_ERROR_CODE_MASK, PAGE_FAULT_ERROR_CODE_MATCH, CR3_TARGET_COUNT, EXIT_MSR_STORE_COUNT,
        EXIT_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_COUNT, ENTRY_INTERRUPTION_INFORMATION, ENTRY_EXCEPTION_ERROR_CODE,
        ENTRY_INSTRUCTION_LENGTH, CR0_GUEST_HOST_MASK, CR4_GUEST_HOST_MASK, CR0_READ_SHADOW, CR4_READ_SHADOW,
        TSC_OFFSET};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (can_activate(words[i].field))
            vmwrite(words[i].field, required_bits(words[i].field));
    on(EXIT_HOST_ADDRESS_SPACE_SIZE);
    on(ENTRY_IA_32E_MODE_GUEST);
    for (unsigned i = 0; i < sizeof zero / sizeof zero[0]; i++)
        vmwrite(zero[i], 0);
    vmwrite(EXCEPTION_BITMAP, 0xffffffff);
    vmwrite(VMCS_LINK_POINTER, -1);
}

static void guest_state(void)
{
    static const u16 zero[] = {
        GUEST_DEBUGCTL, GUEST_INTERRUPTIBILITY_STATE, GUEST_ACTIVITY_STATE, GUEST_PENDING_DEBUG_EXCEPTIONS,
        GUEST_SYSENTER_CS, GUEST_SYSENTER_ESP, GUEST_SYSENTER_EIP, GUEST_SMBASE};
    for (unsigned i = 0; i < sizeof zero / sizeof zero[0]; i++)
        vmwrite(zero[i], 0);
    vmwrite(GUEST_CR0, read_cr0());
    vmwrite(GUEST_CR3, read_cr3());
    vmwrite(GUEST_CR4, read_cr4());
    vmwrite(GUEST_DR7, 0x400);
    for (u32 field = GUEST_ES_SELECTOR; field <= GUEST_GS_SELECTOR; field += 2)
        segment(field, KERNEL_DATA, 0, 0xffffffff, 0xc093);
    segment(GUEST_CS_SELECTOR, KERNEL_CODE, 0, 0xffffffff, 0xa09b);
    segment(GUEST_LDTR_SELECTOR, 0, 0, 0, 0x10000);
    segment(GUEST_TR_SELECTOR, MAIN_TSS, (u64)&guest_tss, sizeof guest_tss - 1, 0x8b);
    vmwrite(GUEST_GDTR_BASE, (u64)gdt);
    vmwrite(GUEST_GDTR_LIMIT, GDT_ENTRIES * 8 - 1);
    vmwrite(GUEST_IDTR_BASE, (u64)guest_idt);
    vmwrite(GUEST_IDTR_LIMIT, sizeof guest_idt - 1);
    vmwrite(GUEST_RFLAGS, 2);
    vmwrite(GUEST_RSP, GUEST_STACK);
}

void guest_reset(void)
{
    memset(&guest, 0, sizeof guest);
    guest_offset = 0;
    vmclear(vmcs);
    vmptrld(vmcs);
    launched = false;
    controls();
    host_state();
    guest_state();
}

void guest_user(void)
{
    guest_offset = USER_ALIAS;
    for (u32 field = GUEST_ES_SELECTOR; field <= GUEST_GS_SELECTOR; field += 2)
        segment(field, USER_DATA, 0, 0xffffffff, 0xc0f3);
    segment(GUEST_CS_SELECTOR, USER_CODE64, 0, 0xffffffff, 0xa0fb);
    vmwrite(GUEST_RSP, GUEST_STACK + guest_offset);
}

u32 guest_continue(void)
{
    word flags = vm_enter(&guest, launched);
    if (flags & ZF)
        return NOT_ENTERED | vmread(INSTRUCTION_ERROR);
    if (flags & CF)
        return NOT_ENTERED;
    u32 reason = vmread(EXIT_REASON);
    if (!(reason & ENTRY_FAILED))
        launched = true;
    return reason;
}

u32 guest_run(const struct snippet *code)
{
    vmwrite(GUEST_RIP, (u64)code->start + guest_offset);
    return guest_continue();
}

void guest_skip(void)
{
    vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(EXIT_INSTRUCTION_LENGTH));
}

u64 guest_stack(unsigned index)
{
    return ((u64 *)vmread(GUEST_RSP))[index];
}

void unblock_nmi(void)
{
    asm volatile("mov rax, rsp\npush %0\npush rax\npushfq\npush %1\nlea rax, [rip + 1f]\npush rax\niretq\n1:"
        : : "r"((u64)KERNEL_DATA), "r"((u64)KERNEL_CODE) : "rax", "memory");
}

bool apic_has(enum apic_register base, u8 vector)
{
    return apic_read(base + vector / 32 * 16) >> vector % 32 & 1;
}

void interrupt_myself(u8 vector)
{
    apic_write(APIC_ICR, 0x44000 | vector);
    while (!apic_has(APIC_IRR, vector))
        pause();
}

/* --- checks --- */

/* Whether the VM-exit instruction length is defined. */
static bool has_length(u32 reason)
{
    static const u8 without[] = {
        R_EXCEPTION_OR_NMI, R_EXTERNAL_INTERRUPT, R_TRIPLE_FAULT, R_INIT_SIGNAL, R_STARTUP_IPI, R_INTERRUPT_WINDOW,
        R_NMI_WINDOW, R_MONITOR_TRAP, R_TPR_BELOW_THRESHOLD, R_APIC_ACCESS, R_VIRTUALIZED_EOI, R_EPT_VIOLATION,
        R_EPT_MISCONFIGURATION, R_PREEMPTION_TIMER_EXPIRED, R_APIC_WRITE, R_PAGE_MODIFICATION_LOG_FULL,
        R_SPP_EVENT, R_BUS_LOCK, R_INSTRUCTION_TIMEOUT_EXPIRED};
    for (unsigned i = 0; i < sizeof without; i++)
        if (without[i] == (reason & 0xffff))
            return false;
    return true;
}

static const char *outcome(u32 reason, u64 qualification)
{
    if (reason & NOT_ENTERED)
        return named("no entry, error %u", reason & ~NOT_ENTERED);
    return named("%s %u, 0x%llx", reason & ENTRY_FAILED ? "entry failure" : "exit", reason & 0xffff, qualification);
}

/* More of an exit that nobody expected. */
static const char *got(u32 reason)
{
    if (reason & NOT_ENTERED)
        return outcome(reason, 0);
    u32 event = vmread(EXIT_INTERRUPTION_INFORMATION);
    return named("%s at 0x%llx, event %x error 0x%llx", outcome(reason, vmread(EXIT_QUALIFICATION)), vmread(GUEST_RIP),
        event & EVENT_VALID ? event : 0, event & EVENT_ERROR_CODE ? vmread(EXIT_INTERRUPTION_ERROR_CODE) : 0);
}

void left(const char *name, u32 actual, u32 reason, u64 qualification)
{
    bool same = actual == reason;
    if (same && !(actual & NOT_ENTERED))
        same = vmread(EXIT_QUALIFICATION) == qualification;
    if (same)
        pass(name);
    else
        fail(name, outcome(reason, qualification), got(actual));
}

void left_for(const char *name, u32 actual, u32 reason)
{
    if (actual == reason)
        pass(name);
    else
        fail(name, named("%s %u", reason & ENTRY_FAILED ? "entry failure" : "exit", reason & 0xffff), got(actual));
}

void expect_exit(const char *name, const struct snippet *code, u32 reason, u64 qualification)
{
    u32 actual = guest_run(code);
    u64 at = (u64)code->fault + guest_offset, length = code->end - code->fault;
    if (actual != reason || vmread(EXIT_QUALIFICATION) != qualification || vmread(GUEST_RIP) != at)
        fail(name, named("%s at 0x%llx", outcome(reason, qualification), at), got(actual));
    else if (has_length(reason) && vmread(EXIT_INSTRUCTION_LENGTH) != length)
        fail(name, named("length %llu", length), named("%llu", vmread(EXIT_INSTRUCTION_LENGTH)));
    else
        pass(name);
}

void expect_completion(const char *name, const struct snippet *code)
{
    u32 actual = guest_run(code);
    u64 at = (u64)code->end + guest_offset;
    if (actual == R_VMCALL && vmread(GUEST_RIP) == at)
        pass(name);
    else
        fail(name, named("no exit before 0x%llx", at), got(actual));
}

void expect_exception(const char *name, const struct snippet *code, u8 vector, u32 error)
{
    bool with_error = vector == DF || (vector >= TS && vector <= PF) || vector == AC;
    u32 event = EVENT_VALID | EVENT_EXCEPTION | vector | (with_error ? EVENT_ERROR_CODE : 0);
    u32 actual = guest_run(code);
    u64 at = (u64)code->fault + guest_offset;
    bool same = actual == R_EXCEPTION_OR_NMI && vmread(EXIT_INTERRUPTION_INFORMATION) == event
        && vmread(GUEST_RIP) == at && (!with_error || vmread(EXIT_INTERRUPTION_ERROR_CODE) == error);
    if (same)
        pass(name);
    else
        fail(name, named("event %x error 0x%x at 0x%llx", event, error, at), got(actual));
}

void delivered(const char *name, u32 actual, u8 vector)
{
    u64 at = (u64)guest_stubs + 16 * vector;
    if (actual == R_VMCALL && vmread(GUEST_RIP) == at)
        pass(name);
    else
        fail(name, named("vector 0x%x delivered", vector), got(actual));
}
