/* @processors 2
   Interprocessor interrupts that guests send without VM exits: SDM Vol. 3, sections "IPI Virtualization", "APIC-Write
   Emulation", "Virtualizing MSR-Based APIC Accesses". */
#include "vmx.h"

#define NOTIFICATION 0x55
#define VECTOR 0x71
#define FOR_THE_OTHER 0x56

/* Virtual APIC IDs, by what stands in their entries of the table. */
enum { MYSELF = 1, OTHER = 2, QUIET = 3, NOTIFIED = 4, ABSENT = 5, RESERVED = 6, TOO_WIDE = 7, LAST = 7 };

/* Of a posted-interrupt descriptor, as doublewords. */
enum { NOTIFY = 8, DESTINATION = 9, OUTSTANDING = 1, SUPPRESSED = 2 };

static u8 *virtual_page, *access_page;
static u64 *table;
static u32 *descriptors[LAST + 1];
static volatile u32 finished;

static u32 *reg(u32 offset)
{
    return (u32 *)(virtual_page + offset);
}

static bool is_posted(unsigned id, u8 vector)
{
    return descriptors[id][vector / 32] >> vector % 32 & 1;
}

static void describe(unsigned id, u32 notify, u32 apic_id)
{
    memset(descriptors[id], 0, 64);
    descriptors[id][NOTIFY] = notify;
    descriptors[id][DESTINATION] = apic_id << 8;
    table[id] = (u64)descriptors[id] | 1;
}

/* A guest that may send; RBX is the APIC-access page. */
static void ipi_reset(void)
{
    u32 me = apic_read(APIC_ID) >> 24;
    guest_reset();
    memset(virtual_page, 0, 4096);
    describe(MYSELF, NOTIFICATION << 16, me);
    describe(OTHER, FOR_THE_OTHER << 16, smp_apic_id[0]);
    describe(QUIET, NOTIFICATION << 16 | SUPPRESSED, me);
    describe(NOTIFIED, NOTIFICATION << 16 | OUTSTANDING, me);
    table[RESERVED] |= 3;
    table[TOO_WIDE] = 1ull << (cpuid(0x80000008, 0).a & 0xff) | 1;
    on(USE_TPR_SHADOW);
    on(IPI_VIRTUALIZATION);
    vmwrite(VIRTUAL_APIC_ADDRESS, (u64)virtual_page);
    vmwrite(TPR_THRESHOLD, 0);
    vmwrite(PID_POINTER_TABLE_ADDRESS, (u64)table);
    vmwrite(LAST_PID_POINTER_INDEX, LAST);
    guest.bx = (u64)access_page;
}

static void by_memory(void)
{
    on(VIRTUALIZE_APIC_ACCESSES);
    vmwrite(APIC_ACCESS_ADDRESS, (u64)access_page);
}

static void receiving(void)
{
    on(EXTERNAL_INTERRUPT_EXITING);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    on(VIRTUAL_INTERRUPT_DELIVERY);
    on(PROCESS_POSTED_INTERRUPTS);
    vmwrite(GUEST_INTERRUPT_STATUS, 0);
    vmwrite(POSTED_INTERRUPT_NOTIFICATION_VECTOR, NOTIFICATION);
    vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, (u64)descriptors[MYSELF]);
    vmwrite(GUEST_RFLAGS, IF | 2);
}

/* --- by memory --- */

static const struct snippet *sending(void)
{
    return GUEST("mov [rbx + 0x300], eax\n7: nop");
}

static void sends(const char *name, u32 id, u32 command)
{
    *reg(APIC_ICR_HIGH) = id << 24;
    guest.ax = command;
    expect_completion(name, sending());
}

static void leaves(const char *name, u32 id, u32 command)
{
    *reg(APIC_ICR_HIGH) = id << 24;
    guest.ax = command;
    expect_exit(name, sending(), R_APIC_WRITE, APIC_ICR);
    check_equal(named("%s: it is written", name), *reg(APIC_ICR), command);
}

static void posting(void)
{
    ipi_reset();
    by_memory();
    sends("an IPI to a virtual processor that is suppressed", QUIET, VECTOR);
    check("it is posted", is_posted(QUIET, VECTOR));
    check_equal("nobody is notified", descriptors[QUIET][NOTIFY], NOTIFICATION << 16 | SUPPRESSED);
    sends("an IPI to one that has been notified", NOTIFIED, VECTOR + 1);
    check("it is posted, too", is_posted(NOTIFIED, VECTOR + 1));
    check("no second notification is sent", !apic_has(APIC_IRR, NOTIFICATION));
    sends("the lowest vector", QUIET, 16);
    check("the lowest vector is posted", is_posted(QUIET, 16));
    sends("the highest vector", QUIET, 255);
    check("the highest vector is posted", is_posted(QUIET, 255));
    check("the one before is still there", is_posted(QUIET, VECTOR));
    sends("an IPI to another processor", OTHER, VECTOR);
    check_equal("its notification is outstanding", descriptors[OTHER][NOTIFY], FOR_THE_OTHER << 16 | OUTSTANDING);
}

static void receiving_guests(void)
{
    ipi_reset();
    by_memory();
    receiving();
    *reg(APIC_ICR_HIGH) = MYSELF << 24;
    guest.ax = VECTOR;
    delivered("an IPI that comes back", guest_run(GUEST("mov [rbx + 0x300], eax\n1: pause\njmp 1b")), VECTOR);
    check("its request is taken", !is_posted(MYSELF, VECTOR));
    check_equal("its notification is, too", descriptors[MYSELF][NOTIFY], NOTIFICATION << 16);
    guest.ax = VECTOR | 0x40000;
    *reg(APIC_ISR + VECTOR / 32 * 16) = 0;
    vmwrite(GUEST_RFLAGS, IF | 2);
    vmwrite(GUEST_INTERRUPT_STATUS, 0);
    delivered("a self-IPI needs no descriptor", guest_run(GUEST("mov [rbx + 0x300], eax\nnop")), VECTOR);
}

static void left_to_the_hypervisor(void)
{
    ipi_reset();
    by_memory();
    leaves("vector 15", QUIET, 15);
    leaves("no entry", ABSENT, VECTOR);
    leaves("an entry with a reserved bit", RESERVED, VECTOR);
    leaves("an entry beyond the physical-address width", TOO_WIDE, VECTOR);
    leaves("an ID beyond the table", LAST + 1, VECTOR);
    leaves("a self-IPI without virtual interrupts", 0, VECTOR | 0x40000);
    leaves("to all", 0, VECTOR | 0x80000);
    leaves("to all others", 0, VECTOR | 0xc0000);
    leaves("a logical destination", QUIET, VECTOR | 0x800);
    leaves("the lowest priority", QUIET, VECTOR | 0x100);
    leaves("NMI", QUIET, 0x400);
    leaves("a start-up IPI", QUIET, 0x600 | VECTOR);
    leaves("level-triggered", QUIET, VECTOR | 0x8000);
    leaves("delivery status", QUIET, VECTOR | 0x1000);
    leaves("a reserved bit", QUIET, VECTOR | 0x2000);
    check("none was posted", !is_posted(QUIET, VECTOR));
    sends("asserted is all the same", QUIET, VECTOR | 0x4000);
    check("it was posted", is_posted(QUIET, VECTOR));
    guest.ax = VECTOR;
    exits("a byte isn't a command", R_APIC_ACCESS, 0x301 | 1 << 12, "mov [rbx + 0x301], al");
    exits("the upper half needs register virtualization", R_APIC_ACCESS, 0x310 | 1 << 12, "mov [rbx + 0x310], eax");
    off(IPI_VIRTUALIZATION);
    exits("without the control", R_APIC_ACCESS, 0x300 | 1 << 12, "mov [rbx + 0x300], eax");
}

/* --- by WRMSR --- */

static void by_msr(void)
{
    if (!need(VIRTUALIZE_X2APIC_MODE, "virtual x2APIC mode"))
        return;
    u8 *bitmap = alloc_page();
    ipi_reset();
    on(VIRTUALIZE_X2APIC_MODE);
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    guest.cx = 0x830;
    guest.dx = QUIET;
    guest.ax = VECTOR;
    completes("WRMSR to ICR", "wrmsr");
    check("WRMSR to ICR posts", is_posted(QUIET, VECTOR));
    check_equal("ICR has 64 bits", *(u64 *)reg(APIC_ICR), (u64)QUIET << 32 | VECTOR);
    check_equal("there is no upper half", *reg(APIC_ICR_HIGH), 0);
    guest.dx = QUIET << 24;
    exits("WRMSR to ICR: the ID has 32 bits", R_APIC_WRITE, 0x300, "wrmsr\n7: nop");
    guest.dx = QUIET;
    guest.ax = VECTOR | 0x40000;
    exits("WRMSR to ICR: a self-IPI", R_APIC_WRITE, 0x300, "wrmsr\n7: nop");
    guest.ax = VECTOR | 0x1000;
    exits("WRMSR to ICR: bit 12", R_APIC_WRITE, 0x300, "wrmsr\n7: nop");
    static const u8 reserved[] = {13, 16, 17, 20, 31};
    for (unsigned i = 0; i < sizeof reserved; i++) {
        guest.ax = VECTOR | 1u << reserved[i];
        expect_exception(named("WRMSR to ICR: reserved bit %x", reserved[i]), GUEST("wrmsr"), GP, 0);
    }
    bitmap[0x800 + 0x830 / 8] = 1;
    guest.ax = VECTOR;
    exits("WRMSR to ICR: the MSR bitmap comes first", R_WRMSR, 0, "wrmsr");
    bitmap[0x800 + 0x830 / 8] = 0;
    off(IPI_VIRTUALIZATION);
    excepts("WRMSR to ICR without the control", GP, 0, "wrmsr");
}

/* --- VM entry --- */

static void refused(const char *name)
{
    left(name, guest_run(GUEST("nop")), NOT_ENTERED | E_ENTRY_INVALID_CONTROL, 0);
}

static void checks(void)
{
    u64 beyond = 1ull << (cpuid(0x80000008, 0).a & 0xff);
    ipi_reset();
    off(USE_TPR_SHADOW);
    refused("no TPR shadow");
    ipi_reset();
    vmwrite(PID_POINTER_TABLE_ADDRESS, (u64)table + 4);
    refused("a table not aligned");
    vmwrite(PID_POINTER_TABLE_ADDRESS, beyond);
    refused("a table beyond the physical-address width");
    vmwrite(PID_POINTER_TABLE_ADDRESS, beyond - 8 * LAST);
    refused("its last entry beyond it");
    vmwrite(LAST_PID_POINTER_INDEX, LAST - 1);
    completes("its last entry within", "nop");
}

static void other(unsigned index)
{
    (void)index;
    if (vmx_begin()) {
        if (need(IPI_VIRTUALIZATION, "IPI virtualization")) {
            virtual_page = alloc_page();
            access_page = alloc_page();
            table = alloc_page();
            for (unsigned i = 0; i <= LAST; i++)
                descriptors[i] = alloc_page();
            apic_enable();
            posting();
            receiving_guests();
            left_to_the_hypervisor();
            by_msr();
            checks();
            finished = 2;
        }
        vmx_end();
    }
    finished++;
    for (;;)
        asm volatile("hlt");
}

void program(void)
{
    apic_enable();
    if (!smp_start(1, other)) {
        skip("another processor", "none came");
        return;
    }
    while (finished != 1 && finished != 3)
        pause();
    if (finished == 3)
        check("the other processor was notified", apic_has(APIC_IRR, FOR_THE_OTHER));
}
