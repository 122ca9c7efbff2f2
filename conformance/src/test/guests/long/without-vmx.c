/* @vmx no
   A processor without VMX, which is what a hypervisor shows to guests that may have none of their own:
   SDM Vol. 3, sections "Enabling and Entering VMX Operation" and "VMX Capability Reporting Facility". */
#include "guest.h"

#define FEATURE_CONTROL 0x3a
#define FIRST_VMX 0x480
#define LAST_VMX 0x493

static struct context *with_memory(void)
{
    struct context *c = kernel();
    c->bx = (u64)alloc_page();
    return c;
}

static void instructions(void)
{
    faults(with_memory(), "VMXON", UD, 0, "vmxon [rbx]");
    faults(with_memory(), "VMPTRLD", UD, 0, "vmptrld [rbx]");
    faults(with_memory(), "VMPTRST", UD, 0, "vmptrst [rbx]");
    faults(with_memory(), "VMCLEAR", UD, 0, "vmclear [rbx]");
    faults(with_memory(), "VMREAD", UD, 0, "vmread [rbx], rax");
    faults(with_memory(), "VMWRITE", UD, 0, "vmwrite rax, [rbx]");
    faults(with_memory(), "INVEPT", UD, 0, "invept rax, [rbx]");
    faults(with_memory(), "INVVPID", UD, 0, "invvpid rax, [rbx]");
    faults(kernel(), "VMLAUNCH", UD, 0, "vmlaunch");
    faults(kernel(), "VMRESUME", UD, 0, "vmresume");
    faults(kernel(), "VMXOFF", UD, 0, "vmxoff");
    faults(kernel(), "VMFUNC", UD, 0, "vmfunc");
    faults(user(), "VMXOFF at CPL 3", UD, 0, "vmxoff");
}

static void registers(void)
{
    check_equal("CPUID has no VMX", cpuid(1, 0).c >> 5 & 1, 0);
    struct context *c = kernel();
    c->ax = read_cr4() | CR4_VMXE;
    faults(c, "CR4.VMXE can't be set", GP, 0, "mov cr4, rax");
    check_equal("CR4.VMXE is 0", read_cr4() & CR4_VMXE, 0);
    check_equal("IA32_FEATURE_CONTROL is locked without VMX", rdmsr(FEATURE_CONTROL) & 7, 1);
    c = kernel();
    c->cx = FEATURE_CONTROL;
    c->ax = 5;
    faults(c, "IA32_FEATURE_CONTROL stays as it is", GP, 0, "wrmsr");
    for (u32 msr = FIRST_VMX; msr <= LAST_VMX; msr++) {
        c = kernel();
        c->cx = msr;
        faults(c, named("RDMSR %llx", (u64)msr), GP, 0, "rdmsr");
        c = kernel();
        c->cx = msr;
        faults(c, named("WRMSR %llx", (u64)msr), GP, 0, "wrmsr");
    }
}

void program(void)
{
    registers();
    instructions();
}
