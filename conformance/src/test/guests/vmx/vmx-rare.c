/* Exits so rare that Bochs panics where they are due: SDM Vol. 3,
    sections "Injection of Pending MTF VM Exits" and "APIC-
   Access VM Exits". */
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

void program(void)
{
    if (!vmx_begin())
        return;
    trap_injection();
    fetch();
    vmx_end();
}
