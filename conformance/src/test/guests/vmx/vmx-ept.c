/* Extended page tables: permissions, misconfigurations, page sizes, accessed and dirty flags,
    page-modification logging,
   INVEPT, mode-based execute control, EPTP switching and virtualization exceptions: SDM Vol. 3,
       chapter "VMX Support for
   Address Translation", sections "EPT Violations", "VM Functions", "Virtualization Exceptions". */
#include "vmx.h"

/* Frames of 2 MiB that nothing else uses, and linear addresses behind which nothing else is. */
#define FRAME 0x4000000ull
#define OTHER_FRAME 0x4200000ull
#define FAR 0x80000000ull
#define MAPPED 0x600000000000ull
#define VE 20

static u64 *root, *leaf;
static u8 *page, *other;
static bool advanced;

/* Qualification bits; the advanced ones are left out where the processor doesn't have them. */
enum {
    READ = 1, WRITE = 2, FETCH = 4, LINEAR = 1 << 7, TRANSLATION = 1 << 8, USER_PAGE = 1 << 9, WRITABLE_PAGE = 1 << 10,
    NX_PAGE = 1 << 11
};
#define PERMISSIONS(p) ((p) << 3)

static void flush(void)
{
    if (EPT_VPID_BIT(EPT_INVEPT_ALL))
        invept(2, 0);
    else
        invept(1, vmread(EPT_POINTER));
}

static void ept_reset(void)
{
    guest_reset();
    on(ENABLE_EPT);
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root));
    *leaf = (u64)page | EPT_RWX | EPT_WB;
    guest.bx = (u64)page;
    *(u32 *)page = 0xc3c3c3c3; /* RET */
    *(u32 *)other = 0x12345678;
    flush();
}

static void violates(const char *name, u32 outcome, u64 qualification, u64 physical, u64 linear)
{
    u64 mask = advanced && (qualification & TRANSLATION) ? 0xfbf : 0x1bf;
    if (outcome != R_EPT_VIOLATION) {
        left(name, outcome, R_EPT_VIOLATION, qualification);
        return;
    }
    check_equal(name, vmread(EXIT_QUALIFICATION) & mask, qualification & mask);
    if (vmread(GUEST_PHYSICAL_ADDRESS) != physical)
        check_equal(named("%s: physical address", name), vmread(GUEST_PHYSICAL_ADDRESS), physical);
    if (vmread(GUEST_LINEAR_ADDRESS) != linear)
        check_equal(named("%s: linear address", name), vmread(GUEST_LINEAR_ADDRESS), linear);
}

static const struct snippet *accessing(u32 access)
{
    return access == READ ? GUEST("mov eax, [rbx]") : access == WRITE ? GUEST("mov [rbx], eax") : GUEST("call rbx");
}

static const char *const access_names[] = {"", "read", "write", "", "fetch"};

/* --- permissions --- */

static void permissions(void)
{
    static const char *const names[] = {"---", "r--", "", "rw-", "--x", "r-x", "", "rwx"};
    for (u32 p = 0; p < 8; p++) {
        if (p == 2 || p == 6 || (p == 4 && !EPT_VPID_BIT(EPT_EXECUTE_ONLY)))
            continue;
        for (u32 access = READ; access <= FETCH; access <<= 1) {
            ept_reset();
            *leaf = ((u64)page | EPT_WB | p) & (p ? -1ull : ~0xfffull);
            flush();
            const char *name = named("%s: %s", names[p], access_names[access]);
            if (p & access)
                expect_completion(name, accessing(access));
            else
                violates(name, guest_run(accessing(access)), access | PERMISSIONS(p) | LINEAR | TRANSLATION
                    | WRITABLE_PAGE,
                    (u64)page, (u64)page);
        }
    }
}

/* All entries of a walk have a say. */
static void levels(void)
{
    ept_reset();
    u64 *small = ept_entry(root, FRAME, 1), *directory = ept_entry(root, FRAME, 2);
    *small = FRAME | EPT_RWX | EPT_WB;
    *directory = (*directory & ~(u64)EPT_RWX) | EPT_READ;
    flush();
    guest.bx = FRAME + 0x10;
    completes("an upper level allows reads", "mov eax, [rbx]");
    violates("an upper level forbids writes", guest_run(accessing(WRITE)), WRITE | PERMISSIONS(EPT_READ) | LINEAR
        | TRANSLATION | WRITABLE_PAGE,
        FRAME + 0x10, FRAME + 0x10);
    u64 old = *directory;
    *directory = 0;
    flush();
    violates("a directory entry isn't present", guest_run(accessing(READ)), READ | LINEAR | TRANSLATION
        | WRITABLE_PAGE, FRAME + 0x10, FRAME + 0x10);
    *directory = old | EPT_RWX;
    u64 *pointer = ept_entry(root, FAR, 3);
    old = *pointer;
    *pointer = 0;
    flush();
    guest.bx = FAR + 0x123000;
    violates("a pointer table's entry isn't present", guest_run(accessing(WRITE)), WRITE | LINEAR | TRANSLATION
        | WRITABLE_PAGE,
        FAR + 0x123000, FAR + 0x123000);
    *pointer = old;
    flush();
}

static void advanced_information(void)
{
    if (!advanced) {
        skip("advanced exit information", "not in VMX_EPT_VPID_CAP");
        return;
    }
    ept_reset();
    *leaf = 0;
    flush();
    map_page(base_tables, MAPPED, (u64)page | PTE_P | PTE_NX, 1);
    guest.bx = MAPPED;
    violates("a read-only page without execution", guest_run(accessing(READ)), READ | LINEAR | TRANSLATION | NX_PAGE,
        (u64)page, MAPPED);
    guest_user();
    guest.bx = (u64)page + USER_ALIAS;
    violates("a user page", guest_run(accessing(READ)), READ | LINEAR | TRANSLATION | USER_PAGE | WRITABLE_PAGE,
        (u64)page, (u64)page + USER_ALIAS);
}

/* --- the guest's own paging structures --- */

static void structures(void)
{
    ept_reset();
    u64 *entry = map_page(base_tables, MAPPED + 0x5000, (u64)page | PTE_P | PTE_W | PTE_A | PTE_D, 1);
    u64 table = (u64)entry & ~0xfffull, *table_leaf = ept_entry(root, table, 1), old = *table_leaf;
    guest.bx = MAPPED + 0x5678;
    *table_leaf = 0;
    flush();
    violates("a page table isn't present", guest_run(accessing(WRITE)), READ | LINEAR, (u64)entry, MAPPED + 0x5678);
    *table_leaf = (old & ~(u64)EPT_RWX) | EPT_READ;
    flush();
    completes("a page table is read-only, its flags are set", "mov [rbx], eax");
    *entry &= ~(PTE_A | PTE_D);
    flush();
    left_for("a page table is read-only, its accessed flag is clear", guest_run(accessing(READ)), R_EPT_VIOLATION);
    check_equal("it tells a write", vmread(EXIT_QUALIFICATION) & (WRITE | PERMISSIONS(EPT_RWX) | LINEAR
        | TRANSLATION), WRITE | PERMISSIONS(EPT_READ) | LINEAR);
    if (EPT_VPID_BIT(EPT_ACCESSED_DIRTY)) {
        *entry |= PTE_A | PTE_D;
        vmwrite(EPT_POINTER, EPT_POINTER_TO(root) | EPTP_ACCESSED_DIRTY);
        flush();
        violates("with EPT's accessed and dirty flags a walk writes", guest_run(accessing(READ)), READ | WRITE
            | PERMISSIONS(EPT_READ) | LINEAR,
            (u64)entry, MAPPED + 0x5678);
    }
    *table_leaf = old;
    flush();
}

static void event_delivery(void)
{
    ept_reset();
    *leaf = (u64)page | EPT_READ | EPT_WB;
    flush();
    vmwrite(GUEST_RSP, (u64)page + 0x800);
    violates("the stack of INT n", guest_run(GUEST("int 0x62")), WRITE | PERMISSIONS(EPT_READ) | LINEAR | TRANSLATION
        | WRITABLE_PAGE,
        (u64)page + 0x7f8, (u64)page + 0x7f8);
    check_equal("it came while INT n was delivered", vmread(IDT_VECTORING_INFORMATION), EVENT_VALID
        | EVENT_SOFTWARE_INTERRUPT | 0x62);
    check_equal("it tells the length of INT n", vmread(EXIT_INSTRUCTION_LENGTH), 2);
}

static void nmi_unblocking(void)
{
    ept_reset();
    *leaf = 0;
    flush();
    vmwrite(GUEST_RSP, (u64)page + 0x800);
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
    left_for("the stack of an IRET that unblocks NMIs", guest_run(GUEST("iretq")), R_EPT_VIOLATION);
    check_equal("it tells that", vmread(EXIT_QUALIFICATION) >> 12 & 1, 1);
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, 0);
    left_for("the stack of another IRET", guest_run(GUEST("iretq")), R_EPT_VIOLATION);
    check_equal("it tells that, too", vmread(EXIT_QUALIFICATION) >> 12 & 1, 0);
}

/* --- misconfigurations --- */

static void misconfigured(const char *name, u64 *entry, u64 value, u64 address)
{
    u64 old = *entry;
    ept_reset();
    *entry = value;
    flush();
    guest.bx = address;
    u32 outcome = guest_run(GUEST("mov eax, [rbx]"));
    if (outcome != R_EPT_MISCONFIGURATION)
        left(name, outcome, R_EPT_MISCONFIGURATION, 0);
    else
        check_equal(name, vmread(GUEST_PHYSICAL_ADDRESS), address);
    *entry = old;
    flush();
}

static void misconfigurations(void)
{
    u64 width = cpuid(0x80000008, 0).a & 0xff, p = (u64)page;
    misconfigured("write without read", leaf, p | EPT_WB | EPT_WRITE, p);
    misconfigured("write and execute without read", leaf, p | EPT_WB | EPT_WRITE | EPT_EXECUTE, p);
    if (!EPT_VPID_BIT(EPT_EXECUTE_ONLY))
        misconfigured("execute-only", leaf, p | EPT_WB | EPT_EXECUTE, p);
    for (u64 type = 2; type < 8; type++)
        if (type != 4 && type != 5 && type != 6)
            misconfigured(named("memory type %llu", type), leaf, p | type << 3 | EPT_RWX, p);
    misconfigured("an address beyond the width", leaf, p | 1ull << width | EPT_WB | EPT_RWX, p);
    misconfigured("bit 51", leaf, p | 1ull << 51 | EPT_WB | EPT_RWX, p);
    u64 *directory = ept_entry(root, FRAME, 2), *large = ept_entry(root, OTHER_FRAME, 2),
        *pointer = ept_entry(root, FAR, 3);
    misconfigured("a reserved bit of a directory entry", directory, *directory | 8, FRAME);
    misconfigured("a reserved bit of a pointer table's entry", pointer, *pointer | 0x40, FAR);
    misconfigured("write without read in a directory entry", directory, *directory & ~1ull, FRAME);
    misconfigured("a 2 MiB page not aligned", large, *large | 0x1000, OTHER_FRAME);
    misconfigured("a memory type of a 2 MiB page", large, (*large & ~0x38ull) | 7 << 3, OTHER_FRAME);
    if (EPT_VPID_BIT(EPT_1G))
        misconfigured("a 1 GiB page not aligned", pointer, 0x200000 | EPT_WB | EPT_PAGE | EPT_RWX, FAR);
    else
        misconfigured("a 1 GiB page", pointer, EPT_WB | EPT_PAGE | EPT_RWX, FAR);
    ept_reset();
    *leaf = p | EPT_RWX | EPT_WB | 0x7ffull << 52;
    flush();
    completes("ignored bits of a page", "mov eax, [rbx]");
}

/* --- page sizes --- */

static void reads(const char *name, u64 address, u32 expected)
{
    guest.bx = address;
    expect_completion(name, GUEST("mov eax, [rbx]"));
    check_equal(named("%s: value", name), guest.ax, expected);
}

static void sizes(void)
{
    ept_reset();
    reads("a page mapped to itself", (u64)page, 0xc3c3c3c3);
    *leaf = (u64)other | EPT_RWX | EPT_WB;
    flush();
    reads("a page mapped elsewhere", (u64)page, 0x12345678);
    *(u32 *)(OTHER_FRAME + 0x12340) = 0xabcd;
    u64 *entry = ept_entry(root, FRAME, 2), old = *entry;
    *entry = OTHER_FRAME | EPT_RWX | EPT_WB | EPT_PAGE;
    flush();
    reads("a 2 MiB page mapped elsewhere", FRAME + 0x12340, 0xabcd);
    *entry = old;
    if (EPT_VPID_BIT(EPT_1G)) {
        entry = ept_entry(root, FAR, 3);
        old = *entry;
        *entry = EPT_RWX | EPT_WB | EPT_PAGE;
        flush();
        reads("a 1 GiB page mapped elsewhere", FAR + OTHER_FRAME + 0x12340, 0xabcd);
        *entry = old;
    } else {
        skip("pages of 1 GiB", "not in VMX_EPT_VPID_CAP");
    }
    flush();
}

/* --- accessed and dirty flags, page-modification logging --- */

static void flags(void)
{
    ept_reset();
    completes("an access without the flags enabled", "mov [rbx], eax");
    check_equal("no flags are set", *leaf & (EPT_ACCESSED | EPT_DIRTY), 0);
    if (!EPT_VPID_BIT(EPT_ACCESSED_DIRTY)) {
        skip("accessed and dirty flags", "not in VMX_EPT_VPID_CAP");
        return;
    }
    u64 *directory = ept_entry(root, (u64)page, 2);
    *directory &= ~(u64)EPT_ACCESSED;
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root) | EPTP_ACCESSED_DIRTY);
    flush();
    completes("a read with the flags enabled", "mov eax, [rbx]");
    check_equal("it sets the accessed flag", *leaf & (EPT_ACCESSED | EPT_DIRTY), EPT_ACCESSED);
    check_equal("in the upper level, too", *directory & (EPT_ACCESSED | EPT_DIRTY), EPT_ACCESSED);
    completes("a write with the flags enabled", "mov [rbx], eax");
    check_equal("it sets the dirty flag", *leaf & (EPT_ACCESSED | EPT_DIRTY), EPT_ACCESSED | EPT_DIRTY);
    check_equal("not in the upper level", *directory & (EPT_ACCESSED | EPT_DIRTY), EPT_ACCESSED);
    u64 *large = ept_entry(root, OTHER_FRAME, 2);
    *large &= ~(u64)(EPT_ACCESSED | EPT_DIRTY);
    flush();
    guest.bx = OTHER_FRAME + 0x10000;
    completes("a write to a 2 MiB page", "mov [rbx], eax");
    check_equal("its entry has both flags", *large & (EPT_ACCESSED | EPT_DIRTY), EPT_ACCESSED | EPT_DIRTY);
}

static void log(void)
{
    if (!need(ENABLE_PML, "page-modification logging"))
        return;
    u64 *entries = alloc_page();
    ept_reset();
    on(ENABLE_PML);
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root) | EPTP_ACCESSED_DIRTY);
    vmwrite(PML_ADDRESS, (u64)entries);
    vmwrite(PML_INDEX, 511);
    const struct snippet *code = GUEST("mov eax, [rbx]\nmov [rbx + 0x18], eax\nmov [rbx + 0x20], eax");
    expect_completion("writes with a log", code);
    /* The guest's own tables are in it as well; from now on only the page is clean. */
    *leaf &= ~(u64)EPT_DIRTY;
    vmwrite(PML_INDEX, 511);
    memset(entries, 0, 4096);
    flush();
    expect_completion("writes to one clean page", code);
    check_equal("the log has one entry", vmread(PML_INDEX), 510);
    check_equal("it is the page", entries[511], (u64)page);
    expect_completion("writes to a dirty page", code);
    check_equal("the log has no more entries", vmread(PML_INDEX), 510);
    *leaf &= ~(u64)EPT_DIRTY;
    vmwrite(PML_INDEX, 0);
    flush();
    expect_completion("the last entry of the log", code);
    check_equal("the index goes below 0", vmread(PML_INDEX), 0xffff);
    *leaf &= ~(u64)EPT_DIRTY;
    *(u32 *)(page + 0x18) = 0;
    flush();
    exits("a full log", R_PAGE_MODIFICATION_LOG_FULL, 0, "mov eax, [rbx]\n7: mov [rbx + 0x18], eax");
    check_equal("the write isn't done", *(u32 *)(page + 0x18), 0);
    check_equal("the dirty flag isn't set", *leaf & EPT_DIRTY, 0);
    vmwrite(PML_INDEX, 511);
    u32 outcome = guest_continue();
    check("with a new log the guest goes on", outcome == R_VMCALL && *leaf & EPT_DIRTY);
}

/* --- INVEPT --- */

static void invalidations(void)
{
    ept_reset();
    u64 eptp = EPT_POINTER_TO(root);
    if (EPT_VPID_BIT(EPT_INVEPT_SINGLE))
        succeeds("INVEPT of one context", invept(1, eptp));
    if (EPT_VPID_BIT(EPT_INVEPT_ALL))
        succeeds("INVEPT of all contexts", invept(2, 0));
    fails("INVEPT type 0", invept(0, eptp), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT type 3", invept(3, eptp), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT type beyond 32 bits", invept(1ull << 32 | 1, eptp), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT with a memory type", invept(1, eptp ^ 7), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT with a walk length", invept(1, eptp ^ 8), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT with a reserved bit", invept(1, eptp | 1 << 11), E_INVALID_INVALIDATION_OPERAND);
    fails("INVEPT with a wide address", invept(1, eptp | 1ull << 62), E_INVALID_INVALIDATION_OPERAND);
    struct context *c = kernel();
    c->ax = 2;
    c->bx = 0x7f0000000000;
    expect_page_fault("INVEPT of a descriptor not present", c, CODE("invept rax, [rbx]"), 0, 0x7f0000000000);
    completes("a write", "mov [rbx], eax");
    *leaf &= ~(u64)EPT_WRITE;
    invept(1, eptp);
    violates("INVEPT of one context makes a change seen", guest_run(accessing(WRITE)),
        WRITE | PERMISSIONS(EPT_READ | EPT_EXECUTE) | LINEAR | TRANSLATION | WRITABLE_PAGE, (u64)page, (u64)page);
    *leaf |= EPT_WRITE;
    completes("more permissions need no INVEPT", "mov [rbx], eax");
}

/* --- mode-based execute control --- */

static void fetch(const char *name, bool user, u32 entry, u64 reported)
{
    ept_reset();
    on(MODE_BASED_EXECUTE_CONTROL);
    *leaf = (u64)page | EPT_WB | entry;
    flush();
    if (user)
        guest_user();
    guest.bx = (u64)page + (user ? USER_ALIAS : 0);
    u32 outcome = guest_run(accessing(FETCH));
    if (!reported) {
        left(named("%s executes", name), outcome, R_VMCALL, 0);
        return;
    }
    left_for(named("%s doesn't execute", name), outcome, R_EPT_VIOLATION);
    check_equal(named("%s: permissions", name), vmread(EXIT_QUALIFICATION) & (7 | 15 << 3), FETCH | reported);
}

static void mode_based(void)
{
    if (!need(MODE_BASED_EXECUTE_CONTROL, "mode-based execute control"))
        return;
    /* What the guest runs on must be open to both modes. */
    for (u64 address = 0; address < 0x8000000; address += 0x200000) {
        u64 *entry = ept_entry(root, address, 2);
        *entry |= EPT_EXECUTE_USER;
        if (!(*entry & EPT_PAGE))
            for (u64 i = 0; i < 512; i++)
                *ept_entry(root, address + i * 4096, 1) |= EPT_EXECUTE_USER;
    }
    *ept_entry(root, 0, 4) |= EPT_EXECUTE_USER;
    *ept_entry(root, 0, 3) |= EPT_EXECUTE_USER;
    fetch("a supervisor page for supervisors", false, EPT_READ | EPT_EXECUTE, 0);
    fetch("a supervisor page for users", false, EPT_READ | EPT_EXECUTE_USER, PERMISSIONS(EPT_READ | 8));
    fetch("a user page for users", true, EPT_READ | EPT_EXECUTE_USER, 0);
    fetch("a user page for supervisors", true, EPT_READ | EPT_EXECUTE, PERMISSIONS(EPT_READ | EPT_EXECUTE));
}

/* --- VM functions --- */

static void functions(void)
{
    if (!need(ENABLE_VM_FUNCTIONS, "VM functions"))
        return;
    u64 *list = alloc_page(), *second = ept_identity();
    *ept_entry(second, (u64)page, 1) = (u64)other | EPT_RWX | EPT_WB;
    list[0] = EPT_POINTER_TO(root);
    list[1] = EPT_POINTER_TO(second);
    list[511] = EPT_POINTER_TO(root);
    ept_reset();
    excepts("VMFUNC without its control", UD, 0, "vmfunc");
    on(ENABLE_VM_FUNCTIONS);
    vmwrite(VM_FUNCTION_CONTROLS, 0);
    exits("a function that isn't enabled", R_VMFUNC, 0, "vmfunc");
    if (!(rdmsr(VMX_VMFUNC) & 1)) {
        skip("EPTP switching", "not in VMX_VMFUNC");
        return;
    }
    vmwrite(VM_FUNCTION_CONTROLS, 1);
    vmwrite(EPTP_LIST_ADDRESS, (u64)list);
    guest.cx = 1;
    completes("EPTP switching", "mov esi, [rbx]\nvmfunc\nmov edi, [rbx]");
    check_equal("before, the first tables count", guest.si, 0xc3c3c3c3);
    check_equal("behind, the others count", guest.di, 0x12345678);
    check_equal("the VMCS has the new pointer", vmread(EPT_POINTER), list[1]);
    guest.cx = 511;
    completes("the last entry of the list", "vmfunc");
    guest.cx = 512;
    exits("an index too high", R_VMFUNC, 0, "vmfunc");
    guest.cx = 2;
    exits("a pointer that isn't valid", R_VMFUNC, 0, "vmfunc");
    check_equal("the VMCS keeps its pointer", vmread(EPT_POINTER), list[511]);
    guest.ax = 1;
    exits("another function", R_VMFUNC, 0, "vmfunc");
    guest.ax = 64;
    excepts("a function number too high", UD, 0, "vmfunc");
    guest_user();
    guest.ax = 0;
    guest.cx = 1;
    completes("EPTP switching at CPL 3", "vmfunc");
}

/* --- virtualization exceptions --- */

struct ve_area {
    u32 reason, busy;
    u64 qualification, linear, physical;
    u16 index;
};

static void exceptions(void)
{
    if (!need(EPT_VIOLATION_VE, "virtualization exceptions"))
        return;
    struct ve_area *area = alloc_page();
    const struct snippet *code = GUEST("mov eax, [rbx + 8]");
    ept_reset();
    on(EPT_VIOLATION_VE);
    vmwrite(VIRTUALIZATION_EXCEPTION_ADDRESS, (u64)area);
    vmwrite(EPTP_INDEX, 7);
    vmwrite(EXCEPTION_BITMAP, 0);
    *leaf = 0;
    flush();
    delivered("#VE instead of an EPT violation", guest_run(code), VE);
    check_equal("it pushes RIP", guest_stack(0), (u64)code->start);
    check_equal("#VE: reason", area->reason, R_EPT_VIOLATION);
    check_equal("#VE: busy", area->busy, 0xffffffff);
    check_equal("#VE: qualification", area->qualification & 0x1bf, READ | LINEAR | TRANSLATION);
    check_equal("#VE: linear address", area->linear, (u64)page + 8);
    check_equal("#VE: physical address", area->physical, (u64)page + 8);
    check_equal("#VE: EPTP index", area->index, 7);
    left_for("an EPT violation while the area is busy", guest_run(code), R_EPT_VIOLATION);
    area->busy = 0;
    vmwrite(EXCEPTION_BITMAP, 1 << VE);
    expect_exception("#VE exits", code, VE, 0);
    area->busy = 0;
    vmwrite(EXCEPTION_BITMAP, 0);
    *leaf = EPT_SUPPRESS_VE;
    flush();
    left_for("an EPT violation where #VE is suppressed", guest_run(code), R_EPT_VIOLATION);
    check_equal("the area stays as it is", area->busy, 0);
    *leaf = 0;
    flush();
    vmwrite(GUEST_RSP, (u64)page + 0x800);
    left_for("an EPT violation while an event is delivered", guest_run(GUEST("int 0x62")), R_EPT_VIOLATION);
}

void program(void)
{
    if (!vmx_begin())
        return;
    if (need(ENABLE_EPT, "EPT")) {
        root = ept_identity();
        page = alloc_page();
        other = alloc_page();
        leaf = ept_entry(root, (u64)page, 1);
        advanced = EPT_VPID_BIT(EPT_ADVANCED);
        permissions();
        levels();
        advanced_information();
        structures();
        event_delivery();
        nmi_unblocking();
        misconfigurations();
        sizes();
        flags();
        log();
        invalidations();
        mode_based();
        functions();
        exceptions();
    }
    vmx_end();
}
