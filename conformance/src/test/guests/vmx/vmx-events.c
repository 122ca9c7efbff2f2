/* Exceptions, interrupts and NMIs of a guest, those that VM entry injects, windows, the monitor trap flag and the
   preemption timer: SDM Vol. 3, chapters "VMX Non-Root Operation", "VM Entries", "VM Exits". */
#include "vmx.h"

#define UNMAPPED 0x7f0000000000
#define VECTOR 0x51

static void event(const char *name, u32 outcome, u32 event, u32 error)
{
    if (outcome != R_EXCEPTION_OR_NMI && outcome != R_EXTERNAL_INTERRUPT) {
        left(name, outcome, R_EXCEPTION_OR_NMI, 0);
        return;
    }
    u64 actual = vmread(EXIT_INTERRUPTION_INFORMATION),
        code = event & EVENT_ERROR_CODE ? vmread(EXIT_INTERRUPTION_ERROR_CODE) : 0;
    check_equal(name, code << 32 | actual, (u64)error << 32 | EVENT_VALID | event);
}

/* The exit came while this event was delivered; 0: none. */
static void vectoring(const char *name, u32 event)
{
    check_equal(named("%s: IDT vectoring", name), vmread(IDT_VECTORING_INFORMATION), event ? EVENT_VALID | event : 0);
}

static void intercept(u32 bitmap)
{
    vmwrite(EXCEPTION_BITMAP, bitmap);
}

static void interrupt_flag(void)
{
    vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | IF);
}

static u32 inject(const struct snippet *code, u32 event, u32 error, u32 length)
{
    vmwrite(ENTRY_INTERRUPTION_INFORMATION, EVENT_VALID | event);
    vmwrite(ENTRY_EXCEPTION_ERROR_CODE, error);
    vmwrite(ENTRY_INSTRUCTION_LENGTH, length);
    return guest_run(code);
}

/* --- exceptions --- */

static void exceptions(void)
{
    guest_reset();
    guest.bx = 0x1238;
    excepts("#UD exits", UD, 0, "ud2");
    vectoring("#UD", 0);
    excepts("#GP exits with its error code", GP, 0x1238, "mov ds, bx");
    excepts("#DE exits", DE, 0, "xor ecx, ecx\n7: div ecx");
    vmwrite(GUEST_CR0, read_cr0() | CR0_TS);
    excepts("#NM exits", NM, 0, "fninit");
    event("INT3 is a software exception", guest_run(GUEST("int3")), EVENT_SOFTWARE_EXCEPTION | BP, 0);
    check_equal("INT3 tells its length", vmread(EXIT_INSTRUCTION_LENGTH), 1);
    event("INT1 is a privileged software exception", guest_run(GUEST(".byte 0xf1")), EVENT_PRIVILEGED_EXCEPTION | DB,
        0);
    check_equal("INT1 tells its length", vmread(EXIT_INSTRUCTION_LENGTH), 1);
    delivered("INT n doesn't exit", guest_run(GUEST("int 6")), UD);
    guest_reset();
    intercept(~(1 << UD));
    const struct snippet *code = GUEST("ud2");
    delivered("#UD without its bit", guest_run(code), UD);
    check_equal("it pushes RIP", guest_stack(0), (u64)code->start);
    check_equal("it pushes RF", guest_stack(2) & RF, RF);
    guest_reset();
    guest_user();
    vmwrite(GUEST_CR0, read_cr0() | CR0_AM);
    vmwrite(GUEST_RFLAGS, AC_FLAG | 2);
    excepts("#AC exits", AC, 0, "mov eax, [rsp + 1]");
}

static void page_fault(const char *name, u32 mask, u32 match, bool bit, bool read_exits, bool write_exits)
{
    guest_reset();
    guest.bx = UNMAPPED;
    intercept(bit ? ~0u : ~(1u << PF));
    vmwrite(PAGE_FAULT_ERROR_CODE_MASK, mask);
    vmwrite(PAGE_FAULT_ERROR_CODE_MATCH, match);
    u32 outcome = guest_run(GUEST("mov eax, [rbx]"));
    if (read_exits)
        event(named("#PF of a read exits: %s", name), outcome, EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, 0);
    else
        delivered(named("#PF of a read is delivered: %s", name), outcome, PF);
    outcome = guest_run(GUEST("mov [rbx], eax"));
    if (write_exits)
        event(named("#PF of a write exits: %s", name), outcome, EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, PF_W);
    else
        delivered(named("#PF of a write is delivered: %s", name), outcome, PF);
}

static void page_faults(void)
{
    page_fault("bit 1, mask 0", 0, 0, true, true, true);
    page_fault("bit 0, mask 0", 0, 0, false, false, false);
    page_fault("bit 1, mask and match W", PF_W, PF_W, true, false, true);
    page_fault("bit 0, mask and match W", PF_W, PF_W, false, true, false);
    page_fault("bit 1, a match outside the mask", 0, 1, true, false, false);
    page_fault("bit 0, a match outside the mask", 0, 1, false, true, true);
    guest_reset();
    guest.bx = UNMAPPED + 0x123;
    write_cr2(0x5a5a);
    left("#PF tells its address", guest_run(GUEST("mov eax, [rbx]")), R_EXCEPTION_OR_NMI, UNMAPPED + 0x123);
    check_equal("an exit leaves CR2 alone", read_cr2(), 0x5a5a);
    intercept(0);
    delivered("#PF is delivered", guest_run(GUEST("mov eax, [rbx]")), PF);
    check_equal("delivery writes CR2", read_cr2(), UNMAPPED + 0x123);
}

static void debug_exceptions(void)
{
    guest_reset();
    write_dr6(0xffff0ff0);
    vmwrite(GUEST_RFLAGS, TF | 2);
    const struct snippet *code = GUEST("nop\n7: nop");
    expect_exit("a single step", code, R_EXCEPTION_OR_NMI, 0x4000);
    check_equal("an exit leaves DR6 alone", read_dr6(), 0xffff0ff0);
    guest_reset();
    vmwrite(GUEST_RFLAGS, TF | 2);
    vmwrite(GUEST_PENDING_DEBUG_EXCEPTIONS, 0x4000);
    left("a pending single step", guest_run(code), R_EXCEPTION_OR_NMI, 0x4000);
    check_equal("it comes before the first instruction", vmread(GUEST_RIP), (u64)code->start);
    guest_reset();
    on(ENTRY_LOAD_DEBUG_CONTROLS);
    on(EXIT_SAVE_DEBUG_CONTROLS);
    write_dr1((u64)code->fault);
    vmwrite(GUEST_DR7, 0x404);
    expect_exit("a breakpoint on an instruction", code, R_EXCEPTION_OR_NMI, 2);
    check_equal("the exit keeps the guest's DR7", vmread(GUEST_DR7), 0x404);
    check_equal("the exit sets DR7", read_dr7(), 0x400);
    static u32 watched;
    guest_reset();
    on(ENTRY_LOAD_DEBUG_CONTROLS);
    guest.bx = (u64)&watched;
    write_dr0((u64)&watched);
    vmwrite(GUEST_DR7, 0xd0402);
    expect_exit("a breakpoint on data", GUEST("mov [rbx], eax\n7: nop"), R_EXCEPTION_OR_NMI, 1);
    vmwrite(GUEST_DR7, 0x2400);
    expect_exit("general detect", GUEST("mov rax, dr6"), R_EXCEPTION_OR_NMI, 0x2000);
}

/* An IDT too short for the vector: a #GP during delivery. */
static void during_delivery(void)
{
    guest_reset();
    vmwrite(GUEST_IDTR_LIMIT, 0);
    intercept(1 << GP);
    u32 in_idt = UD * 8 + 3; /* IDT, EXT */
    event("#GP while #UD is delivered", guest_run(GUEST("ud2")), EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, in_idt);
    vectoring("#GP while #UD is delivered", EVENT_EXCEPTION | UD);
    event("#GP while INT n is delivered", guest_run(GUEST("int 0x21")), EVENT_EXCEPTION | EVENT_ERROR_CODE | GP,
        0x21 * 8 + 2);
    vectoring("#GP while INT n is delivered", EVENT_SOFTWARE_INTERRUPT | 0x21);
    check_equal("it tells the length of INT n", vmread(EXIT_INSTRUCTION_LENGTH), 2);
    event("#GP while INT3 is delivered", guest_run(GUEST("int3")), EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 3 * 8 + 2);
    vectoring("#GP while INT3 is delivered", EVENT_SOFTWARE_EXCEPTION | BP);
    intercept(1 << DF);
    event("#DF exits", guest_run(GUEST("ud2")), EVENT_EXCEPTION | EVENT_ERROR_CODE | DF, 0);
    vectoring("#DF", 0);
    intercept(1 << GP | 1 << DF);
    event("#GP while #DF is injected", inject(GUEST("nop"), EVENT_EXCEPTION | EVENT_ERROR_CODE | DF, 0, 0),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, DF * 8 + 3);
    vectoring("#GP while #DF is injected", EVENT_EXCEPTION | EVENT_ERROR_CODE | DF);
    intercept(0);
    left("a triple fault", guest_run(GUEST("ud2")), R_TRIPLE_FAULT, 0);
    vectoring("a triple fault", 0);
    guest_reset();
    intercept(1 << PF);
    vmwrite(GUEST_RSP, UNMAPPED);
    event("#PF of the stack while #UD is delivered", guest_run(GUEST("ud2")), EVENT_EXCEPTION | EVENT_ERROR_CODE
        | PF, PF_W);
    vectoring("#PF of the stack while #UD is delivered", EVENT_EXCEPTION | UD);
}

/* --- injection --- */

static void injected(const char *name, u32 event, u32 error, u32 length)
{
    const struct snippet *code = GUEST("nop");
    guest_reset();
    if ((event & 0x700) == EVENT_INTERRUPT)
        interrupt_flag();
    u64 flags = vmread(GUEST_RFLAGS);
    u32 outcome = inject(code, event, error, length);
    delivered(named("injected: %s", name), outcome, event);
    unsigned at = event & EVENT_ERROR_CODE ? 1 : 0;
    if (at)
        check_equal(named("%s: error code", name), guest_stack(0), error);
    check_equal(named("%s: RIP", name), guest_stack(at), (u64)code->start + length);
    check_equal(named("%s: CS", name), guest_stack(at + 1), KERNEL_CODE);
    check_equal(named("%s: RFLAGS", name), guest_stack(at + 2), flags);
    check_equal(named("%s: RSP", name), guest_stack(at + 3), GUEST_STACK);
    check_equal(named("%s: no more to inject", name), vmread(ENTRY_INTERRUPTION_INFORMATION) & EVENT_VALID, 0);
}

static void injection(void)
{
    injected("an interrupt", EVENT_INTERRUPT | 0x61, 0, 0);
    injected("an NMI", EVENT_NMI | NMI, 0, 0);
    check_equal("an NMI blocks others", vmread(GUEST_INTERRUPTIBILITY_STATE), BLOCKED_BY_NMI);
    injected("#UD", EVENT_EXCEPTION | UD, 0, 0);
    injected("#GP", EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x5678, 0);
    write_cr2(0x4321);
    injected("#PF", EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, PF_W | PF_P, 0);
    check_equal("an injected #PF leaves CR2 alone", read_cr2(), 0x4321);
    injected("INT n", EVENT_SOFTWARE_INTERRUPT | 0x62, 0, 2);
    injected("INT3", EVENT_SOFTWARE_EXCEPTION | BP, 0, 1);
    injected("INTO", EVENT_SOFTWARE_EXCEPTION | OF, 0, 1);
    injected("INT1", EVENT_PRIVILEGED_EXCEPTION | DB, 0, 1);
    if (rdmsr(VMX_MISC) >> 30 & 1)
        injected("INT n of length 0", EVENT_SOFTWARE_INTERRUPT | 0x62, 0, 0);
    else
        skip("INT n of length 0", "not in VMX_MISC");
}

static void broken_injection(void)
{
    guest_reset();
    vmwrite(GUEST_IDTR_LIMIT, 0);
    interrupt_flag();
    event("#GP while an injected interrupt is delivered", inject(GUEST("nop"), EVENT_INTERRUPT | 0x61, 0, 0),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x61 * 8 + 3);
    vectoring("an injected interrupt", EVENT_INTERRUPT | 0x61);
    event("#GP while an injected INT n is delivered", inject(GUEST("nop"), EVENT_SOFTWARE_INTERRUPT | 0x62, 0, 2),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x62 * 8 + 2);
    vectoring("an injected INT n", EVENT_SOFTWARE_INTERRUPT | 0x62);
    check_equal("an injected INT n tells its length", vmread(EXIT_INSTRUCTION_LENGTH), 2);
    event("#GP while #PF is injected", inject(GUEST("nop"), EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, 6, 0),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, PF * 8 + 3);
    vectoring("an injected #PF", EVENT_EXCEPTION | EVENT_ERROR_CODE | PF);
    intercept(1 << DF);
    event("#DF when #GP doesn't exit", inject(GUEST("nop"), EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, 6, 0),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | DF, 0);
    guest_reset();
    vmwrite(GUEST_RSP, UNMAPPED);
    event("#PF while #GP is injected", inject(GUEST("nop"), EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x18, 0),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | PF, PF_W);
    vectoring("an injected #GP", EVENT_EXCEPTION | EVENT_ERROR_CODE | GP);
    check_equal("an injected #GP tells its error code", vmread(IDT_VECTORING_ERROR_CODE), 0x18);
    guest_reset();
    guest_user();
    event("an injected INT n at CPL 3 respects the gate", inject(GUEST("nop"), EVENT_SOFTWARE_INTERRUPT | 0x62, 0, 2),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | GP, 0x62 * 8 + 2);
    delivered("an injected exception at CPL 3 doesn't", inject(GUEST("nop"), EVENT_EXCEPTION | UD, 0, 0), UD);
}

/* --- windows --- */

static void windows(void)
{
    guest_reset();
    on(INTERRUPT_WINDOW_EXITING);
    exits("an interrupt window behind STI and an instruction", R_INTERRUPT_WINDOW, 0, "sti\nnop\n7: nop");
    guest_reset();
    on(INTERRUPT_WINDOW_EXITING);
    completes("no interrupt window without IF", "nop\nnop");
    interrupt_flag();
    exits("an interrupt window at once", R_INTERRUPT_WINDOW, 0, "nop");
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_STI);
    exits("an interrupt window when STI blocks no more", R_INTERRUPT_WINDOW, 0, "nop\n7: nop");
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_MOV_SS);
    exits("an interrupt window when MOV SS blocks no more", R_INTERRUPT_WINDOW, 0, "nop\n7: nop");
    if (!need(VIRTUAL_NMIS, "virtual NMIs"))
        return;
    guest_reset();
    on(NMI_EXITING);
    on(VIRTUAL_NMIS);
    on(NMI_WINDOW_EXITING);
    exits("an NMI window at once", R_NMI_WINDOW, 0, "nop");
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
    completes("no NMI window while NMIs are blocked", "nop\nnop");
    guest.bx = KERNEL_CODE;
    guest.cx = KERNEL_DATA;
    exits("an NMI window behind IRET", R_NMI_WINDOW, 0,
        "mov rax, rsp\npush rcx\npush rax\npushfq\npush rbx\nlea rax, [rip + 7f]\npush rax\niretq\n7: nop");
    check_equal("IRET ends the blocking", vmread(GUEST_INTERRUPTIBILITY_STATE), 0);
    delivered("a virtual NMI is injected", inject(GUEST("nop"), EVENT_NMI | NMI, 0, 0), NMI);
    check_equal("it blocks virtual NMIs", vmread(GUEST_INTERRUPTIBILITY_STATE), BLOCKED_BY_NMI);
}

/* --- NMIs and interrupts from the APIC --- */

/* The shorthand for oneself doesn't take NMIs; EBX is the destination. */
#define SEND_AN_NMI "mov eax, 0xfee00300\nmov [rax + 0x10], ebx\nmov dword ptr [rax], 0x4400"
#define SEND_NMI SEND_AN_NMI "\n1: pause\njmp 1b"

static void reset_for_nmi(void)
{
    guest_reset();
    guest.bx = apic_read(APIC_ID);
}

/* Of one that didn't exit. */
static bool lost(struct frame *frame)
{
    (void)frame;
    return true;
}

static void nmis(void)
{
    apic_enable();
    /* Those injected have left it behind. */
    unblock_nmi();
    reset_for_nmi();
    on(NMI_EXITING);
    u32 outcome = guest_run(GUEST(SEND_NMI));
    event("an NMI exits", outcome, EVENT_NMI | NMI, 0);
    vectoring("an NMI", 0);
    unblock_nmi();
    reset_for_nmi();
    outcome = guest_run(GUEST(SEND_NMI));
    delivered("an NMI is delivered without NMI exiting", outcome, NMI);
    check_equal("it blocks others", vmread(GUEST_INTERRUPTIBILITY_STATE), BLOCKED_BY_NMI);
    unblock_nmi();
    guest_reset();
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
    vmwrite(GUEST_RSP, UNMAPPED);
    event("a fault of an IRET that unblocks NMIs", guest_run(GUEST("iretq")),
        EVENT_EXCEPTION | EVENT_ERROR_CODE | EVENT_NMI_UNBLOCKING | PF, 0);
    reset_for_nmi();
    on(NMI_EXITING);
    vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
    completes("a blocked NMI waits", SEND_AN_NMI);
    reset_for_nmi();
    on(NMI_EXITING);
    outcome = guest_run(GUEST("nop"));
    event("it exits when nothing blocks it", outcome, EVENT_NMI | NMI, 0);
    on_vector(NMI, lost);
    unblock_nmi();
    on_vector(NMI, 0);
    if (can(VIRTUAL_NMIS)) {
        reset_for_nmi();
        on(NMI_EXITING);
        on(VIRTUAL_NMIS);
        vmwrite(GUEST_INTERRUPTIBILITY_STATE, BLOCKED_BY_NMI);
        outcome = guest_run(GUEST(SEND_NMI));
        event("virtual-NMI blocking doesn't hold back NMIs", outcome, EVENT_NMI | NMI, 0);
        check_equal("virtual-NMI blocking stays", vmread(GUEST_INTERRUPTIBILITY_STATE), BLOCKED_BY_NMI);
        unblock_nmi();
    }
}

static unsigned swallowed;

static bool swallow(struct frame *frame)
{
    (void)frame;
    swallowed++;
    apic_eoi();
    return true;
}

/* Whatever happened: nothing is pending and nothing in service. */
static void settle(void)
{
    if (apic_has(APIC_ISR, VECTOR))
        apic_eoi();
    sti();
    asm volatile("nop");
    cli();
}

static void interrupts(void)
{
    apic_enable();
    on_vector(VECTOR, swallow);
    guest_reset();
    on(EXTERNAL_INTERRUPT_EXITING);
    interrupt_myself(VECTOR);
    exits("an interrupt exits, whatever IF", R_EXTERNAL_INTERRUPT, 0, "nop");
    check_equal("without acknowledgement nothing is known of it",
        vmread(EXIT_INTERRUPTION_INFORMATION) & EVENT_VALID, 0);
    check("it stays in IRR", apic_has(APIC_IRR, VECTOR));
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    interrupt_flag();
    event("it exits again and is acknowledged", guest_run(GUEST("nop")), EVENT_INTERRUPT | VECTOR, 0);
    check("it is in service", apic_has(APIC_ISR, VECTOR) && !apic_has(APIC_IRR, VECTOR));
    settle();
    guest_reset();
    interrupt_myself(VECTOR);
    completes("without the control and IF it waits", "nop\nnop");
    const struct snippet *code = GUEST("nop");
    interrupt_flag();
    delivered("with IF it is delivered", guest_run(code), VECTOR);
    check_equal("delivery clears IF", vmread(GUEST_RFLAGS) & IF, 0);
    check_equal("and pushes RIP", guest_stack(0), (u64)code->start);
    settle();
    guest_reset();
    on(EXTERNAL_INTERRUPT_EXITING);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    interrupt_flag();
    const struct snippet *send = GUEST("mov eax, 0xfee00300\nmov dword ptr [rax], 0x44051\n1: pause\njmp 1b");
    event("an interrupt that the guest sends itself", guest_run(send), EVENT_INTERRUPT | VECTOR, 0);
    settle();
    off(EXIT_ACKNOWLEDGE_INTERRUPT);
    unsigned before = swallowed;
    guest_run(send);
    /* At once: nothing in between may have to do with the APIC. */
    sti();
    asm volatile("nop");
    cli();
    check_equal("the host takes it if the exit hasn't", swallowed - before, 1);
    settle();
    guest_reset();
    on(INTERRUPT_WINDOW_EXITING);
    interrupt_flag();
    interrupt_myself(VECTOR);
    exits("an interrupt window goes before an interrupt", R_INTERRUPT_WINDOW, 0, "nop");
    on(EXTERNAL_INTERRUPT_EXITING);
    exits("and before the exit of an interrupt", R_INTERRUPT_WINDOW, 0, "nop");
    off(INTERRUPT_WINDOW_EXITING);
    exits("which comes then", R_EXTERNAL_INTERRUPT, 0, "nop");
    settle();
}

/* --- monitor trap flag --- */

static void monitor_trap(void)
{
    if (!need(MONITOR_TRAP_FLAG, "monitor trap flag"))
        return;
    guest_reset();
    on(MONITOR_TRAP_FLAG);
    exits("a monitor trap behind an instruction", R_MONITOR_TRAP, 0, "nop\n7: nop");
    guest.cx = 3;
    const struct snippet *code = GUEST("rep lodsb");
    guest.si = (u64)code;
    left("a monitor trap behind an iteration", guest_run(code), R_MONITOR_TRAP, 0);
    check_equal("one iteration is done", guest.cx, 2);
    check_equal("RIP is still there", vmread(GUEST_RIP), (u64)code->start);
    left("a monitor trap behind INT n", guest_run(GUEST("int 0x62")), R_MONITOR_TRAP, 0);
    check_equal("it comes before the handler", vmread(GUEST_RIP) & ~15ull, vmread(GUEST_RIP));
    guest_reset();
    on(MONITOR_TRAP_FLAG);
    vmwrite(GUEST_RFLAGS, 2);
    left("a monitor trap behind an injected event", inject(GUEST("nop"), EVENT_EXCEPTION | UD, 0, 0), R_MONITOR_TRAP,
        0);
    off(MONITOR_TRAP_FLAG);
    delivered("the handler goes on", guest_continue(), UD);
    guest_reset();
    on(MONITOR_TRAP_FLAG);
    intercept(0);
    left("a monitor trap behind an exception's delivery", guest_run(GUEST("ud2")), R_MONITOR_TRAP, 0);
    intercept(-1);
    exits("an exception that exits comes instead", R_EXCEPTION_OR_NMI, 0, "ud2");
    exits("an instruction that exits comes instead", R_CPUID, 0, "cpuid");
}

/* --- preemption timer --- */

static void preemption_timer(void)
{
    if (!need(ACTIVATE_PREEMPTION_TIMER, "preemption timer"))
        return;
    const struct snippet *endless = GUEST("1: pause\njmp 1b");
    guest_reset();
    vmwrite(PREEMPTION_TIMER_VALUE, 0);
    completes("a timer that isn't activated", "nop");
    on(ACTIVATE_PREEMPTION_TIMER);
    exits("a timer of 0 comes before the first instruction", R_PREEMPTION_TIMER_EXPIRED, 0, "nop");
    vmwrite(PREEMPTION_TIMER_VALUE, 100);
    left("a timer ends a loop", guest_run(endless), R_PREEMPTION_TIMER_EXPIRED, 0);
    check_equal("its value isn't saved", vmread(PREEMPTION_TIMER_VALUE), 100);
    vmwrite(PREEMPTION_TIMER_VALUE, -1);
    completes("a long timer doesn't expire", "nop");
    if (!need(EXIT_SAVE_PREEMPTION_TIMER, "saving the preemption timer"))
        return;
    on(EXIT_SAVE_PREEMPTION_TIMER);
    vmwrite(PREEMPTION_TIMER_VALUE, 100);
    left("a timer ends a loop and is saved", guest_run(endless), R_PREEMPTION_TIMER_EXPIRED, 0);
    check_equal("a timer that expired is saved as 0", vmread(PREEMPTION_TIMER_VALUE), 0);
    vmwrite(PREEMPTION_TIMER_VALUE, 0xf0000000);
    guest.cx = 10000;
    completes("a long timer runs", "1: dec ecx\njnz 1b");
    u64 rest = vmread(PREEMPTION_TIMER_VALUE);
    check("a timer is saved at other exits, too", rest < 0xf0000000 && rest > 0x80000000);
}

void program(void)
{
    if (!vmx_begin())
        return;
    exceptions();
    page_faults();
    debug_exceptions();
    during_delivery();
    injection();
    broken_injection();
    windows();
    nmis();
    interrupts();
    monitor_trap();
    preemption_timer();
    vmx_end();
}
