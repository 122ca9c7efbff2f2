/* Exits so rare that Bochs panics where they are due: SDM Vol. 3,
   sections "Injection of Pending MTF VM Exits" and "APIC-
   Access VM Exits"; and what else few systems do. */
#include "vmx.h"

static void trap_injection(void)
{
    if (!need(MONITOR_TRAP_FLAG, "monitor trap flag"))
        return;
    guest_reset();
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_OTHER);
    exits("a monitor trap that is injected comes before the first instruction", R_MONITOR_TRAP, 0, "nop");
    check_equal("it is injected once", vmread(ENTRY_INTERRUPTION_INFORMATION) & EVENT_VALID, 0);
    completes("the guest goes on", "nop");
    vmwrite(GUEST_ACTIVITY_STATE, HALTED);
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_OTHER);
    exits("it comes while the processor halts", R_MONITOR_TRAP, 0, "nop");
    check_equal("the processor halts on", vmread(GUEST_ACTIVITY_STATE), HALTED);
}

static void fetch(void)
{
    if (!need(VIRTUALIZE_APIC_ACCESSES, "APIC-access page"))
        return;
    guest_reset();
    guest.bx = (u64)alloc_page();
    on(VIRTUALIZE_APIC_ACCESSES);
    vmwrite(APIC_ACCESS_ADDRESS, guest.bx);
    guest.bx += 0x40;
    left("a fetch from the APIC-access page", guest_run(GUEST("call rbx")), R_APIC_ACCESS, 2 << 12 | 0x40);
}

/* SDM Vol. 3, "Restrictions on VMX Operation". */
static void a20_gate(void)
{
    volatile u32 *page = alloc_page(), *other = (u32 *)((u64)page ^ 1 << 20);
    u32 value = *other;
    *page = ~value;
    out8(0x92, 0);
    u32 page_then = *page, other_then = *other;
    out8(0x92, 2);
    check_equal("the A20 gate has no effect in VMX operation", (u64)page_then << 32 | other_then, (u64)~value << 32 | value);
}

void program(void)
{
    if (!vmx_begin())
        return;
    trap_injection();
    fetch();
    a20_gate();
    vmx_end();
}
