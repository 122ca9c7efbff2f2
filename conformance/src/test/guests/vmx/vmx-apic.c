/* The local APIC that a guest sees: TPR shadow and threshold, APIC-access page, register virtualization, virtual x2APIC
   mode, virtual interrupts and posted interrupts: SDM Vol. 3, chapter "APIC Virtualization and Virtual Interrupts". */
#include "vmx.h"

static u8 *virtual_page, *access_page;

/* Types of APIC accesses in the exit qualification. */
enum { READ = 0, WRITE = 1 << 12, DELIVERY = 3 << 12 };

static u32 *reg(u32 offset)
{
    return (u32 *)(virtual_page + offset);
}

static void set_bit(u32 base, u8 vector)
{
    *reg(base + vector / 32 * 16) |= 1u << vector % 32;
}

static bool is_set(u32 base, u8 vector)
{
    return *reg(base + vector / 32 * 16) >> vector % 32 & 1;
}

/* A guest with a virtual APIC: RBX is the APIC-access page. */
static void apic_reset(void)
{
    guest_reset();
    memset(virtual_page, 0, 4096);
    on(USE_TPR_SHADOW);
    vmwrite(VIRTUAL_APIC_ADDRESS, (u64)virtual_page);
    vmwrite(TPR_THRESHOLD, 0);
    guest.bx = (u64)access_page;
}

static void with_access_page(void)
{
    on(VIRTUALIZE_APIC_ACCESSES);
    vmwrite(APIC_ACCESS_ADDRESS, (u64)access_page);
}

/* --- TPR shadow --- */

static void shadow(void)
{
    apic_reset();
    *reg(APIC_TPR) = 0x5a;
    completes("MOV from CR8", "mov rcx, cr8");
    check_equal("it reads the virtual TPR's class", guest.cx, 5);
    guest.ax = 7;
    completes("MOV to CR8", "mov cr8, rax");
    check_equal("it writes the virtual TPR", *reg(APIC_TPR), 0x70);
    guest.ax = 0x10;
    excepts("MOV to CR8 with a reserved bit", GP, 0, "mov cr8, rax");
    on(CR8_STORE_EXITING);
    exits("MOV from CR8 with CR8-store exiting", R_CONTROL_REGISTER_ACCESS, 8 | 1 << 4 | 2 << 8, "mov rdx, cr8");
    apic_reset();
    *reg(APIC_TPR) = 0x50;
    vmwrite(TPR_THRESHOLD, 4);
    guest.ax = 4;
    completes("MOV to CR8 of the threshold", "mov cr8, rax");
    guest.ax = 3;
    exits("MOV to CR8 of less", R_TPR_BELOW_THRESHOLD, 0, "mov cr8, rax\n7: nop");
    check_equal("the virtual TPR is written before", *reg(APIC_TPR), 0x30);
}

/* --- APIC-access page --- */

static void without_shadow(void)
{
    guest_reset();
    with_access_page();
    guest.bx = (u64)access_page;
    exits("a read", R_APIC_ACCESS, 0x80 | READ, "mov eax, [rbx + 0x80]");
    exits("a write", R_APIC_ACCESS, 0x300 | WRITE, "mov [rbx + 0x300], eax");
    exits("a byte", R_APIC_ACCESS, 0x23 | READ, "mov al, [rbx + 0x23]");
    vmwrite(GUEST_RSP, (u64)access_page + 0x100);
    exits("the stack of INT n", R_APIC_ACCESS, 0xf8 | DELIVERY, "int 0x62");
    check_equal("it came while INT n was delivered", vmread(IDT_VECTORING_INFORMATION), EVENT_VALID
        | EVENT_SOFTWARE_INTERRUPT | 0x62);
}

static void with_shadow(void)
{
    apic_reset();
    with_access_page();
    *reg(APIC_TPR) = 0x12;
    completes("a read of the TPR", "mov ecx, [rbx + 0x80]");
    check_equal("it is virtualized", guest.cx, 0x12);
    guest.ax = 0x12345678;
    completes("a write to the TPR", "mov [rbx + 0x80], eax");
    check_equal("its upper bytes are cleared", *reg(APIC_TPR), 0x78);
    guest.ax = 0x40;
    completes("a read and a write of the TPR", "or [rbx + 0x80], eax");
    check_equal("both are virtualized", *reg(APIC_TPR), 0x78);
    exits("a byte of the TPR that isn't its first", R_APIC_ACCESS, 0x81 | READ, "mov al, [rbx + 0x81]");
    exits("a read and a write of another register", R_APIC_ACCESS, 0x380 | WRITE, "or [rbx + 0x380], eax");
    exits("a read of another register", R_APIC_ACCESS, 0x40 | READ, "mov eax, [rbx + 0x40]");
    exits("a write to another register", R_APIC_ACCESS, 0x380 | WRITE, "mov [rbx + 0x380], eax");
    exits("a read of 64 bits", R_APIC_ACCESS, 0x80 | READ, "mov rax, [rbx + 0x80]");
    exits("a read beside the register", R_APIC_ACCESS, 0x84 | READ, "mov eax, [rbx + 0x84]");
    *reg(APIC_TPR) = 0x50;
    vmwrite(TPR_THRESHOLD, 4);
    guest.ax = 0x3f;
    exits("a write below the threshold", R_TPR_BELOW_THRESHOLD, 0, "mov [rbx + 0x80], eax\n7: nop");
    check_equal("the write is done before", *reg(APIC_TPR), 0x3f);
    exits("VM entry below the threshold", R_TPR_BELOW_THRESHOLD, 0, "nop");
}

static void registers(void)
{
    if (!need(APIC_REGISTER_VIRTUALIZATION, "APIC-register virtualization"))
        return;
    apic_reset();
    with_access_page();
    on(APIC_REGISTER_VIRTUALIZATION);
    *reg(APIC_ID) = 0x77000000;
    *reg(APIC_LVT_TIMER) = 0x10040;
    completes("a read of the ID", "mov ecx, [rbx + 0x20]");
    check_equal("the ID is virtualized", guest.cx, 0x77000000);
    completes("a byte of the ID", "movzx ecx, byte ptr [rbx + 0x23]");
    check_equal("the byte is virtualized", guest.cx, 0x77);
    completes("a read of the timer's LVT", "mov ecx, [rbx + 0x320]");
    check_equal("the timer's LVT is virtualized", guest.cx, 0x10040);
    exits("a read of a register that isn't", R_APIC_ACCESS, 0x390 | READ, "mov eax, [rbx + 0x390]");
    guest.ax = 0x11223344;
    exits("a write to LDR", R_APIC_WRITE, 0xd0, "mov [rbx + 0xd0], eax\n7: nop");
    check_equal("the write is done", *reg(APIC_LDR), 0x11223344);
    completes("a write to the upper half of ICR", "mov [rbx + 0x310], eax");
    check_equal("its reserved bits are cleared", *reg(APIC_ICR_HIGH), 0x11000000);
    exits("a write to ICR", R_APIC_WRITE, 0x300, "mov [rbx + 0x300], eax\n7: nop");
    exits("a write to the version", R_APIC_ACCESS, 0x30 | WRITE, "mov [rbx + 0x30], eax");
    exits("a write to EOI", R_APIC_WRITE, 0xb0, "mov [rbx + 0xb0], eax\n7: nop");
}

/* --- virtual x2APIC mode --- */

static void x2apic(void)
{
    if (!need(VIRTUALIZE_X2APIC_MODE, "virtual x2APIC mode"))
        return;
    u8 *bitmap = alloc_page();
    apic_reset();
    on(VIRTUALIZE_X2APIC_MODE);
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    *reg(APIC_TPR) = 0x34;
    guest.cx = 0x808;
    completes("RDMSR of the TPR", "rdmsr");
    check_equal("RDMSR of the TPR is virtualized", guest.dx << 32 | guest.ax, 0x34);
    guest.ax = 0x89;
    completes("WRMSR to the TPR", "wrmsr");
    check_equal("WRMSR to the TPR is virtualized", *reg(APIC_TPR), 0x89);
    guest.ax = 0x100;
    excepts("WRMSR of a reserved bit to the TPR", GP, 0, "wrmsr");
    vmwrite(TPR_THRESHOLD, 7);
    guest.ax = 0x60;
    exits("WRMSR below the threshold", R_TPR_BELOW_THRESHOLD, 0, "wrmsr\n7: nop");
    *reg(APIC_TPR) = 0x90;
    guest.cx = 0x802;
    excepts("RDMSR of the ID isn't virtualized", GP, 0, "rdmsr");
    bitmap[0x808 / 8] = 1;
    guest.cx = 0x808;
    exits("the MSR bitmap comes first", R_RDMSR, 0, "rdmsr");
    if (!can(APIC_REGISTER_VIRTUALIZATION))
        return;
    on(APIC_REGISTER_VIRTUALIZATION);
    *reg(APIC_ID) = 0x55;
    guest.cx = 0x802;
    completes("RDMSR of the ID with register virtualization", "rdmsr");
    check_equal("the ID comes from the virtual-APIC page", guest.ax, 0x55);
}

/* --- virtual interrupts --- */

static void interrupt_reset(u16 status)
{
    apic_reset();
    on(EXTERNAL_INTERRUPT_EXITING);
    on(VIRTUAL_INTERRUPT_DELIVERY);
    for (u32 i = 0; i < 4; i++)
        vmwrite(EOI_EXIT_BITMAP_0 + 2 * i, 0);
    vmwrite(GUEST_INTERRUPT_STATUS, status);
    if (status & 0xff)
        set_bit(APIC_IRR, status);
    if (status >> 8)
        set_bit(APIC_ISR, status >> 8);
    vmwrite(GUEST_RFLAGS, IF | 2);
}

static void virtual_interrupts(void)
{
    interrupt_reset(0x61);
    set_bit(APIC_IRR, 0x45);
    delivered("a virtual interrupt at VM entry", guest_run(GUEST("nop")), 0x61);
    check("it is in service", is_set(APIC_ISR, 0x61) && !is_set(APIC_IRR, 0x61));
    check_equal("RVI is the next, SVI is the vector", vmread(GUEST_INTERRUPT_STATUS), 0x6145);
    check_equal("PPR follows", *reg(APIC_PPR), 0x60);
    interrupt_reset(0x61);
    vmwrite(GUEST_RFLAGS, 2);
    const struct snippet *code = GUEST("sti\nnop\n7: nop");
    delivered("a virtual interrupt behind STI", guest_run(code), 0x61);
    check_equal("STI blocks for an instruction", guest_stack(0), (u64)code->fault);
    interrupt_reset(0x61);
    vmwrite(GUEST_RFLAGS, 2);
    completes("without IF it waits", "nop\nnop");
    interrupt_reset(0x61);
    *reg(APIC_TPR) = 0x6f;
    completes("a TPR of its class holds it back", "nop");
    guest.ax = 5;
    delivered("a lower TPR lets it through", guest_run(GUEST("mov cr8, rax\nnop")), 0x61);
    interrupt_reset(0x7161);
    completes("one in service holds it back", "nop");
    check_equal("PPR is that of the one in service", *reg(APIC_PPR), 0x70);
    interrupt_reset(0x5161);
    delivered("one in service of a lower class doesn't", guest_run(GUEST("nop")), 0x61);
    interrupt_reset(0x61);
    on(INTERRUPT_WINDOW_EXITING);
    exits("an interrupt window comes first", R_INTERRUPT_WINDOW, 0, "nop");
}

static void end_of_interrupt(void)
{
    interrupt_reset(0x6100);
    set_bit(APIC_ISR, 0x42);
    with_access_page();
    completes("a write to EOI", "mov dword ptr [rbx + 0xb0], 0");
    check("none is in service any more", !is_set(APIC_ISR, 0x61) && is_set(APIC_ISR, 0x42));
    check_equal("SVI is the next", vmread(GUEST_INTERRUPT_STATUS), 0x4200);
    check_equal("PPR sinks", *reg(APIC_PPR), 0x40);
    completes("a read of EOI", "mov eax, [rbx + 0xb0]");
    vmwrite(EOI_EXIT_BITMAP_1, 4);
    exits("a write to EOI by bitmap", R_VIRTUALIZED_EOI, 0x42, "mov dword ptr [rbx + 0xb0], 0\n7: nop");
    check_equal("SVI is none", vmread(GUEST_INTERRUPT_STATUS), 0);
    interrupt_reset(0x6151);
    with_access_page();
    delivered("EOI lets the next through", guest_run(GUEST("mov dword ptr [rbx + 0xb0], 0\nnop")), 0x51);
}

static void self_ipi(void)
{
    interrupt_reset(0);
    with_access_page();
    delivered("a self-IPI", guest_run(GUEST("mov dword ptr [rbx + 0x300], 0x40062\nnop")), 0x62);
    check_equal("SVI is its vector", vmread(GUEST_INTERRUPT_STATUS), 0x6200);
    exits("an IPI to all", R_APIC_WRITE, 0x300, "mov dword ptr [rbx + 0x300], 0x80062\n7: nop");
    exits("a self-NMI", R_APIC_WRITE, 0x300, "mov dword ptr [rbx + 0x300], 0x40462\n7: nop");
    exits("a self-IPI with vector 15", R_APIC_WRITE, 0x300, "mov dword ptr [rbx + 0x300], 0x4000f\n7: nop");
    if (!can(VIRTUALIZE_X2APIC_MODE))
        return;
    u8 *bitmap = alloc_page();
    interrupt_reset(0);
    on(VIRTUALIZE_X2APIC_MODE);
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    guest.cx = 0x83f;
    guest.ax = 0x63;
    delivered("a self-IPI by WRMSR", guest_run(GUEST("wrmsr\nnop")), 0x63);
    guest.ax = 0x100;
    excepts("a self-IPI by WRMSR of a reserved bit", GP, 0, "wrmsr");
    guest.cx = 0x80b;
    guest.ax = 0;
    completes("EOI by WRMSR", "wrmsr");
    check_equal("EOI by WRMSR is virtualized", vmread(GUEST_INTERRUPT_STATUS), 0);
    guest.ax = 1;
    excepts("EOI by WRMSR of another value", GP, 0, "wrmsr");
}

/* --- posted interrupts --- */

#define NOTIFICATION 0x55
#define OTHER 0x56

static void posted_interrupts(void)
{
    if (!need(PROCESS_POSTED_INTERRUPTS, "posted interrupts"))
        return;
    u32 *descriptor = alloc_page();
    apic_enable();
    interrupt_reset(0);
    on(PROCESS_POSTED_INTERRUPTS);
    on(EXIT_ACKNOWLEDGE_INTERRUPT);
    vmwrite(POSTED_INTERRUPT_NOTIFICATION_VECTOR, NOTIFICATION);
    vmwrite(POSTED_INTERRUPT_DESCRIPTOR_ADDRESS, (u64)descriptor);
    descriptor[0x71 / 32] = 1u << 0x71 % 32;
    descriptor[0x42 / 32] = 1u << 0x42 % 32;
    descriptor[8] = 1;
    interrupt_myself(NOTIFICATION);
    delivered("a posted interrupt", guest_run(GUEST("nop\nnop")), 0x71);
    check("the requests are cleared", !descriptor[0x71 / 32] && !descriptor[0x42 / 32]);
    check_equal("so is the outstanding notification", descriptor[8] & 1, 0);
    check("the other one is requested", is_set(APIC_IRR, 0x42));
    check_equal("RVI and SVI", vmread(GUEST_INTERRUPT_STATUS), 0x7142);
    check("the notification is neither pending nor in service",
        !apic_has(APIC_IRR, NOTIFICATION) && !apic_has(APIC_ISR, NOTIFICATION));
    interrupt_myself(OTHER);
    left("another interrupt exits", guest_run(GUEST("nop")), R_EXTERNAL_INTERRUPT, 0);
    check_equal("it is acknowledged", vmread(EXIT_INTERRUPTION_INFORMATION), EVENT_VALID | OTHER);
    apic_eoi();
}

void program(void)
{
    if (!vmx_begin())
        return;
    virtual_page = alloc_page();
    access_page = alloc_page();
    if (need(USE_TPR_SHADOW, "TPR shadow"))
        shadow();
    if (need(VIRTUALIZE_APIC_ACCESSES, "APIC-access page")) {
        without_shadow();
        with_shadow();
        registers();
    }
    x2apic();
    if (need(VIRTUAL_INTERRUPT_DELIVERY, "virtual-interrupt delivery")) {
        virtual_interrupts();
        end_of_interrupt();
        self_ipi();
        posted_interrupts();
    }
    vmx_end();
}
