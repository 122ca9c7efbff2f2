/* Guests that don't run, and what ends that: SDM Vol. 3, sections "Activity State", "Interrupt-Window Exiting and
   Virtual-Interrupt Delivery", "VMX-Preemption Timer". */
#include "vmx.h"

#define VECTOR 0x51

static void state(const char *name, u32 expected)
{
    check_equal(named("%s: activity state", name), vmread(GUEST_ACTIVITY_STATE), expected);
}

static void enter_in(u32 activity)
{
    guest_reset();
    vmwrite(GUEST_ACTIVITY_STATE, activity);
}

static void windows(void)
{
    enter_in(HALTED);
    on(INTERRUPT_WINDOW_EXITING);
    vmwrite(GUEST_RFLAGS, IF | 2);
    exits("an interrupt window", R_INTERRUPT_WINDOW, 0, "nop");
    state("an interrupt window", HALTED);
    guest_reset();
    on(INTERRUPT_WINDOW_EXITING);
    exits("an interrupt window behind STI and HLT", R_INTERRUPT_WINDOW, 0, "sti\nhlt\n7: nop");
    state("an interrupt window behind STI and HLT", HALTED);
    if (!need(VIRTUAL_NMIS, "virtual NMIs"))
        return;
    enter_in(HALTED);
    on(NMI_EXITING);
    on(VIRTUAL_NMIS);
    on(NMI_WINDOW_EXITING);
    exits("an NMI window", R_NMI_WINDOW, 0, "nop");
    state("an NMI window", HALTED);
    if (rdmsr(VMX_MISC) >> 7 & 1) {
        vmwrite(GUEST_ACTIVITY_STATE, SHUTDOWN);
        exits("an NMI window in shutdown", R_NMI_WINDOW, 0, "nop");
        state("an NMI window in shutdown", SHUTDOWN);
    } else {
        skip("shutdown", "not in VMX_MISC");
    }
}

static void injected(const char *name, u32 event, u32 activity)
{
    enter_in(activity);
    vmwrite(GUEST_RFLAGS, (event & 0x700) == EVENT_INTERRUPT ? IF | 2 : 2);
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | event);
    delivered(name, guest_run(GUEST("nop")), event);
    state(name, ACTIVE);
}

static void events(void)
{
    injected("an injected NMI", EVENT_NMI | NMI, HALTED);
    injected("an injected interrupt", EVENT_INTERRUPT | VECTOR, HALTED);
    injected("an injected #DB", EVENT_EXCEPTION | DB, HALTED);
    if (rdmsr(VMX_MISC) >> 7 & 1)
        injected("an injected NMI in shutdown", EVENT_NMI | NMI, SHUTDOWN);
    apic_enable();
    enter_in(HALTED);
    on(EXTERNAL_INTERRUPT_EXITING);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    interrupt_myself(VECTOR);
    exits("an interrupt", R_EXTERNAL_INTERRUPT, 0, "nop");
    state("an interrupt", HALTED);
    apic_eoi();
    guest_reset();
    on(EXTERNAL_INTERRUPT_EXITING);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    apic_write(APIC_LVT_TIMER, VECTOR);
    apic_write(APIC_DIVIDE, 11);
    apic_write(APIC_INITIAL, 20000);
    exits("an interrupt of the timer behind HLT", R_EXTERNAL_INTERRUPT, 0, "hlt\n7: nop");
    state("an interrupt of the timer behind HLT", HALTED);
    apic_eoi();
}

static void preemption_timer(void)
{
    if (!need(ACTIVATE_PREEMPTION_TIMER, "preemption timer"))
        return;
    enter_in(HALTED);
    on(ACTIVATE_PREEMPTION_TIMER);
    vmwrite(PREEMPTION_TIMER_VALUE, 100);
    exits("the preemption timer", R_PREEMPTION_TIMER_EXPIRED, 0, "nop");
    state("the preemption timer", HALTED);
    guest_reset();
    on(ACTIVATE_PREEMPTION_TIMER);
    vmwrite(PREEMPTION_TIMER_VALUE, 1000);
    exits("the preemption timer behind HLT", R_PREEMPTION_TIMER_EXPIRED, 0, "hlt\n7: nop");
    if (rdmsr(VMX_MISC) >> 7 & 1) {
        enter_in(SHUTDOWN);
        on(ACTIVATE_PREEMPTION_TIMER);
        on(INTERRUPT_WINDOW_EXITING);
        vmwrite(GUEST_RFLAGS, IF | 2);
        vmwrite(PREEMPTION_TIMER_VALUE, 100);
        exits("the preemption timer in shutdown, unlike an interrupt window", R_PREEMPTION_TIMER_EXPIRED, 0, "nop");
        state("the preemption timer in shutdown", SHUTDOWN);
        enter_in(SHUTDOWN);
        on(ACTIVATE_PREEMPTION_TIMER);
        on(EXTERNAL_INTERRUPT_EXITING);
        vmwrite(PREEMPTION_TIMER_VALUE, 100);
        interrupt_myself(VECTOR);
        exits("the preemption timer in shutdown, unlike an interrupt", R_PREEMPTION_TIMER_EXPIRED, 0, "nop");
        enter_in(ACTIVE);
        on(EXTERNAL_INTERRUPT_EXITING);
        on(EXIT_ACKNOWLEDGE_INTERRUPT);
        exits("the interrupt, out of shutdown", R_EXTERNAL_INTERRUPT, 0, "nop");
        apic_eoi();
    }
}

static void virtual_interrupt(void)
{
    if (!need(VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery"))
        return;
    u32 *page = alloc_page();
    enter_in(HALTED);
    on(EXTERNAL_INTERRUPT_EXITING);
    on(USE_TPR_SHADOW);
    on(VIRTUAL_INTERRUPT_DELIVERY);
    vmwrite(VIRTUAL_APIC_ADDRESS, (u64)page);
    page[(APIC_IRR + VECTOR / 32 * 16) / 4] = 1u << VECTOR % 32;
    vmwrite(GUEST_INTERRUPT_STATUS, VECTOR);
    vmwrite(GUEST_RFLAGS, IF | 2);
    delivered("a virtual interrupt", guest_run(GUEST("nop")), VECTOR);
    state("a virtual interrupt", ACTIVE);
}

void program(void)
{
    if (!vmx_begin())
        return;
    windows();
    events();
    preemption_timer();
    virtual_interrupt();
    vmx_end();
}
