/* Instructions that cause VM exits, and what the exits report of them: SDM Vol. 3, chapter "VMX Non-Root Operation",
   section "Information for VM Exits Due to Instruction Execution". */
#include "vmx.h"

#define SPEC_CTRL 0x48u
#define XSS 0xda0u
#define PM_CTL1 0xdb1u
#define XSS_HDC (1u << 13)

static u8 *page;

/* --- the VM-exit instruction-information field; what an instruction doesn't define is masked --- */

enum {
    INFO_SCALE = 3, INFO_REGISTER1 = 0x78, INFO_ADDRESS_SIZE = 0x380, INFO_IS_REGISTER = 0x400, INFO_SIZE = 0x1800,
    INFO_SEGMENT = 0x38000, INFO_INDEX = 0x3c0000, INFO_NO_INDEX = 0x400000, INFO_BASE = 0x7800000,
    INFO_NO_BASE = 0x8000000, INFO_IDENTITY = 0x30000000,
    INFO_MEMORY = INFO_ADDRESS_SIZE | INFO_IS_REGISTER | INFO_SEGMENT | INFO_NO_INDEX | INFO_NO_BASE,
    INFO_BASED = INFO_MEMORY | INFO_BASE, INFO_INDEXED = INFO_BASED | INFO_INDEX | INFO_SCALE,
    ADDRESS32 = 1 << 7, ADDRESS64 = 2 << 7, ES = 0 << 15, STACK = 2 << 15, DATA = 3 << 15, FS = 4 << 15
};
#define INFO_REGISTER2 0xf0000000u
#define REGISTER1(r) ((r) << 3)
#define INDEX(r) ((r) << 18)
#define BASE(r) ((r) << 23)
#define REGISTER2(r) ((u32)(r) << 28)

static void information(const char *name, u32 mask, u32 expected)
{
    check_equal(named("%s: information", name), vmread(EXIT_INSTRUCTION_INFORMATION) & mask, expected);
}

/* --- always --- */

static void unconditional(void)
{
    guest_reset();
    exits("CPUID", R_CPUID, 0, "cpuid");
    exits("CPUID with a prefix", R_CPUID, 0, ".byte 0x48\ncpuid");
    exits("INVD", R_INVD, 0, "invd");
    exits("VMCALL", R_VMCALL, 0, "vmcall");
    exits("VMLAUNCH", R_VMLAUNCH, 0, "vmlaunch");
    exits("VMRESUME", R_VMRESUME, 0, "vmresume");
    exits("VMXOFF", R_VMXOFF, 0, "vmxoff");
    excepts("VMFUNC", UD, 0, "vmfunc");
    excepts("RSM", UD, 0, "rsm");
    guest_skip();
    guest.ax = 0x123456789;
    exits("registers", R_CPUID, 0, "add rax, 1\nmov r15, rax\n7: cpuid");
    check_equal("the exit keeps the registers", guest.r15, 0x12345678a);
}

static void operands(void)
{
    guest_reset();
    exits("VMCLEAR [rbx]", R_VMCLEAR, 0, "vmclear [rbx]");
    information("VMCLEAR [rbx]", INFO_BASED, ADDRESS64 | DATA | INFO_NO_INDEX | BASE(3));
    exits("VMPTRLD [rbx + rcx * 4 + disp]", R_VMPTRLD, 0x1234, "vmptrld [rbx + rcx * 4 + 0x1234]");
    information("VMPTRLD [rbx + rcx * 4 + disp]", INFO_INDEXED, 2 | ADDRESS64 | DATA | INDEX(1) | BASE(3));
    exits("VMPTRST [r12 + r13 - 8]", R_VMPTRST, -8ull, "vmptrst [r12 + r13 * 1 - 8]");
    information("VMPTRST [r12 + r13 - 8]", INFO_INDEXED, ADDRESS64 | DATA | INDEX(13) | BASE(12));
    exits("VMXON fs:[esi]", R_VMXON, 0, "vmxon fs:[esi]");
    information("VMXON fs:[esi]", INFO_BASED, ADDRESS32 | FS | INFO_NO_INDEX | BASE(6));
    exits("VMXON [rsp]", R_VMXON, 0, "vmxon [rsp]");
    information("VMXON [rsp]", INFO_BASED, ADDRESS64 | STACK | INFO_NO_INDEX | BASE(4));
    exits("VMCLEAR [disp]", R_VMCLEAR, 0x7654, "vmclear [0x7654]");
    information("VMCLEAR [disp]", INFO_MEMORY, ADDRESS64 | DATA | INFO_NO_INDEX | INFO_NO_BASE);
    const struct snippet *relative = GUEST("vmclear [rip + 0x1000]");
    expect_exit("VMCLEAR [rip + disp]", relative, R_VMCLEAR, (u64)relative->end + 0x1000);
    exits("VMREAD rdx, rdi", R_VMREAD, 0, "vmread rdx, rdi");
    information("VMREAD rdx, rdi", INFO_REGISTER1 | INFO_IS_REGISTER | INFO_REGISTER2, REGISTER1(2)
        | INFO_IS_REGISTER | REGISTER2(7));
    exits("VMREAD [rax + disp], r9", R_VMREAD, 0x10, "vmread [rax + 0x10], r9");
    information("VMREAD [rax + disp], r9", INFO_BASED | INFO_REGISTER2, ADDRESS64 | DATA | INFO_NO_INDEX | BASE(0)
        | REGISTER2(9));
    exits("VMWRITE r11, rbp", R_VMWRITE, 0, "vmwrite r11, rbp");
    information("VMWRITE r11, rbp", INFO_REGISTER1 | INFO_IS_REGISTER | INFO_REGISTER2, REGISTER1(5)
        | INFO_IS_REGISTER | REGISTER2(11));
    exits("VMWRITE rax, [rbp]", R_VMWRITE, 0, "vmwrite rax, [rbp]");
    information("VMWRITE rax, [rbp]", INFO_BASED | INFO_REGISTER2, ADDRESS64 | STACK | INFO_NO_INDEX | BASE(5)
        | REGISTER2(0));
    if (can(ENABLE_EPT)) {
        exits("INVEPT rdx, [rcx]", R_INVEPT, 0, "invept rdx, [rcx]");
        information("INVEPT rdx, [rcx]", INFO_BASED | INFO_REGISTER2, ADDRESS64 | DATA | INFO_NO_INDEX | BASE(1)
            | REGISTER2(2));
    }
    if (can(ENABLE_VPID)) {
        exits("INVVPID r8, [rcx + disp]", R_INVVPID, 0x20, "invvpid r8, [rcx + 0x20]");
        information("INVVPID r8, [rcx + disp]", INFO_BASED | INFO_REGISTER2, ADDRESS64 | DATA | INFO_NO_INDEX
            | BASE(1) | REGISTER2(8));
    }
}

/* Faults that come before VM exits, and exits that come before faults. */
static void priorities(void)
{
    guest_reset();
    guest_user();
    guest.bx = (u64)page + USER_ALIAS;
    exits("CPUID at CPL 3", R_CPUID, 0, "cpuid");
    exits("VMCALL at CPL 3", R_VMCALL, 0, "vmcall");
    exits("VMXOFF at CPL 3", R_VMXOFF, 0, "vmxoff");
    exits("VMPTRST at CPL 3", R_VMPTRST, 0, "vmptrst [rbx]");
    excepts("INVD at CPL 3", GP, 0, "invd");
    excepts("RDMSR at CPL 3", GP, 0, "rdmsr");
    on(HLT_EXITING);
    excepts("HLT at CPL 3", GP, 0, "hlt");
    on(INVLPG_EXITING);
    excepts("INVLPG at CPL 3", GP, 0, "invlpg [rbx]");
    on(CR3_STORE_EXITING);
    excepts("MOV from CR3 at CPL 3", GP, 0, "mov rax, cr3");
    on(MOV_DR_EXITING);
    exits("MOV DR at CPL 3", R_MOV_DR, 7 | 1 << 4, "mov rax, dr7");
    on(UNCONDITIONAL_IO_EXITING);
    excepts("IN at CPL 3", GP, 0, "in al, 0x80");
    on(RDTSC_EXITING);
    exits("RDTSC at CPL 3", R_RDTSC, 0, "rdtsc");
    vmwrite(GUEST_CR4, read_cr4() | CR4_TSD);
    excepts("RDTSC at CPL 3 with CR4.TSD", GP, 0, "rdtsc");
    excepts("LOCK CPUID", UD, 0, ".byte 0xf0\ncpuid");
    if (can(DESCRIPTOR_TABLE_EXITING)) {
        on(DESCRIPTOR_TABLE_EXITING);
        exits("SGDT at CPL 3", R_GDTR_IDTR_ACCESS, 0, "sgdt [rbx]");
        excepts("LGDT at CPL 3", GP, 0, "lgdt [rbx]");
    }
}

/* --- by control --- */

static const struct {
    const char *name;
    enum control control;
    u32 reason;
    u8 harmless; /* without the control */
} controlled[] = {
    {"HLT", HLT_EXITING, R_HLT, 0}, {"RDPMC", RDPMC_EXITING, R_RDPMC, 0}, {"RDTSC", RDTSC_EXITING, R_RDTSC, 1},
    {"MWAIT", MWAIT_EXITING, R_MWAIT, 0}, {"MONITOR", MONITOR_EXITING, R_MONITOR, 1},
    {"PAUSE", PAUSE_EXITING, R_PAUSE, 1}, {"WBINVD", WBINVD_EXITING, R_WBINVD, 1}};

static const struct snippet *controlled_code(unsigned i)
{
    switch (i) {
    case 0: return GUEST("hlt");
    case 1: return GUEST("rdpmc");
    case 2: return GUEST("rdtsc");
    case 3: return GUEST("mwait");
    case 4: return GUEST("monitor");
    case 5: return GUEST("pause");
    default: return GUEST("wbinvd");
    }
}

static void simple(void)
{
    for (unsigned i = 0; i < sizeof controlled / sizeof controlled[0]; i++) {
        const char *name = controlled[i].name;
        guest_reset();
        guest.ax = (u64)page;
        if (controlled[i].harmless)
            expect_completion(named("%s without its control", name), controlled_code(i));
        if (!need(controlled[i].control, name))
            continue;
        on(controlled[i].control);
        expect_exit(name, controlled_code(i), controlled[i].reason, 0);
    }
}

static void monitor_and_wait(void)
{
    if (!need(MWAIT_EXITING, "MWAIT exiting"))
        return;
    guest_reset();
    on(MWAIT_EXITING);
    guest.ax = (u64)page;
    exits("MWAIT behind MONITOR", R_MWAIT, 1, "monitor\nxor eax, eax\n7: mwait");
    exits("MWAIT with nothing to monitor any more", R_MWAIT, 0, "mwait");
}

/* --- bus locks --- */

static void locks(const char *name, const struct snippet *code)
{
    expect_exit(name, code, R_BUS_LOCK | 1 << 26, 0);
}

static void bus_locks(void)
{
    if (!need(VMM_BUS_LOCK_DETECTION, "bus-lock detection"))
        return;
    guest_reset();
    guest.bx = (u64)page + 60;
    memset(page, 0, 4096);
    completes("a split lock without the control", "lock inc qword ptr [rbx]");
    on(VMM_BUS_LOCK_DETECTION);
    locks("a split lock", GUEST("lock inc qword ptr [rbx]\n7: nop"));
    check_equal("it is done", *(u64 *)(page + 60), 2);
    locks("a split XCHG", GUEST("xchg rax, [rbx]\n7: nop"));
    check_equal("XCHG is done", guest.ax, 2);
    locks("a split CMPXCHG8B", GUEST("lock cmpxchg8b [rbx]\n7: nop"));
    guest.bx = (u64)page + 56;
    completes("a lock up to the end of a line", "lock inc qword ptr [rbx]\nlock cmpxchg8b [rbx]\nxchg [rbx + 4], eax");
    guest.bx = (u64)page + 60;
    completes("without a lock", "inc qword ptr [rbx]\nmov [rbx], rax\nlock inc dword ptr [rbx]");
    guest.bx = 0x8000000000000000;
    excepts("a fault comes before", GP, 0, "lock inc qword ptr [rbx]");
    guest_user();
    guest.bx = (u64)page + 60 + USER_ALIAS;
    locks("a split lock at CPL 3", GUEST("lock inc qword ptr [rbx]\n7: nop"));
}

/* --- SMX --- */

static void safer_mode(void)
{
    guest_reset();
    excepts("GETSEC without CR4.SMXE", UD, 0, "getsec");
    if (!(cpuid(1, 0).c & 1 << 6)) {
        skip("GETSEC", "not in CPUID");
        return;
    }
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | CR4_SMXE);
    exits("GETSEC", R_GETSEC, 0, "getsec");
    guest.ax = 77;
    exits("GETSEC of no leaf", R_GETSEC, 0, "getsec");
    guest_user();
    exits("GETSEC at CPL 3", R_GETSEC, 0, "getsec");
    u64 cr4 = read_cr4();
    write_cr4(cr4 | CR4_SMXE);
    u32 a = 0;
    asm volatile("getsec" : "+a"(a) : "b"(0) : "memory");
    check("the capabilities are valid for what there is", !(a & 1) || a >> 1);
    write_cr4(cr4);
}

static void random(void)
{
    guest_reset();
    if (cpuid(1, 0).c >> 30 & 1)
        completes("RDRAND without its control", "rdrand eax");
    if (need(RDRAND_EXITING, "RDRAND exiting")) {
        on(RDRAND_EXITING);
        exits("RDRAND r10", R_RDRAND, 0, "rdrand r10");
        information("RDRAND r10", INFO_REGISTER1 | INFO_SIZE, REGISTER1(10) | 2 << 11);
        exits("RDRAND cx", R_RDRAND, 0, "rdrand cx");
        information("RDRAND cx", INFO_REGISTER1 | INFO_SIZE, REGISTER1(1));
    }
    if (need(RDSEED_EXITING, "RDSEED exiting")) {
        completes("RDSEED without its control", "rdseed eax");
        on(RDSEED_EXITING);
        exits("RDSEED edi", R_RDSEED, 0, "rdseed edi");
        information("RDSEED edi", INFO_REGISTER1 | INFO_SIZE, REGISTER1(7) | 1 << 11);
    }
}

static void pause_loops(void)
{
    if (!need(PAUSE_LOOP_EXITING, "PAUSE-loop exiting"))
        return;
    guest_reset();
    on(PAUSE_LOOP_EXITING);
    vmwrite(PLE_GAP, 0xffffffff);
    vmwrite(PLE_WINDOW, 1000);
    guest.cx = 1000000;
    left("a loop of PAUSE", guest_run(GUEST("1: pause\ndec ecx\njnz 1b")), R_PAUSE, 0);
}

static void invalidations(void)
{
    guest_reset();
    guest.bx = 0x12345;
    completes("INVLPG without its control", "invlpg [rbx]");
    on(INVLPG_EXITING);
    exits("INVLPG [rbx]", R_INVLPG, 0x12345, "invlpg [rbx]");
    exits("INVLPG [ebx]", R_INVLPG, 0x12445, "invlpg [ebx + 0x100]");
    vmwrite(GUEST_GS_BASE, 0xffff800000000000);
    exits("INVLPG gs:[rbx]", R_INVLPG, 0xffff800000012345, "invlpg gs:[rbx]");
    if (!need(ENABLE_INVPCID, "INVPCID"))
        return;
    off(INVLPG_EXITING);
    guest.bx = (u64)page;
    guest.ax = 2;
    memset(page, 0, 16);
    excepts("INVPCID without its control", UD, 0, "invpcid rax, [rbx]");
    on(ENABLE_INVPCID);
    completes("INVPCID enabled", "invpcid rax, [rbx]");
    on(INVLPG_EXITING);
    exits("INVPCID", R_INVPCID, 8, "invpcid r10, [rbx + 8]");
    information("INVPCID", INFO_BASED | INFO_REGISTER2, ADDRESS64 | DATA | INFO_NO_INDEX | BASE(3) | REGISTER2(10));
}

/* Of the supervisor state components the one for hardware duty cycling is the simplest: one bit. */
static void supervisor_state(void)
{
    if (!(cpuid(13, 1).c & XSS_HDC)) {
        skip("supervisor state", "not in CPUID");
        return;
    }
    u64 old = rdmsr(PM_CTL1);
    check_equal("the size of the component", cpuid(13, 13).a, 8);
    check_equal("it is supervisor state", cpuid(13, 13).c & 1, 1);
    wrmsr(XSS, XSS_HDC);
    guest.ax = XSS_HDC;
    guest.dx = 0;
    exits("XSAVES of supervisor state", R_XSAVES, 64, "xsaves [rbx + 64]");
    information("XSAVES", INFO_BASED, ADDRESS64 | DATA | INFO_NO_INDEX | BASE(3));
    exits("XRSTORS of supervisor state", R_XRSTORS, 0, "xrstors [rbx]");
    guest.ax = 1;
    completes("XSAVES of other state", "xsaves [rbx]");
    guest.ax = XSS_HDC;
    vmwrite(XSS_EXITING_BITMAP, ~(u64)XSS_HDC);
    wrmsr(PM_CTL1, 0);
    completes("XSAVES of supervisor state that isn't in the bitmap", "xsaves [rbx]");
    u64 *area = (u64 *)page;
    check_equal("XSTATE_BV", area[64], XSS_HDC);
    check_equal("XCOMP_BV", area[65], 1ull << 63 | XSS_HDC);
    check_equal("the component", area[72], 0);
    wrmsr(PM_CTL1, 1);
    completes("XSAVES of its initial configuration", "xsaves [rbx]");
    check_equal("XSTATE_BV then", area[64], 0);
    area[64] = XSS_HDC;
    completes("XRSTORS", "xrstors [rbx]");
    check_equal("XRSTORS has loaded it", rdmsr(PM_CTL1), 0);
    area[64] = 0;
    completes("XRSTORS of what isn't there", "xrstors [rbx]");
    check_equal("XRSTORS has initialized it", rdmsr(PM_CTL1), 1);
    area[64] = XSS_HDC;
    area[72] = 2;
    excepts("XRSTORS of a reserved bit", GP, 0, "xrstors [rbx]");
    vmwrite(XSS_EXITING_BITMAP, -1);
    wrmsr(XSS, 0);
    completes("XSAVES with nothing in IA32_XSS", "xsaves [rbx]");
    wrmsr(PM_CTL1, old);
}

static void extended_state(void)
{
    guest_reset();
    excepts("XSETBV without CR4.OSXSAVE", UD, 0, "xsetbv");
    if (!(cpuid(1, 0).c & 1 << 26)) {
        skip("XSETBV", "not in CPUID");
        return;
    }
    vmwrite(GUEST_CR4, vmread(GUEST_CR4) | CR4_OSXSAVE);
    exits("XSETBV", R_XSETBV, 0, "xsetbv");
    completes("XGETBV", "xor ecx, ecx\nxgetbv");
    if (!need(ENABLE_XSAVES, "XSAVES"))
        return;
    guest.bx = (u64)page;
    excepts("XSAVES without its control", UD, 0, "xsaves [rbx]");
    excepts("XRSTORS without its control", UD, 0, "xrstors [rbx]");
    on(ENABLE_XSAVES);
    vmwrite(XSS_EXITING_BITMAP, -1);
    guest.ax = 1;
    completes("XSAVES and XRSTORS of no supervisor state", "xsaves [rbx]\nxrstors [rbx]");
    supervisor_state();
}

/* --- control and debug registers --- */

enum { MOV_TO = 0, MOV_FROM = 1 << 4, CLTS = 2 << 4, LMSW = 3 << 4 };
#define GENERAL(r) ((r) << 8)

static void cr0(void)
{
    guest_reset();
    completes("MOV to CR0 of bits the guest owns", "mov rax, cr0\nxor eax, 8\nmov cr0, rax");
    check_equal("it changes them", (vmread(GUEST_CR0) ^ read_cr0()) & 0xffffffff, CR0_TS);
    excepts("MOV to CR0 without NE", GP, 0, "mov rax, cr0\nand eax, 0xffffffdf\n7: mov cr0, rax");
    guest_reset();
    vmwrite(CR0_GUEST_HOST_MASK, CR0_TS | CR0_MP | CR0_PE);
    vmwrite(CR0_READ_SHADOW, CR0_TS);
    vmwrite(GUEST_CR0, read_cr0() | CR0_MP);
    completes("MOV from CR0", "mov rdx, cr0");
    check_equal("it shows the read shadow", guest.dx & (CR0_PE | CR0_MP | CR0_TS | CR0_PG), CR0_TS | CR0_PG);
    completes("SMSW", "smsw edx");
    check_equal("it shows the read shadow, too", guest.dx & (CR0_PE | CR0_MP | CR0_TS), CR0_TS);
    completes("MOV to CR0 of what is in the shadow", "mov rax, cr0\nmov cr0, rax");
    check_equal("it changes nothing", vmread(GUEST_CR0) & (CR0_PE | CR0_MP | CR0_TS), CR0_PE | CR0_MP);
    exits("MOV to CR0", R_CONTROL_REGISTER_ACCESS, MOV_TO | GENERAL(9), "mov r9, cr0\nxor r9, 2\n7: mov cr0, r9");
    exits("CLTS with TS in mask and shadow", R_CONTROL_REGISTER_ACCESS, CLTS, "clts");
    vmwrite(CR0_READ_SHADOW, 0);
    vmwrite(GUEST_CR0, read_cr0() | CR0_TS);
    completes("CLTS with TS in the mask only", "clts");
    check_equal("it leaves TS", vmread(GUEST_CR0) & CR0_TS, CR0_TS);
    guest.ax = 0xabc0 | CR0_TS;
    exits("LMSW ax", R_CONTROL_REGISTER_ACCESS, LMSW | 0xabc8u << 16, "lmsw ax");
    *(u16 *)page = CR0_PE;
    guest.bx = (u64)page;
    exits("LMSW of memory", R_CONTROL_REGISTER_ACCESS, LMSW | 1 << 6 | 1 << 16, "lmsw [rbx]");
    check_equal("LMSW of memory: linear address", vmread(GUEST_LINEAR_ADDRESS), (u64)page);
    vmwrite(CR0_READ_SHADOW, CR0_PE);
    guest.ax = 0;
    completes("LMSW can't clear PE", "lmsw ax");
    vmwrite(CR0_GUEST_HOST_MASK, 0);
    completes("CLTS without TS in the mask", "clts");
    check_equal("it clears TS", vmread(GUEST_CR0) & CR0_TS, 0);
}

static void cr3_and_cr4(void)
{
    guest_reset();
    completes("MOV CR3 without controls", "mov rax, cr3\nmov cr3, rax");
    on(CR3_STORE_EXITING);
    exits("MOV from CR3", R_CONTROL_REGISTER_ACCESS, 3 | MOV_FROM | GENERAL(11), "mov r11, cr3");
    off(CR3_STORE_EXITING);
    on(CR3_LOAD_EXITING);
    exits("MOV to CR3", R_CONTROL_REGISTER_ACCESS, 3 | MOV_TO | GENERAL(1), "mov rcx, cr3\n7: mov cr3, rcx");
    if ((rdmsr(VMX_MISC) >> 16 & 0x1ff) >= 2) {
        vmwrite(CR3_TARGET_VALUE_0, 0x1000);
        vmwrite(CR3_TARGET_VALUE_1, read_cr3());
        vmwrite(CR3_TARGET_COUNT, 2);
        completes("MOV to CR3 of a target value", "mov rcx, cr3\nmov cr3, rcx");
        vmwrite(CR3_TARGET_COUNT, 1);
        exits("MOV to CR3 of a target beyond the count", R_CONTROL_REGISTER_ACCESS, 3 | GENERAL(1),
            "mov rcx, cr3\n7: mov cr3, rcx");
    } else {
        skip("CR3 targets", "fewer than two");
    }
    completes("MOV CR2", "mov rax, cr2\nmov cr2, rax");
    guest_reset();
    on(CR8_STORE_EXITING);
    exits("MOV from CR8", R_CONTROL_REGISTER_ACCESS, 8 | MOV_FROM | GENERAL(2), "mov rdx, cr8");
    on(CR8_LOAD_EXITING);
    exits("MOV to CR8", R_CONTROL_REGISTER_ACCESS, 8 | MOV_TO | GENERAL(15), "mov cr8, r15");
    guest_reset();
    vmwrite(CR4_GUEST_HOST_MASK, CR4_VMXE | CR4_PGE);
    vmwrite(CR4_READ_SHADOW, CR4_PGE);
    completes("MOV from CR4", "mov rdx, cr4");
    check_equal("CR4 shows the read shadow", guest.dx & (CR4_VMXE | CR4_PGE | CR4_PAE), CR4_PGE | CR4_PAE);
    completes("MOV to CR4 of bits the guest owns", "mov rax, cr4\nxor eax, 0x100\nmov cr4, rax");
    check_equal("they change", (vmread(GUEST_CR4) ^ read_cr4()), CR4_PCE);
    exits("MOV to CR4", R_CONTROL_REGISTER_ACCESS, 4 | GENERAL(0), "mov rax, cr4\nxor eax, 0x2000\n7: mov cr4, rax");
    vmwrite(CR4_GUEST_HOST_MASK, 0);
    excepts("MOV to CR4 without VMXE", GP, 0, "mov rax, cr4\nand eax, 0xffffdfff\n7: mov cr4, rax");
    excepts("MOV to CR4 without PAE", GP, 0, "mov rax, cr4\nand eax, 0xffffffdf\n7: mov cr4, rax");
    excepts("MOV to a reserved bit of CR4", GP, 0, "mov rax, cr4\nbts rax, 40\n7: mov cr4, rax");
}

static void debug_registers(void)
{
    guest_reset();
    completes("MOV DR without its control", "mov rax, dr6\nmov dr6, rax");
    on(MOV_DR_EXITING);
    exits("MOV to DR7", R_MOV_DR, 7 | GENERAL(12), "mov dr7, r12");
    exits("MOV from DR6", R_MOV_DR, 6 | 1 << 4 | GENERAL(3), "mov rbx, dr6");
    vmwrite(GUEST_CR4, read_cr4() | CR4_DE);
    exits("MOV from DR4 with CR4.DE", R_MOV_DR, 4 | 1 << 4, "mov rax, dr4");
}

/* --- ports --- */

#define PORT(port) ((port) << 16)
enum { IN = 8, STRING = 16, REP = 32, IMMEDIATE = 64 };

static void all_ports(void)
{
    guest_reset();
    on(UNCONDITIONAL_IO_EXITING);
    guest.dx = 0x1234;
    exits("IN al, dx", R_IO_INSTRUCTION, PORT(0x1234) | IN, "in al, dx");
    exits("OUT dx, ax", R_IO_INSTRUCTION, PORT(0x1234) | 1, "out dx, ax");
    exits("IN eax, imm", R_IO_INSTRUCTION, PORT(0x80) | IMMEDIATE | IN | 3, "in eax, 0x80");
    exits("OUT imm, al", R_IO_INSTRUCTION, PORT(0xffu) | IMMEDIATE, "out 0xff, al");
    guest.si = (u64)page + 0x10;
    guest.di = (u64)page + 0x20;
    guest.cx = 3;
    exits("OUTSB", R_IO_INSTRUCTION, PORT(0x1234) | STRING, "outsb");
    check_equal("OUTSB: linear address", vmread(GUEST_LINEAR_ADDRESS), (u64)page + 0x10);
    information("OUTSB", INFO_ADDRESS_SIZE | INFO_SEGMENT, ADDRESS64 | DATA);
    exits("REP INSD", R_IO_INSTRUCTION, PORT(0x1234) | STRING | REP | IN | 3, "rep insd");
    check_equal("REP INSD: linear address", vmread(GUEST_LINEAR_ADDRESS), (u64)page + 0x20);
    information("REP INSD", INFO_ADDRESS_SIZE, ADDRESS64);
    check_equal("REP INSD: RCX", guest.cx, 3);
    vmwrite(GUEST_FS_BASE, 0x100000000000);
    exits("REP OUTSW fs:[esi]", R_IO_INSTRUCTION, PORT(0x1234) | STRING | REP | 1, ".byte 0x64, 0x67\nrep outsw");
    check_equal("REP OUTSW fs:[esi]: linear address", vmread(GUEST_LINEAR_ADDRESS), 0x100000000000 + (u64)page + 0x10);
    information("REP OUTSW fs:[esi]", INFO_ADDRESS_SIZE | INFO_SEGMENT, ADDRESS32 | FS);
}

static void some_ports(void)
{
    u8 *low = alloc_page(), *high = alloc_page();
    guest_reset();
    on(USE_IO_BITMAPS);
    on(UNCONDITIONAL_IO_EXITING);
    vmwrite(IO_BITMAP_A, (u64)low);
    vmwrite(IO_BITMAP_B, (u64)high);
    completes("a port not in the bitmap", "out 0x80, al");
    low[0x80 / 8] = 1;
    exits("a port in the bitmap", R_IO_INSTRUCTION, PORT(0x80) | IMMEDIATE, "out 0x80, al");
    exits("a wide access that touches it", R_IO_INSTRUCTION, PORT(0x7d) | IMMEDIATE | IN | 3, "in eax, 0x7d");
    completes("a narrower one that doesn't", "in ax, 0x7e");
    high[0] = 1;
    guest.dx = 0x8000;
    exits("a port in bitmap B", R_IO_INSTRUCTION, PORT(0x8000u) | IN, "in al, dx");
    guest.dx = 0x7fff;
    completes("the last port of bitmap A", "in al, dx");
    exits("an access across both bitmaps", R_IO_INSTRUCTION, PORT(0x7fff) | IN | 1, "in ax, dx");
    guest.dx = 0xffff;
    exits("an access that wraps around", R_IO_INSTRUCTION, PORT(0xffffu) | IN | 1, "in ax, dx");
    high[4095] = 0x80;
    exits("the last port", R_IO_INSTRUCTION, PORT(0xffffu) | IN, "in al, dx");
}

/* --- MSRs and the TSC --- */

#define KERNEL_GS_BASE 0xc0000102
#define SYSENTER_CS 0x174

static void msrs(void)
{
    u8 *bitmap = alloc_page();
    guest_reset();
    guest.cx = SYSENTER_CS;
    exits("RDMSR without bitmaps", R_RDMSR, 0, "rdmsr");
    exits("WRMSR without bitmaps", R_WRMSR, 0, "wrmsr");
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    completes("RDMSR of a low MSR not in the bitmap", "rdmsr");
    completes("WRMSR of a low MSR not in the bitmap", "rdmsr\nwrmsr");
    bitmap[SYSENTER_CS / 8] = 1 << SYSENTER_CS % 8;
    exits("RDMSR of a low MSR", R_RDMSR, 0, "rdmsr");
    guest.ax = guest.dx = 0;
    completes("it has its own bit for WRMSR", "wrmsr");
    bitmap[2048 + SYSENTER_CS / 8] = 1 << SYSENTER_CS % 8;
    exits("WRMSR of a low MSR", R_WRMSR, 0, "wrmsr");
    guest.cx = KERNEL_GS_BASE;
    completes("a high MSR not in the bitmap", "rdmsr\nwrmsr");
    bitmap[1024 + 0x102 / 8] = 4;
    exits("RDMSR of a high MSR", R_RDMSR, 0, "rdmsr");
    bitmap[3072 + 0x102 / 8] = 4;
    exits("WRMSR of a high MSR", R_WRMSR, 0, "wrmsr");
    guest.cx = 0x2000;
    exits("RDMSR beyond the low range", R_RDMSR, 0, "rdmsr");
    guest.cx = 0xc0002000;
    exits("WRMSR beyond the high range", R_WRMSR, 0, "wrmsr");
    memset(bitmap, 0, 4096);
    guest.cx = 0x1ffe;
    excepts("RDMSR of an unknown MSR", GP, 0, "rdmsr");
}

static bool offset_by(u64 offset, const struct snippet *code)
{
    u64 before = rdtsc();
    guest_run(code);
    u64 seen = (guest.dx << 32 | guest.ax) - offset;
    return seen >= before && seen <= rdtsc();
}

static void time(void)
{
    const u64 offset = 0x123456789abc;
    u8 *bitmap = alloc_page();
    guest_reset();
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    vmwrite(TSC_OFFSET, offset);
    guest.cx = 0x10;
    check("RDTSC without an offset", offset_by(0, GUEST("rdtsc")));
    on(USE_TSC_OFFSETTING);
    check("RDTSC with an offset", offset_by(offset, GUEST("rdtsc")));
    check("RDMSR of the TSC with an offset", offset_by(offset, GUEST("rdmsr")));
    if (need(ENABLE_RDTSCP, "RDTSCP")) {
        off(ENABLE_RDTSCP);
        excepts("RDTSCP without its control", UD, 0, "rdtscp");
        on(ENABLE_RDTSCP);
        check("RDTSCP with an offset", offset_by(offset, GUEST("rdtscp")));
        on(RDTSC_EXITING);
        exits("RDTSCP", R_RDTSCP, 0, "rdtscp");
        off(RDTSC_EXITING);
    }
    if (need(USE_TSC_SCALING, "TSC scaling")) {
        on(USE_TSC_SCALING);
        vmwrite(TSC_MULTIPLIER, 3ull << 48);
        vmwrite(TSC_OFFSET, 1000);
        u64 before = 3 * rdtsc() + 1000;
        guest_run(GUEST("rdtsc"));
        u64 seen = guest.dx << 32 | guest.ax;
        check("RDTSC with a multiplier", seen >= before && seen <= 3 * rdtsc() + 1000);
    }
}

/* --- speculation control --- */

static void speculation(void)
{
    if (!need(VIRTUALIZE_SPEC_CTRL, "virtual IA32_SPEC_CTRL"))
        return;
    u8 *bitmap = alloc_page();
    guest_reset();
    on(USE_MSR_BITMAPS);
    vmwrite(MSR_BITMAPS, (u64)bitmap);
    on(VIRTUALIZE_SPEC_CTRL);
    wrmsr(SPEC_CTRL, 1);
    vmwrite(SPEC_CTRL_MASK, 1);
    vmwrite(SPEC_CTRL_SHADOW, 0x1234567800000002);
    guest.cx = SPEC_CTRL;
    completes("RDMSR of IA32_SPEC_CTRL", "rdmsr");
    check_equal("it reads the shadow", guest.dx << 32 | guest.ax, 0x1234567800000002);
    guest.dx = 0;
    guest.ax = 4;
    completes("WRMSR to IA32_SPEC_CTRL", "wrmsr");
    check_equal("it leaves the bits in the mask", rdmsr(SPEC_CTRL), 5);
    check_equal("it writes the shadow", vmread(SPEC_CTRL_SHADOW), 4);
    guest.dx = 1;
    excepts("WRMSR of reserved bits to IA32_SPEC_CTRL", GP, 0, "wrmsr");
    check_equal("it doesn't write the shadow", vmread(SPEC_CTRL_SHADOW), 4);
    vmwrite(SPEC_CTRL_MASK, -1);
    completes("WRMSR of reserved bits in the mask", "wrmsr");
    check_equal("the shadow has them", vmread(SPEC_CTRL_SHADOW), 0x100000004);
    bitmap[SPEC_CTRL / 8] = 1;
    exits("the MSR bitmap comes before the shadow", R_RDMSR, 0, "rdmsr");
    wrmsr(SPEC_CTRL, 0);
}

/* --- descriptor tables --- */

static void descriptor_tables(void)
{
    if (!need(DESCRIPTOR_TABLE_EXITING, "descriptor-table exiting"))
        return;
    guest_reset();
    guest.bx = (u64)page;
    completes("descriptor tables without the control", "sgdt [rbx]\nlgdt [rbx]\nsldt ax\nlldt ax\nstr ecx");
    on(DESCRIPTOR_TABLE_EXITING);
    const u32 based = INFO_BASED | INFO_IDENTITY, based_rbx = ADDRESS64 | DATA | INFO_NO_INDEX | BASE(3);
    exits("SGDT", R_GDTR_IDTR_ACCESS, 0, "sgdt [rbx]");
    information("SGDT", based, based_rbx | 0u << 28);
    exits("SIDT", R_GDTR_IDTR_ACCESS, 4, "sidt [rbx + 4]");
    information("SIDT", based, based_rbx | 1u << 28);
    exits("LGDT", R_GDTR_IDTR_ACCESS, -4ull, "lgdt [rbx - 4]");
    information("LGDT", based, based_rbx | 2u << 28);
    exits("LIDT", R_GDTR_IDTR_ACCESS, 0, "lidt [rbx]");
    information("LIDT", based, based_rbx | 3u << 28);
    const u32 in_register = INFO_REGISTER1 | INFO_IS_REGISTER | INFO_IDENTITY;
    exits("SLDT", R_LDTR_TR_ACCESS, 0, "sldt esi");
    information("SLDT", in_register, REGISTER1(6) | INFO_IS_REGISTER | 0u << 28);
    exits("STR", R_LDTR_TR_ACCESS, 0, "str r10d");
    information("STR", in_register, REGISTER1(10) | INFO_IS_REGISTER | 1u << 28);
    exits("LLDT", R_LDTR_TR_ACCESS, 0, "lldt ax");
    information("LLDT", in_register, INFO_IS_REGISTER | 2u << 28);
    exits("LTR of memory", R_LDTR_TR_ACCESS, 0, "ltr [rbx]");
    information("LTR of memory", based, based_rbx | 3u << 28);
}

void program(void)
{
    if (!vmx_begin())
        return;
    page = alloc_page();
    unconditional();
    operands();
    priorities();
    simple();
    monitor_and_wait();
    bus_locks();
    safer_mode();
    random();
    pause_loops();
    invalidations();
    extended_state();
    cr0();
    cr3_and_cr4();
    debug_registers();
    all_ports();
    some_ports();
    msrs();
    time();
    speculation();
    descriptor_tables();
    vmx_end();
}
