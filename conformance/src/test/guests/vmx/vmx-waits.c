/* UMONITOR, UMWAIT and TPAUSE, as programs and guests execute them: SDM Vol. 2, and Vol. 3, sections "Instructions That
   Cause VM Exits Conditionally" and "Changes to Instruction Behavior in VMX Non-Root Operation". */
#include "vmx.h"

#define UMWAIT_CONTROL 0xe1u
#define WHILE 40000
#define LONG_WHILE 4000000

static u64 line[8] __attribute__((aligned(64)));

/* --- without VMX --- */

static bool tpause(u64 until)
{
    bool limited;
    asm volatile("tpause %1" : "=@ccc"(limited) : "r"(0), "a"((u32)until), "d"((u32)(until >> 32)) : "memory");
    return limited;
}

static bool umwait(u64 until)
{
    bool limited;
    asm volatile("umwait %1" : "=@ccc"(limited) : "r"(0), "a"((u32)until), "d"((u32)(until >> 32)) : "memory");
    return limited;
}

static void umonitor(void)
{
    asm volatile("umonitor %0" : : "r"(line) : "memory");
}

static void programs(void)
{
    u64 end = rdtsc() + WHILE;
    check("TPAUSE: no limit", !tpause(end));
    check("TPAUSE waits for the time", rdtsc() >= end);
    end = rdtsc() + LONG_WHILE;
    tpause(0);
    umwait(end);
    check("neither a time in the past nor an address that isn't monitored is waited for", rdtsc() < end);
    end = rdtsc() + WHILE;
    umonitor();
    check("UMWAIT: no limit", !umwait(end));
    check("UMWAIT waits for the time", rdtsc() >= end);
    end = rdtsc() + LONG_WHILE;
    umonitor();
    (*(volatile u64 *)line)++;
    umwait(end);
    check("UMWAIT doesn't wait for a line that has changed", rdtsc() < end);
    wrmsr(UMWAIT_CONTROL, WHILE & ~3u);
    end = rdtsc() + LONG_WHILE;
    check("TPAUSE tells a limit", tpause(end));
    umonitor();
    check("UMWAIT tells a limit", umwait(end));
    check("they end before their time", rdtsc() < end);
    check("a time before the limit isn't one", !tpause(rdtsc() + WHILE / 4));
    wrmsr(UMWAIT_CONTROL, 0);
    struct context *c = kernel();
    c->cx = UMWAIT_CONTROL;
    c->ax = 2;
    faults(c, "WRMSR of a reserved bit of IA32_UMWAIT_CONTROL", GP, 0, "wrmsr");
    c = kernel();
    c->bx = 2;
    faults(c, "TPAUSE to a reserved state", GP, 0, "tpause ebx");
    faults(c, "UMWAIT to a reserved state", GP, 0, "umwait ebx");
    c = user();
    c->bx = 1;
    runs(c, "TPAUSE at CPL 3", "tpause ebx");
    write_cr4(read_cr4() | CR4_TSD);
    faults(c, "TPAUSE at CPL 3 with TSD", GP, 0, "tpause ebx");
    faults(c, "UMWAIT at CPL 3 with TSD", GP, 0, "umwait ebx");
    write_cr4(read_cr4() & ~CR4_TSD);
    c = kernel();
    c->bx = 0x8000000000000000;
    faults(c, "UMONITOR of an address that isn't canonical", GP, 0, "umonitor rbx");
}

/* --- guests --- */

static void until(u64 tsc)
{
    guest.ax = (u32)tsc;
    guest.dx = tsc >> 32;
}

static void guests(void)
{
    guest_reset();
    guest.bx = (u64)line;
    excepts("UMONITOR without the control", UD, 0, "umonitor rbx");
    excepts("UMWAIT without the control", UD, 0, "umwait ecx");
    excepts("TPAUSE without the control", UD, 0, "tpause ecx");
    on(RDTSC_EXITING);
    excepts("with RDTSC exiting as well", UD, 0, "tpause ecx");
    off(RDTSC_EXITING);
    on(ENABLE_USER_WAIT_AND_PAUSE);
    u64 end = rdtsc() + WHILE;
    until(end);
    completes("UMONITOR and UMWAIT", "umonitor rbx\numwait ecx");
    check("the guest has waited", rdtsc() >= end);
    until(end = rdtsc() + WHILE);
    completes("TPAUSE", "tpause ecx");
    check("it has waited again", rdtsc() >= end);
    on(USE_TSC_OFFSETTING);
    vmwrite(TSC_OFFSET, 1ull << 40);
    end = rdtsc() + WHILE;
    until(end + (1ull << 40));
    completes("TPAUSE with a TSC offset", "tpause ecx");
    check("the guest's time counts", rdtsc() >= end);
    until(end = rdtsc() + LONG_WHILE);
    completes("TPAUSE until what is past for the guest", "tpause ecx");
    check("it doesn't wait", rdtsc() < end);
    if (can(USE_TSC_SCALING)) {
        on(USE_TSC_SCALING);
        vmwrite(TSC_OFFSET, 0);
        vmwrite(TSC_MULTIPLIER, 4ull << 48);
        end = rdtsc();
        until(4 * end + WHILE);
        completes("TPAUSE with a TSC multiplier", "tpause ecx");
        check("the guest's time is faster", rdtsc() >= end + WHILE / 4);
        vmwrite(TSC_MULTIPLIER, 1);
        until(-1ull);
        wrmsr(UMWAIT_CONTROL, 4);
        on(ACTIVATE_PREEMPTION_TIMER);
        vmwrite(PREEMPTION_TIMER_VALUE, 1000);
        left_for("a wait that would last for years ends with a VM exit", guest_run(GUEST("tpause ecx\n1: jmp 1b")),
            R_PREEMPTION_TIMER_EXPIRED);
        off(ACTIVATE_PREEMPTION_TIMER);
        wrmsr(UMWAIT_CONTROL, 0);
    }
}

static void exiting(void)
{
    guest_reset();
    on(ENABLE_USER_WAIT_AND_PAUSE);
    on(RDTSC_EXITING);
    guest.bx = (u64)line;
    completes("UMONITOR doesn't exit", "umonitor rbx");
    exits("UMWAIT", R_UMWAIT, 0, "umwait r10d");
    check_equal("UMWAIT: information", vmread(EXIT_INSTRUCTION_INFORMATION) & 0x1878, 10 << 3 | 1 << 11);
    exits("TPAUSE exits", R_TPAUSE, 0, "tpause esi");
    check_equal("TPAUSE: information", vmread(EXIT_INSTRUCTION_INFORMATION) & 0x1878, 6 << 3 | 1 << 11);
    guest.bx = -1ull;
    exits("a reserved state exits first", R_TPAUSE, 0, "tpause ebx");
    guest_user();
    exits("TPAUSE exits at CPL 3", R_TPAUSE, 0, "tpause ebx");
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | CR4_TSD);
    excepts("TSD comes before the exit", GP, 0, "tpause ebx");
}

void program(void)
{
    if (!vmx_begin())
        return;
    if (cpuid(7, 0).c >> 5 & 1)
        programs();
    else
        skip("user waits", "not in CPUID");
    if (need(ENABLE_USER_WAIT_AND_PAUSE, "user wait and pause")) {
        guests();
        exiting();
    }
    vmx_end();
}
