/* A VM exit for the monitor trap flag that VM entry injects, in a program of its own since Bochs knows none: SDM Vol. 3,
   section "Injection of Pending MTF VM Exits". */
#include "vmx.h"

void program(void)
{
    if (!vmx_begin())
        return;
    if (need(MONITOR_TRAP_FLAG, "monitor trap flag")) {
        guest_reset();
        vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_OTHER);
        exits("it comes before the first instruction", R_MONITOR_TRAP, 0, "nop");
        check_equal("it is injected once", vmread(ENTRY_INTERRUPTION_INFORMATION) & EVENT_VALID, 0);
        completes("the guest goes on", "nop");
        vmwrite(GUEST_ACTIVITY_STATE, HALTED);
        vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | EVENT_OTHER);
        exits("it comes while the processor halts", R_MONITOR_TRAP, 0, "nop");
        check_equal("the processor halts on", vmread(GUEST_ACTIVITY_STATE), HALTED);
    }
    vmx_end();
}
