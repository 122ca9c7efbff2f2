/* VM entries that fail, by what is wrong in the VMCS: SDM Vol. 3, chapter "VM Entries",
    sections "Checks on VMX Controls
   and Host-State Area", "Checking and Loading Guest State", "Loading MSRs". */
#include "vmx.h"

#define NON_CANONICAL 0x800000000000ull
#define UNALIGNED 0x100008ull
#define FS_BASE 0xc0000100u
#define KERNEL_GS_BASE 0xc0000102u

enum kind { CONTROLS, HOST, STATE };
static u64 beyond; /* the lowest address beyond the physical-address width */

static void set(u32 field, u64 bits)
{
    vmwrite(field, vmread(field) | bits);
}

static void clear(u32 field, u64 bits)
{
    vmwrite(field, vmread(field) & ~bits);
}

static void expect_refusal(enum kind kind, const char *name)
{
    u32 outcome = guest_run(GUEST("nop"));
    if (kind == STATE)
        left(name, outcome, ENTRY_FAILED | R_INVALID_GUEST_STATE, 0);
    else
        left(name, outcome, NOT_ENTERED | (kind == HOST ? E_ENTRY_INVALID_HOST_STATE : E_ENTRY_INVALID_CONTROL), 0);
}

/* A fresh VMCS with something wrong. */
#define REFUSED(kind, name, ...)                                                                 \
    do {                                                                                         \
        guest_reset();                                                                           \
        __VA_ARGS__;                                                                             \
        expect_refusal(kind, name);                                                              \
    } while (0)
#define ACCEPTED(name, ...)                                                                      \
    do {                                                                                         \
        guest_reset();                                                                           \
        __VA_ARGS__;                                                                             \
        expect_completion(name, GUEST("nop"));                                                   \
    } while (0)

/* --- controls --- */

static void reserved_bits(void)
{
    static const struct {
        const char *name;
        u32 field;
    } words[] = {
        {"pin-based", PIN_BASED_CONTROLS}, {"primary", PRIMARY_CONTROLS}, {"secondary", SECONDARY_CONTROLS},
        {"exit", EXIT_CONTROLS}, {"entry", ENTRY_CONTROLS}};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        u32 field = words[i].field, required = required_bits(field), forbidden = ~allowed_bits(field);
        if (field == SECONDARY_CONTROLS && !can(ACTIVATE_SECONDARY_CONTROLS))
            continue;
        if (required)
            REFUSED(CONTROLS, named("a %s control that must be 1", words[i].name), clear(field, required & -required));
        if (forbidden)
            REFUSED(CONTROLS, named("a %s control that must be 0", words[i].name),
                if (field == SECONDARY_CONTROLS) on(ACTIVATE_SECONDARY_CONTROLS); set(field, forbidden & -forbidden));
    }
    if (can(ACTIVATE_TERTIARY_CONTROLS)) {
        REFUSED(CONTROLS, "a tertiary control that must be 0", on(ACTIVATE_TERTIARY_CONTROLS),
            vmwrite(TERTIARY_CONTROLS, 1ull << 63));
        ACCEPTED("tertiary controls aren't checked when they aren't activated", vmwrite(TERTIARY_CONTROLS, -1));
    }
    if (can(ACTIVATE_SECONDARY_CONTROLS))
        ACCEPTED("secondary controls aren't checked when they aren't activated", vmwrite(SECONDARY_CONTROLS, -1));
}

static void execution(void)
{
    u64 page = (u64)alloc_page();
    REFUSED(CONTROLS, "too many CR3 targets", vmwrite(CR3_TARGET_COUNT, (rdmsr(VMX_MISC) >> 16 & 0x1ff) + 1));
    REFUSED(CONTROLS, "I/O bitmap A not aligned", on(USE_IO_BITMAPS), vmwrite(IO_BITMAP_A, UNALIGNED),
        vmwrite(IO_BITMAP_B, page));
    REFUSED(CONTROLS, "I/O bitmap B beyond the width", on(USE_IO_BITMAPS), vmwrite(IO_BITMAP_A, page),
        vmwrite(IO_BITMAP_B, beyond));
    ACCEPTED("I/O bitmaps that aren't used", vmwrite(IO_BITMAP_A, UNALIGNED));
    REFUSED(CONTROLS, "MSR bitmaps not aligned", on(USE_MSR_BITMAPS), vmwrite(MSR_BITMAPS, UNALIGNED));
    if (can(VIRTUAL_NMIS)) {
        REFUSED(CONTROLS, "virtual NMIs without NMI exiting", on(VIRTUAL_NMIS));
        REFUSED(CONTROLS, "NMI-window exiting without virtual NMIs", on(NMI_EXITING), on(NMI_WINDOW_EXITING));
    }
    if (can(USE_TPR_SHADOW)) {
        REFUSED(CONTROLS, "virtual-APIC page not aligned", on(USE_TPR_SHADOW),
            vmwrite(VIRTUAL_APIC_ADDRESS, UNALIGNED), vmwrite(TPR_THRESHOLD, 0));
        REFUSED(CONTROLS, "TPR threshold with reserved bits", on(USE_TPR_SHADOW),
            vmwrite(VIRTUAL_APIC_ADDRESS, page), vmwrite(TPR_THRESHOLD, 0x10));
        REFUSED(CONTROLS, "TPR threshold above the virtual TPR", on(USE_TPR_SHADOW),
            vmwrite(VIRTUAL_APIC_ADDRESS, page), vmwrite(TPR_THRESHOLD, 1));
    }
    if (can(VIRTUALIZE_APIC_ACCESSES))
        REFUSED(CONTROLS, "APIC-access page not aligned", on(VIRTUALIZE_APIC_ACCESSES),
            vmwrite(APIC_ACCESS_ADDRESS, UNALIGNED));
    if (can(VIRTUALIZE_X2APIC_MODE)) {
        REFUSED(CONTROLS, "virtual x2APIC mode without TPR shadow", on(VIRTUALIZE_X2APIC_MODE));
        REFUSED(CONTROLS, "virtual x2APIC mode and APIC accesses", on(USE_TPR_SHADOW),
            vmwrite(VIRTUAL_APIC_ADDRESS, page), vmwrite(TPR_THRESHOLD, 0),
            vmwrite(APIC_ACCESS_ADDRESS, page), on(VIRTUALIZE_APIC_ACCESSES), on(VIRTUALIZE_X2APIC_MODE));
    }
    if (can(ENABLE_VPID))
        REFUSED(CONTROLS, "VPID 0", on(ENABLE_VPID), vmwrite(VIRTUAL_PROCESSOR_IDENTIFIER, 0));
    if (can(VMCS_SHADOWING)) {
        REFUSED(CONTROLS, "VMREAD bitmap not aligned", on(VMCS_SHADOWING), vmwrite(VMREAD_BITMAP_ADDRESS, UNALIGNED),
            vmwrite(VMWRITE_BITMAP_ADDRESS, page));
        REFUSED(CONTROLS, "VMWRITE bitmap beyond the width", on(VMCS_SHADOWING),
            vmwrite(VMREAD_BITMAP_ADDRESS, page), vmwrite(VMWRITE_BITMAP_ADDRESS, beyond));
    }
    if (can(ACTIVATE_PREEMPTION_TIMER) && can(EXIT_SAVE_PREEMPTION_TIMER))
        REFUSED(CONTROLS, "saving a preemption timer that isn't activated", on(EXIT_SAVE_PREEMPTION_TIMER));
}

static void delivery(void)
{
    if (!need(VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery"))
        return;
    u64 page = (u64)alloc_page();
    REFUSED(CONTROLS, "APIC-register virtualization without TPR shadow", on(APIC_REGISTER_VIRTUALIZATION));
    REFUSED(CONTROLS, "virtual-interrupt delivery without TPR shadow", on(EXTERNAL_INTERRUPT_EXITING),
        on(VIRTUAL_INTERRUPT_DELIVERY));
    REFUSED(CONTROLS, "virtual-interrupt delivery without external-interrupt exiting", on(USE_TPR_SHADOW),
        vmwrite(VIRTUAL_APIC_ADDRESS, page), on(VIRTUAL_INTERRUPT_DELIVERY));
    if (!need(PROCESS_POSTED_INTERRUPTS, "posted interrupts"))
        return;
#define POSTING on(USE_TPR_SHADOW), vmwrite(VIRTUAL_APIC_ADDRESS, page), on(EXTERNAL_INTERRUPT_EXITING), on(EXIT_ACKNOWLEDGE_INTERRUPT), \
        on(VIRTUAL_INTERRUPT_DELIVERY), on(PROCESS_POSTED_INTERRUPTS), vmwrite(GUEST_INTERRUPT_STATUS, 0), \
        vmwrite(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0x50), vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, page)
    ACCEPTED("posted interrupts", POSTING);
    REFUSED(CONTROLS, "posted interrupts without virtual-interrupt delivery", POSTING,
        off(VIRTUAL_INTERRUPT_DELIVERY), vmwrite(TPR_THRESHOLD, 0));
    REFUSED(CONTROLS, "posted interrupts without acknowledgement", POSTING, off(EXIT_ACKNOWLEDGE_INTERRUPT));
    REFUSED(CONTROLS, "a notification vector of 9 bits", POSTING, vmwrite(POSTED_INTERRUPT_NOTIFICATION_VECTOR, 0x150));
    REFUSED(CONTROLS, "a posted-interrupt descriptor not aligned", POSTING,
        vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, page + 32));
    REFUSED(CONTROLS, "a posted-interrupt descriptor beyond the width", POSTING,
        vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, beyond));
}

static void ept(void)
{
    if (!need(ENABLE_EPT, "EPT"))
        return;
    u64 eptp = EPT_POINTER_TO(ept_identity());
#define WITH_EPT on(ENABLE_EPT), vmwrite(EPT_POINTER, eptp)
    ACCEPTED("EPT", WITH_EPT);
    REFUSED(CONTROLS, "EPT with a memory type", WITH_EPT, vmwrite(EPT_POINTER, eptp ^ 4));
    REFUSED(CONTROLS, "EPT with a walk length", WITH_EPT, vmwrite(EPT_POINTER, eptp ^ 8));
    REFUSED(CONTROLS, "EPT with a reserved bit", WITH_EPT, vmwrite(EPT_POINTER, eptp | 1 << 11));
    REFUSED(CONTROLS, "EPT beyond the width", WITH_EPT, vmwrite(EPT_POINTER, eptp | beyond));
    if (!EPT_VPID_BIT(EPT_ACCESSED_DIRTY))
        REFUSED(CONTROLS, "EPT with accessed and dirty flags", WITH_EPT,
            vmwrite(EPT_POINTER, eptp | EPTP_ACCESSED_DIRTY));
    if (can(UNRESTRICTED_GUEST))
        REFUSED(CONTROLS, "unrestricted guest without EPT", on(UNRESTRICTED_GUEST));
    if (can(MODE_BASED_EXECUTE_CONTROL))
        REFUSED(CONTROLS, "mode-based execute control without EPT", on(MODE_BASED_EXECUTE_CONTROL));
    if (can(ENABLE_PML)) {
        REFUSED(CONTROLS, "page-modification log without EPT", on(ENABLE_PML), vmwrite(PML_ADDRESS, 0));
        REFUSED(CONTROLS, "page-modification log not aligned", WITH_EPT, on(ENABLE_PML),
            vmwrite(PML_ADDRESS, UNALIGNED));
    }
    if (can(EPT_VIOLATION_VE))
        REFUSED(CONTROLS, "virtualization-exception area not aligned", WITH_EPT, on(EPT_VIOLATION_VE),
            vmwrite(VIRTUALIZATION_EXCEPTION_ADDRESS, UNALIGNED));
    if (can(ENABLE_VM_FUNCTIONS)) {
        u64 defined = rdmsr(VMX_VMFUNC);
        REFUSED(CONTROLS, "a VM function that isn't there", on(ENABLE_VM_FUNCTIONS),
            vmwrite(VM_FUNCTION_CONTROLS, ~defined & -~defined));
        if (defined & 1) {
            REFUSED(CONTROLS, "EPTP switching without EPT", on(ENABLE_VM_FUNCTIONS),
                vmwrite(VM_FUNCTION_CONTROLS, 1), vmwrite(EPTP_LIST_ADDRESS, 0));
            REFUSED(CONTROLS, "EPTP list not aligned", WITH_EPT, on(ENABLE_VM_FUNCTIONS),
                vmwrite(VM_FUNCTION_CONTROLS, 1), vmwrite(EPTP_LIST_ADDRESS, UNALIGNED));
        }
    }
}

static void msr_areas(void)
{
    REFUSED(CONTROLS, "MSR-store area not aligned", vmwrite(EXIT_MSR_STORE_COUNT, 1),
        vmwrite(EXIT_MSR_STORE_ADDRESS, UNALIGNED));
    REFUSED(CONTROLS, "MSR-store area beyond the width", vmwrite(EXIT_MSR_STORE_COUNT, 1),
        vmwrite(EXIT_MSR_STORE_ADDRESS, beyond));
    REFUSED(CONTROLS, "MSR-store area ends beyond the width", vmwrite(EXIT_MSR_STORE_COUNT, 2),
        vmwrite(EXIT_MSR_STORE_ADDRESS, beyond - 16));
    REFUSED(CONTROLS, "exit MSR-load area not aligned", vmwrite(EXIT_MSR_LOAD_COUNT, 1),
        vmwrite(EXIT_MSR_LOAD_ADDRESS, UNALIGNED));
    REFUSED(CONTROLS, "entry MSR-load area not aligned", vmwrite(ENTRY_MSR_LOAD_COUNT, 1),
        vmwrite(ENTRY_MSR_LOAD_ADDRESS, UNALIGNED));
    REFUSED(CONTROLS, "entry MSR-load area beyond the width", vmwrite(ENTRY_MSR_LOAD_COUNT, 1),
        vmwrite(ENTRY_MSR_LOAD_ADDRESS, beyond));
    ACCEPTED("empty MSR areas anywhere", vmwrite(EXIT_MSR_STORE_ADDRESS, UNALIGNED),
        vmwrite(EXIT_MSR_LOAD_ADDRESS, UNALIGNED), vmwrite(ENTRY_MSR_LOAD_ADDRESS, UNALIGNED));
}

static void injecting(u32 event, u32 error, u32 length)
{
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | event);
    vmwrite(ENTRY_EXCEPTION_ERROR_CODE, error);
    vmwrite(ENTRY_INSTRUCTION_LENGTH, length);
}

static void events(void)
{
    bool any_error_code = rdmsr(VMX_BASIC) >> 56 & 1;
    REFUSED(CONTROLS, "an event of reserved type", injecting(1 << 8 | 0x40, 0, 0));
    REFUSED(CONTROLS, "an event with reserved bits", injecting(1 << 13 | EVENT_EXCEPTION | UD, 0, 0));
    REFUSED(CONTROLS, "an NMI with another vector", injecting(EVENT_NMI | 3, 0, 0));
    REFUSED(CONTROLS, "an exception above 31", injecting(EVENT_EXCEPTION | 32, 0, 0));
    if (can(MONITOR_TRAP_FLAG))
        REFUSED(CONTROLS, "a pending trap with a vector", injecting(EVENT_OTHER | 1, 0, 0));
    REFUSED(CONTROLS, "an interrupt with an error code", injecting(EVENT_INTERRUPT | EVENT_ERROR_CODE | 0x40, 0, 0));
    if (!any_error_code) {
        REFUSED(CONTROLS, "#UD with an error code", injecting(EVENT_EXCEPTION | EVENT_ERROR_CODE | UD, 0, 0));
        REFUSED(CONTROLS, "#GP without an error code", injecting(EVENT_EXCEPTION | GP, 0, 0));
        REFUSED(CONTROLS, "#AC without an error code", injecting(EVENT_EXCEPTION | AC, 0, 0));
    }
    REFUSED(CONTROLS, "an error code of 32 bits", injecting(EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x80000000, 0));
    REFUSED(CONTROLS, "a software interrupt of length 16", injecting(EVENT_SOFTWARE_INTERRUPT | 0x40, 0, 16));
    REFUSED(CONTROLS, "a software exception of length 16", injecting(EVENT_SOFTWARE_EXCEPTION | BP, 0, 16));
    if (!(rdmsr(VMX_MISC) >> 30 & 1))
        REFUSED(CONTROLS, "a software interrupt of length 0", injecting(EVENT_SOFTWARE_INTERRUPT | 0x40, 0, 0));
    ACCEPTED("an event that isn't valid", vmwrite(ENTRY_INTERRUPTION_INFORMATION, 0x7fffffff));
    if (can(ENTRY_ENTRY_TO_SMM))
        REFUSED(CONTROLS, "entry to SMM outside SMM", on(ENTRY_ENTRY_TO_SMM));
    if (can(ENTRY_DEACTIVATE_DUAL_MONITOR))
        REFUSED(CONTROLS, "deactivating the dual monitor outside SMM", on(ENTRY_DEACTIVATE_DUAL_MONITOR));
}

/* --- host state --- */

static void host(void)
{
    static const struct {
        const char *name;
        u32 field;
    } selectors[] = {
        {"ES", HOST_ES_SELECTOR}, {"CS", HOST_CS_SELECTOR}, {"SS", HOST_SS_SELECTOR}, {"DS", HOST_DS_SELECTOR},
        {"FS", HOST_FS_SELECTOR}, {"GS", HOST_GS_SELECTOR}, {"TR", HOST_TR_SELECTOR}},
      addresses[] = {
        {"FS base", HOST_FS_BASE}, {"GS base", HOST_GS_BASE}, {"TR base", HOST_TR_BASE}, {"GDTR base", HOST_GDTR_BASE},
        {"IDTR base", HOST_IDTR_BASE}, {"SYSENTER_ESP", HOST_SYSENTER_ESP}, {"SYSENTER_EIP", HOST_SYSENTER_EIP}};
    REFUSED(HOST, "host CR0 without NE", clear(HOST_CR0, CR0_NE));
    REFUSED(HOST, "host CR0 without PG", clear(HOST_CR0, CR0_PG));
    REFUSED(HOST, "host CR4 without VMXE", clear(HOST_CR4, CR4_VMXE));
    REFUSED(HOST, "host CR4 without PAE", clear(HOST_CR4, CR4_PAE));
    REFUSED(HOST, "host CR4 with a reserved bit", set(HOST_CR4, 1ull << 40));
    REFUSED(HOST, "host CR3 beyond the width", set(HOST_CR3, beyond));
    for (unsigned i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        REFUSED(HOST, named("host %s with RPL", selectors[i].name), set(selectors[i].field, 1));
        REFUSED(HOST, named("host %s with TI", selectors[i].name), set(selectors[i].field, 4));
    }
    REFUSED(HOST, "host CS null", vmwrite(HOST_CS_SELECTOR, 0));
    REFUSED(HOST, "host TR null", vmwrite(HOST_TR_SELECTOR, 0));
    ACCEPTED("host data segments null", vmwrite(HOST_SS_SELECTOR, 0), vmwrite(HOST_DS_SELECTOR, 0),
        vmwrite(HOST_FS_SELECTOR, 0));
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        REFUSED(HOST, named("host %s not canonical", addresses[i].name), vmwrite(addresses[i].field, NON_CANONICAL));
    REFUSED(HOST, "a host of 32 bits", off(EXIT_HOST_ADDRESS_SPACE_SIZE), off(ENTRY_IA_32E_MODE_GUEST));
    if (can(EXIT_LOAD_PAT)) {
        REFUSED(HOST, "host PAT with a reserved type", on(EXIT_LOAD_PAT), vmwrite(HOST_PAT, 0x0007040600070402));
        ACCEPTED("host PAT that isn't loaded", vmwrite(HOST_PAT, 2));
    }
    if (can(EXIT_LOAD_EFER)) {
        u64 efer = rdmsr(EFER);
        ACCEPTED("host EFER", on(EXIT_LOAD_EFER), vmwrite(HOST_EFER, efer));
        REFUSED(HOST, "host EFER with a reserved bit", on(EXIT_LOAD_EFER), vmwrite(HOST_EFER, efer | 2));
        REFUSED(HOST, "host EFER without LMA", on(EXIT_LOAD_EFER), vmwrite(HOST_EFER, efer & ~EFER_LMA));
        REFUSED(HOST, "host EFER without LME", on(EXIT_LOAD_EFER), vmwrite(HOST_EFER, efer & ~EFER_LME));
    }
}

/* --- guest state --- */

static void registers(void)
{
    REFUSED(STATE, "CR0 without NE", clear(GUEST_CR0, CR0_NE));
    REFUSED(STATE, "CR0 without PG", clear(GUEST_CR0, CR0_PG));
    REFUSED(STATE, "CR0 without PE", clear(GUEST_CR0, CR0_PE));
    REFUSED(STATE, "CR4 without VMXE", clear(GUEST_CR4, CR4_VMXE));
    REFUSED(STATE, "CR4 without PAE", clear(GUEST_CR4, CR4_PAE));
    REFUSED(STATE, "CR4 with a reserved bit", set(GUEST_CR4, 1ull << 40));
    REFUSED(STATE, "CR3 beyond the width", set(GUEST_CR3, beyond));
    REFUSED(STATE, "DR7 of more than 32 bits", on(ENTRY_LOAD_DEBUG_CONTROLS), vmwrite(GUEST_DR7, 1ull << 32 | 0x400));
    REFUSED(STATE, "DEBUGCTL with reserved bits", on(ENTRY_LOAD_DEBUG_CONTROLS), vmwrite(GUEST_DEBUGCTL, 1ull << 40));
    REFUSED(STATE, "SYSENTER_ESP not canonical", vmwrite(GUEST_SYSENTER_ESP, NON_CANONICAL));
    REFUSED(STATE, "SYSENTER_EIP not canonical", vmwrite(GUEST_SYSENTER_EIP, NON_CANONICAL));
    if (can(ENTRY_LOAD_PAT))
        REFUSED(STATE, "PAT with a reserved type", on(ENTRY_LOAD_PAT), vmwrite(GUEST_PAT, 0x0307040600070406));
    if (can(ENTRY_LOAD_EFER)) {
        u64 efer = rdmsr(EFER);
        REFUSED(STATE, "EFER with a reserved bit", on(ENTRY_LOAD_EFER), vmwrite(GUEST_EFER, efer | 2));
        REFUSED(STATE, "EFER without LMA", on(ENTRY_LOAD_EFER), vmwrite(GUEST_EFER, efer & ~EFER_LMA));
        REFUSED(STATE, "EFER without LME", on(ENTRY_LOAD_EFER), vmwrite(GUEST_EFER, efer & ~EFER_LME));
    }
    REFUSED(STATE, "RFLAGS without bit 1", vmwrite(GUEST_RFLAGS, 0));
    REFUSED(STATE, "RFLAGS with bit 3", vmwrite(GUEST_RFLAGS, 8 | 2));
    REFUSED(STATE, "RFLAGS with bit 15", vmwrite(GUEST_RFLAGS, 0x8000 | 2));
    REFUSED(STATE, "RFLAGS with bit 22", vmwrite(GUEST_RFLAGS, 1 << 22 | 2));
    REFUSED(STATE, "RFLAGS.VM in 64-bit mode", vmwrite(GUEST_RFLAGS, VM | 2));
    REFUSED(STATE, "an interrupt without RFLAGS.IF", injecting(EVENT_INTERRUPT | 0x40, 0, 0));
    guest_reset();
    vmwrite(GUEST_RIP, NON_CANONICAL << 8);
    left("RIP not canonical", guest_continue(), ENTRY_FAILED | R_INVALID_GUEST_STATE, 0);
    guest_reset();
    vmwrite(GUEST_CS_ACCESS_RIGHTS, 0xc09b);
    vmwrite(GUEST_RIP, 1ull << 32);
    left("RIP of more than 32 bits in compatibility mode", guest_continue(), ENTRY_FAILED | R_INVALID_GUEST_STATE, 0);
    REFUSED(STATE, "GDTR base not canonical", vmwrite(GUEST_GDTR_BASE, NON_CANONICAL));
    REFUSED(STATE, "IDTR base not canonical", vmwrite(GUEST_IDTR_BASE, NON_CANONICAL));
    REFUSED(STATE, "GDTR limit of 17 bits", vmwrite(GUEST_GDTR_LIMIT, 0x10000));
    REFUSED(STATE, "IDTR limit of 17 bits", vmwrite(GUEST_IDTR_LIMIT, 0x10000));
}

static void segments(void)
{
    REFUSED(STATE, "TR in the LDT", set(GUEST_TR_SELECTOR, 4));
    REFUSED(STATE, "LDTR in the LDT", vmwrite(GUEST_LDTR_SELECTOR, 0x84), vmwrite(GUEST_LDTR_ACCESS_RIGHTS, 0x82));
    REFUSED(STATE, "SS with another RPL than CS", set(GUEST_SS_SELECTOR, 3));
    REFUSED(STATE, "TR base not canonical", vmwrite(GUEST_TR_BASE, NON_CANONICAL));
    REFUSED(STATE, "FS base not canonical", vmwrite(GUEST_FS_BASE, NON_CANONICAL));
    REFUSED(STATE, "GS base not canonical", vmwrite(GUEST_GS_BASE, NON_CANONICAL));
    REFUSED(STATE, "CS base of more than 32 bits", vmwrite(GUEST_CS_BASE, 1ull << 32));
    REFUSED(STATE, "DS base of more than 32 bits", vmwrite(GUEST_DS_BASE, 1ull << 32));
    ACCEPTED("the base of an unusable DS", vmwrite(GUEST_DS_BASE, 1ull << 32),
        vmwrite(GUEST_DS_ACCESS_RIGHTS, 0x10000));
    static const struct {
        const char *name;
        u32 field, rights;
    } wrong[] = {
        {"CS is data", GUEST_CS_ACCESS_RIGHTS, 0xa093}, {"CS is not accessed", GUEST_CS_ACCESS_RIGHTS, 0xa09a},
        {"CS is a system segment", GUEST_CS_ACCESS_RIGHTS, 0xa08b},
            {"CS is not present", GUEST_CS_ACCESS_RIGHTS, 0xa01b},
        {"CS has L and D", GUEST_CS_ACCESS_RIGHTS, 0xe09b}, {"CS has reserved bits", GUEST_CS_ACCESS_RIGHTS, 0xa19b},
        {"CS has another DPL than SS", GUEST_CS_ACCESS_RIGHTS, 0xa0bb},
            {"CS has no G with a high limit", GUEST_CS_ACCESS_RIGHTS, 0x209b},
        {"SS is read-only", GUEST_SS_ACCESS_RIGHTS, 0xc091}, {"SS is code", GUEST_SS_ACCESS_RIGHTS, 0xc09b},
        {"SS has another DPL than RPL", GUEST_SS_ACCESS_RIGHTS, 0xc0b3},
            {"SS has reserved bits", GUEST_SS_ACCESS_RIGHTS, 0xcf93},
        {"DS is execute-only", GUEST_DS_ACCESS_RIGHTS, 0xc099}, {"DS is not accessed", GUEST_DS_ACCESS_RIGHTS, 0xc092},
        {"ES is a system segment", GUEST_ES_ACCESS_RIGHTS, 0xc083},
            {"FS is not present", GUEST_FS_ACCESS_RIGHTS, 0xc013},
        {"GS has bits above 16", GUEST_GS_ACCESS_RIGHTS, 0x2c093}, {"TR is not busy", GUEST_TR_ACCESS_RIGHTS, 0x89},
        {"TR is a 16-bit TSS in 64-bit mode", GUEST_TR_ACCESS_RIGHTS, 0x83},
            {"TR is unusable", GUEST_TR_ACCESS_RIGHTS, 0x1008b},
        {"TR is no system segment", GUEST_TR_ACCESS_RIGHTS, 0x9b}, {"TR is not present", GUEST_TR_ACCESS_RIGHTS, 0x0b},
        {"TR has G with a low limit", GUEST_TR_ACCESS_RIGHTS, 0x808b},
            {"LDTR is a TSS", GUEST_LDTR_ACCESS_RIGHTS, 0x8b},
        {"LDTR is not present", GUEST_LDTR_ACCESS_RIGHTS, 0x02}};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        REFUSED(STATE, wrong[i].name, vmwrite(wrong[i].field, wrong[i].rights));
    ACCEPTED("a conforming CS", vmwrite(GUEST_CS_ACCESS_RIGHTS, 0xa09f));
    ACCEPTED("SS unusable in 64-bit mode", vmwrite(GUEST_SS_ACCESS_RIGHTS, 0x10000), vmwrite(GUEST_SS_SELECTOR, 0));
}

static void activity(void)
{
    u64 misc = rdmsr(VMX_MISC);
    REFUSED(STATE, "activity state 4", vmwrite(GUEST_ACTIVITY_STATE, 4));
    if (!(misc >> 6 & 1))
        REFUSED(STATE, "activity state HLT", vmwrite(GUEST_ACTIVITY_STATE, HALTED));
    else
        REFUSED(STATE, "activity state HLT at CPL 3", guest_user(), vmwrite(GUEST_ACTIVITY_STATE, HALTED));
    REFUSED(STATE, "activity state HLT behind STI", vmwrite(GUEST_ACTIVITY_STATE, HALTED),
        vmwrite(GUEST_RFLAGS, IF | 2),
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI));
    REFUSED(STATE, "an exception in HLT", vmwrite(GUEST_ACTIVITY_STATE, HALTED), injecting(EVENT_EXCEPTION | UD, 0, 0));
    if (misc >> 7 & 1)
        REFUSED(STATE, "an interrupt in shutdown", vmwrite(GUEST_ACTIVITY_STATE, SHUTDOWN),
            vmwrite(GUEST_RFLAGS, IF | 2), injecting(EVENT_INTERRUPT | 0x40, 0, 0));
    if (misc >> 8 & 1)
        REFUSED(STATE, "an NMI while waiting for SIPI", vmwrite(GUEST_ACTIVITY_STATE, WAIT_FOR_SIPI),
            injecting(EVENT_NMI | NMI, 0, 0));
}

static void interruptibility(void)
{
    REFUSED(STATE, "interruptibility with reserved bits", vmwrite(GUEST_INTERRUPTIBILITY_STATE, 1 << 5));
    REFUSED(STATE, "blocking by STI and by MOV SS", vmwrite(GUEST_RFLAGS, IF | 2),
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI | BLOCKED_BY_MOV_SS));
    REFUSED(STATE, "blocking by STI without IF", vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI));
    REFUSED(STATE, "blocking by SMI outside SMM", vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_SMI));
    REFUSED(STATE, "an interrupt behind STI", vmwrite(GUEST_RFLAGS, IF | 2),
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI), injecting(EVENT_INTERRUPT | 0x40, 0, 0));
    REFUSED(STATE, "an interrupt behind MOV SS", vmwrite(GUEST_RFLAGS, IF | 2),
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_MOV_SS), injecting(EVENT_INTERRUPT | 0x40, 0, 0));
    REFUSED(STATE, "an NMI behind MOV SS", vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_MOV_SS),
        injecting(EVENT_NMI | NMI, 0, 0));
    if (can(VIRTUAL_NMIS))
        REFUSED(STATE, "a virtual NMI while they are blocked", on(NMI_EXITING), on(VIRTUAL_NMIS),
            vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI),
            injecting(EVENT_NMI | NMI, 0, 0));
    REFUSED(STATE, "pending debug exceptions with reserved bits", vmwrite(GUEST_PENDING_DEBUG_EXCEPTIONS, 1 << 5));
    REFUSED(STATE, "blocking by MOV SS, BS without TF", vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_MOV_SS),
        vmwrite(GUEST_PENDING_DEBUG_EXCEPTIONS, 1 << 14));
    REFUSED(STATE, "blocking by STI, TF without BS", vmwrite(GUEST_RFLAGS, TF | IF | 2),
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI));
}

static void link_pointer(void)
{
    u64 *region = new_region();
    static const char *const wrong[] = {"not aligned", "beyond the width", "of another revision",
        "of a shadow VMCS without shadowing"};
    for (unsigned i = 0; i < 4; i++) {
        guest_reset();
        *(u32 *)region = rdmsr(VMX_BASIC) ^ (i == 2 ? 1u : i == 3 ? 1u << 31 : 0);
        vmwrite(VMCS_LINK_POINTER, i == 0 ? (u64)region + 8 : i == 1 ? (u64)region | beyond : (u64)region);
        left(named("a VMCS link pointer %s", wrong[i]), guest_run(GUEST("nop")), ENTRY_FAILED
            | R_INVALID_GUEST_STATE, 4);
    }
    guest_reset();
    vmwrite(VMCS_LINK_POINTER, (u64)vmcs);
    left("a VMCS link pointer to the current VMCS", guest_run(GUEST("nop")), ENTRY_FAILED | R_INVALID_GUEST_STATE, 4);
}

/* --- MSR areas --- */

struct msr_entry {
    u32 msr, reserved;
    u64 value;
};

static void msr_failure(const char *name, u32 msr, u32 reserved, u64 value)
{
    struct msr_entry *area = alloc_page();
    area[0] = (struct msr_entry){KERNEL_GS_BASE, 0, 0x1000};
    area[1] = (struct msr_entry){msr, reserved, value};
    guest_reset();
    vmwrite(ENTRY_MSR_LOAD_ADDRESS, (u64)area);
    vmwrite(ENTRY_MSR_LOAD_COUNT, 2);
    left(name, guest_run(GUEST("nop")), ENTRY_FAILED | R_MSR_LOADING, 2);
}

static void msr_loading(void)
{
    struct msr_entry *enter = alloc_page(), *store = enter + 8, *load = enter + 16;
    u8 *bitmap = alloc_page();
    guest_reset();
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    *enter = (struct msr_entry){KERNEL_GS_BASE, 0, 0x123456789000};
    *store = *load = *enter;
    store->value = 0;
    load->value = 0x7654321;
    vmwrite(ENTRY_MSR_LOAD_ADDRESS, (u64)enter);
    vmwrite(ENTRY_MSR_LOAD_COUNT, 1);
    vmwrite(EXIT_MSR_STORE_ADDRESS, (u64)store);
    vmwrite(EXIT_MSR_STORE_COUNT, 1);
    vmwrite(EXIT_MSR_LOAD_ADDRESS, (u64)load);
    vmwrite(EXIT_MSR_LOAD_COUNT, 1);
    guest.cx = KERNEL_GS_BASE;
    completes("MSR areas", "rdmsr\nmov r8d, eax\nmov r9d, edx\ninc eax\nwrmsr");
    check_equal("the guest starts with what entry loads", guest.r9 << 32 | guest.r8, 0x123456789000);
    check_equal("exit stores what the guest leaves", store->value, 0x123456789001);
    check_equal("exit loads the host's value", rdmsr(KERNEL_GS_BASE), 0x7654321);
    check_equal("entry leaves its area alone", enter->value, 0x123456789000);
    msr_failure("loading FS_BASE", FS_BASE, 0, 0);
    msr_failure("loading GS_BASE", FS_BASE + 1, 0, 0);
    msr_failure("loading an unknown MSR", 0x12345678, 0, 0);
    msr_failure("loading a value that WRMSR refuses", 0xc0000082, 0, NON_CANONICAL);
    msr_failure("loading with reserved bits", KERNEL_GS_BASE, 1, 0);
    msr_failure("loading a read-only MSR", VMX_BASIC, 0, 0);
    check_equal("the entries before are loaded all the same", rdmsr(KERNEL_GS_BASE), 0x1000);
}

static void failing(void)
{
    guest_reset();
    vmwrite(HOST_FS_BASE, 0x123000);
    vmwrite(GUEST_RFLAGS, 0);
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | CR4_DE);
    left("a failure because of guest state", guest_run(GUEST("nop")), ENTRY_FAILED | R_INVALID_GUEST_STATE, 0);
    check_equal("it loads host state", rdmsr(FS_BASE), 0x123000);
    check_equal("it leaves guest state", vmread(GUEST_RFLAGS), 0);
    check_equal("CR4 is the host's", read_cr4() & CR4_DE, 0);
}

void program(void)
{
    if (!vmx_begin())
        return;
    beyond = 1ull << (cpuid(0x80000008, 0).a & 0xff);
    reserved_bits();
    execution();
    delivery();
    ept();
    msr_areas();
    events();
    host();
    registers();
    segments();
    activity();
    interruptibility();
    link_pointer();
    msr_loading();
    failing();
    vmx_end();
}
