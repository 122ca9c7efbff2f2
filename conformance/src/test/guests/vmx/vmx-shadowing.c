/* VMREAD and VMWRITE of a guest that reach a shadow VMCS: SDM Vol. 3, sections "VMCS Shadowing", "VMREAD", "VMWRITE",
   "VMCS Shadowing Bitmap Addresses". */
#include "vmx.h"

static u64 *shadow;
static u8 *read_bitmap, *write_bitmap;

/* The status flags of the guest's last instruction. */
static void status(const char *name, word flags)
{
    check_equal(named("%s: flags", name), vmread(GUEST_RFLAGS) & 0x8d5, flags);
}

static u64 shadow_field(u32 field)
{
    vmptrld(shadow);
    u64 value = vmread(field);
    vmclear(shadow);
    vmptrld(vmcs);
    return value;
}

static void shadow_reset(void)
{
    memset(read_bitmap, 0, 4096);
    memset(write_bitmap, 0, 4096);
    vmclear(shadow);
    guest_reset();
    on(VMCS_SHADOWING);
    vmwrite(VMREAD_BITMAP_ADDRESS, (u64)read_bitmap);
    vmwrite(VMWRITE_BITMAP_ADDRESS, (u64)write_bitmap);
    vmwrite(VMCS_LINK_POINTER, (u64)shadow);
    vmwrite(GUEST_RFLAGS, 0x8d7);
}

static void in_root(void)
{
    vmclear(shadow);
    succeeds("VMPTRLD of a shadow VMCS", vmptrld(shadow));
    succeeds("VMWRITE to it", try_vmwrite(GUEST_RIP, 0x123456789abc));
    check_equal("VMREAD of it", vmread(GUEST_RIP), 0x123456789abc);
    vmwrite(TSC_OFFSET, 0x1122334455667788);
    fails_invalid("VMLAUNCH of it", VM_DO("vmlaunch", "r"(0)));
    fails_invalid("VMRESUME of it", VM_DO("vmresume", "r"(0)));
    vmclear(shadow);
}

static void accesses(void)
{
    shadow_reset();
    guest.cx = GUEST_RIP;
    completes("VMREAD", "vmread rax, rcx");
    status("VMREAD", 0);
    check_equal("it reads the shadow", guest.ax, 0x123456789abc);
    guest.cx = TSC_OFFSET | 1;
    completes("VMREAD of an upper half", "vmread rax, rcx");
    check_equal("it reads the shadow's upper half", guest.ax, 0x11223344);
    u64 *memory = alloc_page();
    guest.cx = TSC_OFFSET;
    guest.bx = (u64)memory;
    completes("VMREAD to memory", "vmread [rbx], rcx");
    check_equal("memory has the shadow's field", *memory, 0x1122334455667788);
    guest.cx = GUEST_RSP;
    guest.ax = 0x77776666;
    vmwrite(GUEST_RFLAGS, 0x8d7);
    completes("VMWRITE", "vmwrite rcx, rax");
    status("VMWRITE", 0);
    check_equal("it doesn't change the guest's own VMCS", vmread(GUEST_RSP), GUEST_STACK);
    check_equal("it changes the shadow", shadow_field(GUEST_RSP), 0x77776666);
}

static void exiting(void)
{
    shadow_reset();
    guest.cx = GUEST_RIP;
    read_bitmap[GUEST_RIP / 8] = 1 << GUEST_RIP % 8;
    exits("VMREAD by bitmap", R_VMREAD, 0, "vmread rax, rcx");
    completes("the bitmap of VMREAD isn't VMWRITE's", "vmwrite rcx, rax");
    write_bitmap[GUEST_RIP / 8] = 1 << GUEST_RIP % 8;
    exits("VMWRITE by bitmap", R_VMWRITE, 0, "vmwrite rcx, rax");
    read_bitmap[TSC_OFFSET / 8] = 2 << TSC_OFFSET % 8;
    guest.cx = TSC_OFFSET;
    completes("a field whose upper half is in the bitmap", "vmread rax, rcx");
    guest.cx = TSC_OFFSET | 1;
    exits("the upper half", R_VMREAD, 0, "vmread rax, rcx");
    guest.cx = 0x8000;
    exits("an encoding beyond the bitmap", R_VMREAD, 0, "vmread rax, rcx");
    guest.cx = 1ull << 32 | GUEST_RSP;
    exits("an encoding beyond 32 bits", R_VMWRITE, 0, "vmwrite rcx, rax");
    guest.bx = (u64)shadow;
    exits("VMPTRST", R_VMPTRST, 0, "vmptrst [rbx]");
    off(VMCS_SHADOWING);
    vmwrite(VMCS_LINK_POINTER, -1);
    guest.cx = GUEST_RSP;
    exits("VMREAD without the control", R_VMREAD, 0, "vmread rax, rcx");
}

static void failing(void)
{
    shadow_reset();
    guest.cx = 0x6c20;
    completes("VMREAD of no field", "vmread rax, rcx");
    status("VMREAD of no field", ZF);
    shadow_reset();
    vmwrite(VMCS_LINK_POINTER, -1);
    guest.cx = GUEST_RSP;
    completes("VMREAD without a shadow", "vmread rax, rcx");
    status("VMREAD without a shadow", CF);
    completes("VMWRITE without a shadow", "vmwrite rcx, rax");
    status("VMWRITE without a shadow", CF);
    shadow_reset();
    guest.bx = 0x7f0000000000;
    guest.cx = GUEST_RIP;
    excepts("VMREAD to memory not present", PF, PF_W, "vmread [rbx], rcx");
    guest_user();
    excepts("VMREAD at CPL 3", GP, 0, "vmread rax, rcx");
    excepts("VMWRITE at CPL 3", GP, 0, "vmwrite rcx, rax");
    read_bitmap[GUEST_RIP / 8] = 1 << GUEST_RIP % 8;
    exits("VMREAD by bitmap at CPL 3", R_VMREAD, 0, "vmread rax, rcx");
    shadow_reset();
    *(u32 *)shadow ^= 1u << 31;
    left("a link to an ordinary VMCS", guest_run(GUEST("nop")), ENTRY_FAILED | R_INVALID_GUEST_STATE, 4);
    *(u32 *)shadow ^= 1u << 31;
}

void program(void)
{
    if (!vmx_begin())
        return;
    if (need(VMCS_SHADOWING, "VMCS shadowing")) {
        shadow = new_region();
        *(u32 *)shadow |= 1u << 31;
        read_bitmap = alloc_page();
        write_bitmap = alloc_page();
        in_root();
        accesses();
        exiting();
        failing();
    }
    vmx_end();
}
