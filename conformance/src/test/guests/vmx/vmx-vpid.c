/* Virtual-processor identifiers: what translations are kept apart and forgotten, and INVVPID: SDM Vol. 3,
    sections "Virtual-
   Processor Identifiers (VPIDs)", "Operations that Invalidate Cached Mappings", "INVVPID". */
#include "vmx.h"

#define MAPPED 0x600000000000ull
#define NON_CANONICAL 0x800000000000ull

static u32 *first, *second;

/* The kernel's tables with a mapping of their own at MAPPED; answers the PML4 table, and where the entry is. */
static u64 *tables(u64 **entry, u64 bits, u32 *page)
{
    u64 *top = alloc_page();
    memcpy(top, base_tables, 4096);
    top[MAPPED >> 39 & 511] = 0;
    *entry = map_page(top, MAPPED, (u64)page | PTE_P | PTE_W | bits, 1);
    return top;
}

static void use(u16 vpid)
{
    if (vpid)
        on(ENABLE_VPID);
    else
        off(ENABLE_VPID);
    vmwrite(VIRTUAL_PROCESSOR_IDENTIFIER, vpid);
}

static void sees(const char *name, u32 *page)
{
    guest.bx = MAPPED;
    guest_run(GUEST("mov eax, [rbx]"));
    check_equal(name, guest.ax, *page);
}

static void operands(void)
{
    u64 all = EPT_VPID_BIT(VPID_ALL);
    guest_reset();
    if (EPT_VPID_BIT(VPID_ADDRESS)) {
        succeeds("INVVPID of an address", invvpid(0, 1, MAPPED));
        fails("INVVPID of an address, VPID 0", invvpid(0, 0, MAPPED), E_INVALID_INVALIDATION_OPERAND);
        fails("INVVPID of an address not canonical", invvpid(0, 1, NON_CANONICAL), E_INVALID_INVALIDATION_OPERAND);
    }
    if (EPT_VPID_BIT(VPID_SINGLE)) {
        succeeds("INVVPID of one context", invvpid(1, 1, NON_CANONICAL));
        fails("INVVPID of one context, VPID 0", invvpid(1, 0, 0), E_INVALID_INVALIDATION_OPERAND);
        fails("INVVPID with reserved bits", invvpid(1, 0x10001, 0), E_INVALID_INVALIDATION_OPERAND);
    }
    if (all) {
        succeeds("INVVPID of all contexts", invvpid(2, 0, 0));
        succeeds("INVVPID of all contexts, any VPID", invvpid(2, 7, 0));
    }
    if (EPT_VPID_BIT(VPID_RETAINING_GLOBALS)) {
        succeeds("INVVPID of one context but globals", invvpid(3, 1, 0));
        fails("INVVPID of one context but globals, VPID 0", invvpid(3, 0, 0), E_INVALID_INVALIDATION_OPERAND);
    }
    fails("INVVPID type 4", invvpid(4, 1, 0), E_INVALID_INVALIDATION_OPERAND);
    struct context *c = kernel();
    c->ax = 2;
    c->bx = 0x7f0000000000;
    expect_page_fault("INVVPID of a descriptor not present", c, CODE("invvpid rax, [rbx]"), 0, 0x7f0000000000);
}

static void translations(void)
{
    u64 *entry_1, *entry_2, *top_1 = tables(&entry_1, 0, first), *top_2 = tables(&entry_2, PTE_G, second);
    const u64 to_first = *entry_1, to_second = to_first ^ (u64)first ^ (u64)second;
    guest_reset();
    use(1);
    vmwrite(GUEST_CR3, (u64)top_1);
    sees("VPID 1 sees its page", first);
    use(2);
    vmwrite(GUEST_CR3, (u64)top_2);
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | CR4_PGE);
    sees("VPID 2 sees its page, a global one", second);
    use(1);
    vmwrite(GUEST_CR3, (u64)top_1);
    sees("VPID 1 still sees its page", first);
    struct {
        int type;
        u32 bit;
        const char *name;
    } types[] = {{0, VPID_ADDRESS, "an address"}, {1, VPID_SINGLE, "one context"}, {2, VPID_ALL, "all contexts"},
        {3, VPID_RETAINING_GLOBALS, "one context but globals"}};
    for (int i = 0; i < 4; i++) {
        if (!EPT_VPID_BIT(types[i].bit))
            continue;
        *entry_1 = i & 1 ? to_first : to_second;
        invvpid(types[i].type, 1, MAPPED);
        sees(named("INVVPID of %s makes a change seen", types[i].name), i & 1 ? first : second);
    }
    *entry_1 = to_second;
    guest.bx = MAPPED;
    completes("INVLPG of the guest", "invlpg [rbx]");
    sees("INVLPG of the guest makes a change seen", second);
    *entry_1 = to_first;
    completes("MOV to CR3 of the guest", "mov rax, cr3\nmov cr3, rax");
    sees("MOV to CR3 of the guest makes a change seen", first);
    use(0);
    sees("without VPID the guest sees its page", first);
    *entry_1 = to_second;
    sees("without VPID VM entry makes a change seen", second);
    completes("a mapping that the hypervisor doesn't have", "mov eax, [rbx]");
    struct context *c = kernel();
    c->bx = MAPPED;
    expect_page_fault("without VPID VM exit forgets the guest's mapping", c, CODE("mov eax, [rbx]"), 0, MAPPED);
}

void program(void)
{
    if (!vmx_begin())
        return;
    if (need(ENABLE_VPID, "VPID")) {
        first = alloc_page();
        second = alloc_page();
        *first = 0x11111111;
        *second = 0x22222222;
        if (EPT_VPID_BIT(VPID_INVVPID)) {
            operands();
            translations();
        } else {
            skip("INVVPID", "not in VMX_EPT_VPID_CAP");
        }
    }
    vmx_end();
}
