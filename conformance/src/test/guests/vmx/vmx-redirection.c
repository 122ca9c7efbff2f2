/* Translations that a guest can't redirect: linear addresses that the hypervisor manages, page tables that only paging
   may write, and pages that want such page tables: SDM Vol. 3, sections "Ordinary Paging and HLAT Paging", "Restart of
   HLAT Paging", "EPT Violations". */
#include "vmx.h"

#define FRAME 0x4000000ull
#define OTHER_FRAME 0x4001000ull
#define LOW 0x600000000000ull
#define HIGH 0xffffa00000000000ull
#define RESTART (1ull << 11)
#define HLAT_FAULT 0x80
#define NO_PAGE ~0ull

enum { READ = 1, WRITE = 2, LINEAR = 1 << 7, TRANSLATION = 1 << 8, VERIFICATION = 1 << 15 };
#define RWX (EPT_RWX << 3)
#define READ_EXECUTE ((EPT_READ | EPT_EXECUTE) << 3)

static u64 *root, *managed;

static void flush(void)
{
    invept(EPT_VPID_BIT(EPT_INVEPT_ALL) ? 2 : 1, EPT_VPID_BIT(EPT_INVEPT_ALL) ? 0 : vmread(EPT_POINTER));
}

static void ept_reset(void)
{
    guest_reset();
    on(ENABLE_EPT);
    vmwrite(EPT_POINTER, EPT_POINTER_TO(root));
    *(u32 *)FRAME = 0x11111111;
    *(u32 *)OTHER_FRAME = 0x22222222;
    flush();
}

/* --- HLAT --- */

/* A guest for which a page is where its own tables say, and where the hypervisor's do. */
static void hlat_reset(u64 linear, u64 own, u64 hypervisors)
{
    ept_reset();
    on(ENABLE_HLAT);
    memset(managed, 0, 4096);
    for (int i = 0; i < 512; i++)
        managed[i] = base_tables[i];
    managed[linear >> 39 & 511] = 0;
    vmwrite(HLAT_POINTER, (u64)managed);
    vmwrite(HLAT_PREFIX_SIZE, 0);
    map_page(base_tables, linear, own == NO_PAGE ? 0 : own, 1);
    managed[linear >> 39 & 511] = 0;
    map_page(managed, linear, hypervisors == NO_PAGE ? 0 : hypervisors, 1);
    guest.bx = linear;
    flush();
}

static void reads(const char *name, u32 value)
{
    expect_completion(name, GUEST("mov eax, [rbx]"));
    check_equal(named("%s: where it leads", name), (u32)guest.ax, value);
}

#define OWN (FRAME | PTE_P | PTE_W)
#define HYPERVISORS (OTHER_FRAME | PTE_P | PTE_W)

static void hlat(void)
{
    hlat_reset(LOW, OWN, HYPERVISORS);
    reads("with prefix size 0 all addresses are managed", 0x22222222);
    off(ENABLE_HLAT);
    flush();
    reads("without the control none is", 0x11111111);
    on(ENABLE_HLAT);
    vmwrite(HLAT_PREFIX_SIZE, 1);
    flush();
    reads("with prefix size 1 the lower half isn't", 0x11111111);
    hlat_reset(HIGH, OWN, HYPERVISORS);
    vmwrite(HLAT_PREFIX_SIZE, 1);
    flush();
    reads("with prefix size 1 the upper half is", 0x22222222);
    u64 *entry = map_page(managed, HIGH, HYPERVISORS, 1);
    flush();
    completes("a write", "mov [rbx], eax");
    check_equal("it sets flags in the hypervisor's tables", *entry & (PTE_A | PTE_D), PTE_A | PTE_D);
}

static void page_faults(void)
{
    hlat_reset(LOW, OWN, NO_PAGE);
    excepts("no page", PF, HLAT_FAULT, "mov eax, [rbx]");
    excepts("no page to write", PF, HLAT_FAULT | 2, "mov [rbx], eax");
    check_equal("the fault's address", vmread(EXIT_QUALIFICATION), LOW);
    hlat_reset(LOW, OWN, HYPERVISORS | 1ull << 51);
    excepts("a reserved bit", PF, HLAT_FAULT | 9, "mov eax, [rbx]");
    hlat_reset(LOW, OWN, OTHER_FRAME | PTE_P);
    vmwrite(GUEST_CR0, vmread(GUEST_CR0) | CR0_WP);
    excepts("a read-only page is a fault like others", PF, 3, "mov [rbx], eax");
    hlat_reset(LOW, NO_PAGE, HYPERVISORS);
    reads("the guest's own tables don't count", 0x22222222);
}

static void restarts(void)
{
    for (int level = 1; level <= 4; level++) {
        hlat_reset(LOW, OWN, HYPERVISORS);
        u64 *entry = table_entry(managed, LOW, level);
        *entry |= RESTART;
        flush();
        reads(named("a restart at level %u", level), 0x11111111);
    }
    hlat_reset(LOW, OWN, OTHER_FRAME | PTE_P | RESTART);
    completes("rights from before the restart don't count", "mov [rbx], eax");
    hlat_reset(LOW, NO_PAGE, HYPERVISORS | RESTART);
    excepts("no page behind a restart", PF, 0, "mov eax, [rbx]");
    hlat_reset(LOW, OWN, RESTART);
    excepts("an entry that isn't present restarts nothing", PF, HLAT_FAULT, "mov eax, [rbx]");
    hlat_reset(LOW, OWN | RESTART, HYPERVISORS | RESTART);
    reads("ordinary paging ignores the bit", 0x11111111);
}

static void hlat_checks(void)
{
    u64 pointers[] = {1, 4, 1 << 5, 1 << 11, 1ull << (cpuid(0x80000008, 0).a & 0xff)};
    for (unsigned i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        hlat_reset(LOW, OWN, HYPERVISORS);
        vmwrite(HLAT_POINTER, (u64)managed | pointers[i]);
        left(named("an HLAT pointer with bits %llx", pointers[i]), guest_run(GUEST("nop")),
            NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    }
    hlat_reset(LOW, OWN, HYPERVISORS);
    vmwrite(HLAT_POINTER, (u64)managed | 0x18);
    completes("an HLAT pointer with PWT and PCD", "nop");
    off(ENABLE_EPT);
    left("HLAT without EPT", guest_run(GUEST("nop")), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    check_equal("the longest prefix", rdmsr(VMX_EPT_VPID) >> 48 & 63, 1);
}

/* --- paging writes --- */

static void violates(const char *name, const struct snippet *code, u64 qualification, u64 physical, u64 linear)
{
    u32 outcome = guest_run(code);
    if (outcome != R_EPT_VIOLATION || (vmread(EXIT_QUALIFICATION) & 0x81bf) != qualification) {
        left(name, outcome, R_EPT_VIOLATION, qualification);
        return;
    }
    check_equal(named("%s: physical address", name), vmread(GUEST_PHYSICAL_ADDRESS), physical);
    if (vmread(GUEST_LINEAR_ADDRESS) != linear)
        check_equal(named("%s: linear address", name), vmread(GUEST_LINEAR_ADDRESS), linear);
}

static const struct snippet *load(void)
{
    return GUEST("mov eax, [rbx]");
}

static void paging_writes(void)
{
    ept_reset();
    on(EPT_PAGING_WRITE_CONTROL);
    u64 *entry = map_page(base_tables, LOW, OWN, 1), table = (u64)entry & ~0xfffull;
    u64 *leaf = ept_entry(root, table, 1), *directory = ept_entry(root, table, 2), old = *leaf;
    guest.bx = LOW;
    *leaf = old & ~(u64)EPT_WRITE;
    flush();
    violates("an accessed flag in a read-only page", load(), WRITE | READ_EXECUTE | LINEAR, (u64)entry, LOW);
    *leaf |= EPT_PAGING_WRITE;
    flush();
    completes("in one that paging may write", "mov eax, [rbx]");
    check_equal("the accessed flag", *entry & PTE_A, PTE_A);
    completes("a dirty flag", "mov [rbx], eax");
    check_equal("the dirty flag", *entry & PTE_D, PTE_D);
    guest.bx = table;
    violates("software may not write it", GUEST("mov [rbx], eax"), WRITE | READ_EXECUTE | LINEAR | TRANSLATION, table,
        table);
    guest.bx = LOW;
    *entry = OWN;
    off(EPT_PAGING_WRITE_CONTROL);
    flush();
    violates("without the control", load(), WRITE | READ_EXECUTE | LINEAR, (u64)entry, LOW);
    on(EPT_PAGING_WRITE_CONTROL);
    *directory &= ~(u64)EPT_WRITE;
    flush();
    violates("an upper level forbids it", load(), WRITE | READ_EXECUTE | LINEAR, (u64)entry, LOW);
    *directory |= EPT_WRITE;
    if (EPT_VPID_BIT(EPT_ACCESSED_DIRTY)) {
        *entry = OWN | PTE_A;
        vmwrite(EPT_POINTER, EPT_POINTER_TO(root) | EPTP_ACCESSED_DIRTY);
        flush();
        completes("with EPT's flags a walk writes, too", "mov eax, [rbx]");
        *leaf &= ~EPT_PAGING_WRITE;
        flush();
        violates("without the bit it may not", load(), READ | WRITE | READ_EXECUTE | LINEAR, (u64)entry, LOW);
    }
    *leaf = old;
    flush();
}

static void misconfigured(void)
{
    ept_reset();
    on(EPT_PAGING_WRITE_CONTROL);
    u64 *leaf = ept_entry(root, FRAME, 1), old = *leaf;
    guest.bx = FRAME;
    *leaf = FRAME | EPT_EXECUTE | EPT_WB | EPT_PAGING_WRITE;
    flush();
    left_for("paging may write what nobody may read", guest_run(load()), R_EPT_MISCONFIGURATION);
    off(EPT_PAGING_WRITE_CONTROL);
    flush();
    if (EPT_VPID_BIT(EPT_EXECUTE_ONLY))
        violates("without the control it is a page", load(), READ | EPT_EXECUTE << 3 | LINEAR | TRANSLATION, FRAME, FRAME);
    *leaf = old;
    flush();
}

/* --- verification --- */

/* The pages of the tables that translate an address get the bit, or lose it. */
static void mark_tables(u64 linear, bool set)
{
    for (int level = 1; level <= 4; level++) {
        u64 *leaf = ept_entry(root, (u64)table_entry(base_tables, linear, level), 1);
        *leaf = set ? *leaf | EPT_PAGING_WRITE : *leaf & ~EPT_PAGING_WRITE;
    }
    flush();
}

static void verification(void)
{
    const u64 violation = READ | RWX | LINEAR | TRANSLATION | VERIFICATION;
    ept_reset();
    on(EPT_PAGING_WRITE_CONTROL);
    on(GUEST_PAGING_VERIFICATION);
    map_page(base_tables, LOW, OWN, 1);
    u64 *leaf = ept_entry(root, FRAME, 1), old = *leaf;
    guest.bx = LOW;
    mark_tables(LOW, false);
    completes("a page that doesn't want it", "mov eax, [rbx]");
    *leaf |= EPT_VERIFY_PAGING;
    flush();
    violates("a page that wants it", load(), violation, FRAME, LOW);
    mark_tables(LOW, true);
    completes("tables that stand it", "mov eax, [rbx]\nmov [rbx], eax");
    for (int level = 1; level <= 4; level++) {
        u64 *table = ept_entry(root, (u64)table_entry(base_tables, LOW, level), 1);
        *table &= ~EPT_PAGING_WRITE;
        flush();
        violates(named("one table doesn't, at level %u", level), load(), violation, FRAME, LOW);
        *table |= EPT_PAGING_WRITE;
    }
    mark_tables(LOW, false);
    *leaf &= ~(u64)EPT_WRITE;
    flush();
    violates("permissions come first", GUEST("mov [rbx], eax"), WRITE | READ_EXECUTE | LINEAR | TRANSLATION, FRAME, LOW);
    *leaf |= EPT_WRITE;
    off(EPT_PAGING_WRITE_CONTROL);
    flush();
    completes("it needs paging-write control", "mov eax, [rbx]");
    on(EPT_PAGING_WRITE_CONTROL);
    off(GUEST_PAGING_VERIFICATION);
    flush();
    completes("it needs its own control", "mov eax, [rbx]");
    *leaf = old;
    flush();
}

static void checks(void)
{
    ept_reset();
    off(ENABLE_EPT);
    on(EPT_PAGING_WRITE_CONTROL);
    left("paging-write control without EPT", guest_run(GUEST("nop")), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
    off(EPT_PAGING_WRITE_CONTROL);
    on(GUEST_PAGING_VERIFICATION);
    left("verification without EPT", guest_run(GUEST("nop")), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
}

void program(void)
{
    if (!vmx_begin())
        return;
    root = ept_identity();
    managed = alloc_page();
    if (need(ENABLE_HLAT, "HLAT")) {
        hlat();
        page_faults();
        restarts();
        hlat_checks();
    }
    if (need(EPT_PAGING_WRITE_CONTROL, "paging-write control")) {
        paging_writes();
        misconfigured();
        if (need(GUEST_PAGING_VERIFICATION, "guest-paging verification"))
            verification();
        checks();
    }
    vmx_end();
}
