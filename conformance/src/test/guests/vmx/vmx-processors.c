/* @processors 2
   What another processor sends to a guest: start-up IPI, INIT, NMI and posted interrupts: SDM Vol. 3,
       section "Other Causes
   of VM Exits", chapter "APIC Virtualization and Virtual Interrupts". */
#include "vmx.h"

/* Rounds in which the other processor asks for nothing, before it is given up. */
#define PATIENCE 20000
#define NOTIFICATION 0x55
#define POSTED 0x71
#define STARTUP 0x600
#define INIT 0x4500
#define SEND_NMI 0x4400

/* The other processor asks the first one for what it is to get: once, or until it asks for nothing. */
static volatile u32 command, again, wanted, sent, finished;

static void ask(u32 what, bool repeat)
{
    command = what;
    again = repeat;
    wanted++;
}

static void wait_for_it(void)
{
    while (sent != wanted)
        pause();
}

static void enough(void)
{
    again = false;
    wait_for_it();
}

static const struct snippet *endless(void)
{
    return GUEST("1: pause\njmp 1b");
}

static bool can_wait(void)
{
    return rdmsr(VMX_MISC) >> 8 & 1;
}

static void startup(void)
{
    if (!can_wait()) {
        skip("waiting for SIPI", "not in VMX_MISC");
        return;
    }
    guest_reset();
    vmwrite(GUEST_ACTIVITY_STATE, WAIT_FOR_SIPI);
    ask(STARTUP | 0x77, true);
    left("a start-up IPI", guest_run(endless()), R_STARTUP_IPI, 0x77);
    enough();
    check_equal("the guest waits on", vmread(GUEST_ACTIVITY_STATE), WAIT_FOR_SIPI);
}

static void init(void)
{
    guest_reset();
    ask(INIT, false);
    left("INIT", guest_run(endless()), R_INIT_SIGNAL, 0);
    wait_for_it();
    ask(INIT, false);
    wait_for_it();
    exits("INIT waits in root operation for the next guest", R_INIT_SIGNAL, 0, "nop");
    completes("it comes once", "nop");
}

static void nmi(const char *name, u32 activity)
{
    guest_reset();
    on(NMI_EXITING);
    vmwrite(GUEST_ACTIVITY_STATE, activity);
    /* Sent before VM entry, it would be the hypervisor's; blocked there, it waits. */
    ask(SEND_NMI, false);
    wait_for_it();
    left(name, guest_run(endless()), R_EXCEPTION_OR_NMI, 0);
    check_equal(named("%s: event", name), vmread(EXIT_INTERRUPTION_INFORMATION), EVENT_VALID | EVENT_NMI | NMI);
    check_equal(named("%s: activity state", name), vmread(GUEST_ACTIVITY_STATE), activity);
}

static void nmis(void)
{
    /* An NMI of its own blocks those to come. */
    guest_reset();
    on(NMI_EXITING);
    guest.bx = apic_read(APIC_ID);
    left_for("an NMI to oneself", guest_run(GUEST("mov eax, 0xfee00300\nmov [rax + 0x10], ebx\n"
        "mov dword ptr [rax], 0x4400\n1: pause\njmp 1b")), R_EXCEPTION_OR_NMI);
    nmi("an NMI", ACTIVE);
    nmi("an NMI in HLT", HALTED);
    if (rdmsr(VMX_MISC) >> 7 & 1)
        nmi("an NMI in shutdown", SHUTDOWN);
    if (can_wait()) {
        ask(SEND_NMI, false);
        wait_for_it();
        guest_reset();
        on(NMI_EXITING);
        vmwrite(GUEST_ACTIVITY_STATE, WAIT_FOR_SIPI);
        /* The exit unblocks what the guest doesn't block. */
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
        ask(STARTUP | 0x77, true);
        left("an NMI doesn't end the wait for SIPI", guest_run(endless()), R_STARTUP_IPI, 0x77);
        enough();
        vmwrite(GUEST_ACTIVITY_STATE, ACTIVE);
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, 0);
        left("the NMI comes behind it", guest_run(endless()), R_EXCEPTION_OR_NMI, 0);
    }
    unblock_nmi();
}

static void posted(void)
{
    if (!need(PROCESS_POSTED_INTERRUPTS, "posted interrupts"))
        return;
    u32 *page = alloc_page(), *descriptor = alloc_page();
    guest_reset();
    on(USE_TPR_SHADOW);
    on(EXTERNAL_INTERRUPT_EXITING);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    on(VIRTUAL_INTERRUPT_DELIVERY);
    on(PROCESS_POSTED_INTERRUPTS);
    vmwrite(VIRTUAL_APIC_ADDRESS, (u64)page);
    vmwrite(TPR_THRESHOLD, 0);
    vmwrite(GUEST_INTERRUPT_STATUS, 0);
    vmwrite(POSTED_INTERRUPT_NOTIFICATION_VECTOR, NOTIFICATION);
    vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, (u64)descriptor);
    vmwrite(GUEST_RFLAGS, IF | 2);
    descriptor[POSTED / 32] = 1u << POSTED % 32;
    ask(NOTIFICATION | 0x4000, false);
    delivered("a posted interrupt reaches a guest that runs", guest_run(endless()), POSTED);
    wait_for_it();
}

static void other(unsigned index)
{
    (void)index;
    if (vmx_begin()) {
        init();
        nmis();
        posted();
        startup();
        vmx_end();
    }
    finished = true;
    for (;;)
        asm volatile("hlt");
}

void program(void)
{
    if (!smp_start(1, other)) {
        skip("another processor", "none came");
        return;
    }
    u32 idle = 0;
    while (!finished && idle < PATIENCE) {
        u32 number = wanted;
        idle = number == sent ? idle + 1 : 0;
        if (number != sent || again) {
            apic_send(smp_apic_id[1], command);
            sent = number;
        }
        for (int i = 0; i < 20; i++)
            pause();
    }
    check("the other processor got it all", finished);
}
