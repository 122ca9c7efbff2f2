/* CPUID, MSRs, XCR0 and instructions that features govern: SDM Vol. 2, and Vol. 4 for the MSRs. */
#include "guest.h"

static u8 *page;

static void msr_takes(const char *name, u32 msr, u64 value, bool ok)
{
    struct context *c = kernel();
    c->cx = msr;
    c->ax = (u32)value;
    c->dx = value >> 32;
    if (ok)
        runs(c, named("%s takes %llx", name, value), "wrmsr\nrdmsr");
    else
        faults(c, named("%s refuses %llx", name, value), GP, 0, "wrmsr");
    if (ok)
        check_equal(named("%s reads back %llx", name, value), c->dx << 32 | c->ax, value);
}

static void msrs(void)
{
    struct context *c = kernel();
    c->cx = 0x12345678;
    faults(c, "RDMSR of an unknown MSR", GP, 0, "rdmsr");
    c = kernel();
    c->cx = 0x12345678;
    faults(c, "WRMSR of an unknown MSR", GP, 0, "wrmsr");
    faults(user(), "RDMSR at CPL 3", GP, 0, "rdmsr");
    faults(user(), "WRMSR at CPL 3", GP, 0, "wrmsr");
    c = kernel();
    c->cx = 0xffffffff00000000ull + EFER;
    c->ax = c->dx = -1ull;
    runs(c, "RDMSR looks at ECX and clears the upper halves", "rdmsr");
    check_equal("RDMSR clears upper RAX", c->ax >> 32, 0);
    check_equal("RDMSR clears upper RDX", c->dx >> 32, 0);
    /* PAT */
    u64 pat = rdmsr(0x277);
    check_equal("PAT as reset leaves it", pat, 0x0007040600070406ull);
    for (unsigned type = 0; type < 8; type++)
        msr_takes("PAT", 0x277, (pat & ~0xffull) | type, type != 2 && type != 3);
    msr_takes("PAT", 0x277, pat | 8ull << 56, false);
    wrmsr(0x277, pat);
    /* MTRRs */
    u64 cap = rdmsr(0xfe);
    check("MTRRCAP has variable ranges", (cap & 0xff) >= 2);
    c = kernel();
    c->cx = 0xfe;
    faults(c, "MTRRCAP is read-only", GP, 0, "wrmsr");
    u64 type = rdmsr(0x2ff);
    for (unsigned t = 0; t < 8; t++)
        msr_takes("MTRR_DEF_TYPE", 0x2ff, 0xc00 | t, t != 2 && t != 3 && t != 7);
    msr_takes("MTRR_DEF_TYPE", 0x2ff, 0x1000 | 6, false);
    msr_takes("MTRR_DEF_TYPE", 0x2ff, 0x106, false);
    wrmsr(0x2ff, type);
    u64 base = rdmsr(0x200), mask = rdmsr(0x201);
    msr_takes("MTRR_PHYSBASE0", 0x200, 0x80000006, true);
    msr_takes("MTRR_PHYSBASE0", 0x200, 0x80000002, false);
    msr_takes("MTRR_PHYSBASE0", 0x200, 0x80000106, false);
    msr_takes("MTRR_PHYSBASE0", 0x200, 1ull << 60, false);
    msr_takes("MTRR_PHYSMASK0", 0x201, 0xf80000800, true);
    msr_takes("MTRR_PHYSMASK0", 0x201, 0xf80000400, false);
    wrmsr(0x200, base);
    wrmsr(0x201, mask);
    u64 fixed = rdmsr(0x250);
    msr_takes("MTRR_FIX64K", 0x250, 0x0606060606060606ull, true);
    msr_takes("MTRR_FIX64K", 0x250, 0x0606060606060602ull, false);
    wrmsr(0x250, fixed);
    /* EFER */
    msr_takes("EFER", EFER, rdmsr(EFER) | 1ull << 32, false);
    msr_takes("EFER", EFER, rdmsr(EFER) | 2, false);
    /* APIC base */
    u64 apic = rdmsr(APIC_BASE_MSR);
    check_equal("APIC base as reset leaves it", apic & ~0xd00ull, 0xfee00000);
    check_equal("APIC is enabled", apic & 0x800, 0x800);
    check_equal("this is the bootstrap processor", apic & 0x100, 0x100);
    msr_takes("APIC_BASE", APIC_BASE_MSR, apic | 0x200, false);
    msr_takes("APIC_BASE", APIC_BASE_MSR, apic | 1, false);
    msr_takes("APIC_BASE", APIC_BASE_MSR, apic | 1ull << 60, false);
    /* MISC_ENABLE exists and keeps its read-only bits; FEATURE_CONTROL locks. */
    if (cpuid(1, 0).c & 1 << 5) {
        u64 control = rdmsr(0x3a);
        if (!(control & 1))
            wrmsr(0x3a, control | 1);
        c = kernel();
        c->cx = 0x3a;
        c->ax = 1;
        c->dx = 0;
        faults(c, "FEATURE_CONTROL is locked", GP, 0, "wrmsr");
        c = kernel();
        c->cx = 0x480;
        faults(c, "VMX_BASIC is read-only", GP, 0, "wrmsr");
    } else {
        c = kernel();
        c->cx = 0x480;
        faults(c, "VMX_BASIC without VMX", GP, 0, "rdmsr");
    }
    msr_takes("SYSENTER_CS", 0x174, 0x10, true);
    wrmsr(0x174, 0);
    msr_takes("STAR", 0xc0000081, 0x0018000800000000ull, true);
    msr_takes("LSTAR", 0xc0000082, 0xffff800000001000ull, true);
    msr_takes("LSTAR", 0xc0000082, 0x0000800000000000ull, false);
    msr_takes("FS_BASE", 0xc0000100, 0xffff900000000000ull, true);
    msr_takes("FS_BASE", 0xc0000100, 0x8000000000000000ull, false);
    wrmsr(0xc0000100, 0);
}

static void time_stamps(void)
{
    u64 a = rdtsc(), b = rdtsc();
    check("the TSC counts", b > a);
    wrmsr(0x10, 0x100000000ull);
    u64 now = rdtsc();
    check("the TSC is written with 64 bits", now >= 0x100000000ull && now < 0x180000000ull);
    if (cpuid(7, 0).b & 2) {
        wrmsr(0x3b, 0);
        u64 before = rdtsc();
        wrmsr(0x3b, 0x5000000000ull);
        u64 after = rdtsc();
        check("TSC_ADJUST moves the TSC", after - before >= 0x5000000000ull && after - before < 0x5800000000ull);
        u64 adjust = rdmsr(0x3b);
        check_equal("TSC_ADJUST", adjust, 0x5000000000ull);
        u64 tsc = rdtsc();
        wrmsr(0x10, tsc + 0x1000000000ull);
        u64 moved = rdmsr(0x3b) - adjust;
        check("writing the TSC moves TSC_ADJUST", moved > 0xf00000000ull && moved <= 0x1000000000ull);
        wrmsr(0x3b, 0);
    } else {
        skip("TSC_ADJUST", "not in CPUID");
    }
    write_cr4(read_cr4() | CR4_TSD);
    faults(user(), "RDTSC with TSD", GP, 0, "rdtsc");
    if (cpuid(0x80000001, 0).d >> 27 & 1)
        faults(user(), "RDTSCP with TSD", GP, 0, "rdtscp");
    write_cr4(read_cr4() & ~CR4_TSD);
    if (cpuid(0x80000001, 0).d >> 27 & 1) {
        wrmsr(0xc0000103, 0x1234);
        struct context *c = user();
        c->cx = -1ull;
        runs(c, "RDTSCP", "rdtscp");
        check_equal("RDTSCP: TSC_AUX", c->cx, 0x1234);
        msr_takes("TSC_AUX", 0xc0000103, 1ull << 32, false);
    } else {
        skip("RDTSCP", "not in CPUID");
    }
}

static void identification(void)
{
    struct cpuid basic = cpuid(0, 0), extended = cpuid(0x80000000, 0);
    check("CPUID has leaf 7", basic.a >= 7);
    check("CPUID has leaf 80000008", extended.a >= 0x80000008);
    struct cpuid last = cpuid(basic.a, 0), after = cpuid(basic.a + 1, 0);
    check("beyond the last leaf CPUID shows the last", memcmp(&last, &after, sizeof last) == 0 || after.a + after.b + after.c + after.d == 0);
    u32 d = cpuid(1, 0).d;
    check_equal("FPU, PSE, TSC, MSR, PAE, CX8, APIC, PGE, CMOV, PAT, FXSR, SSE, SSE2", d & 0x0701a379, 0x0701a379);
    check("long mode, SYSCALL, NX", (cpuid(0x80000001, 0).d & 0x20100800) == 0x20100800);
    struct context *c = user();
    c->ax = 0xffffffff00000001ull;
    c->bx = c->cx = c->dx = -1ull;
    runs(c, "CPUID at CPL 3 clears upper halves", "cpuid");
    check_equal("CPUID upper halves", (c->ax | c->bx | c->cx | c->dx) >> 32, 0);
    check_equal("OSXSAVE follows CR4", cpuid(1, 0).c >> 27 & 1, 0);
    check_equal("initial APIC ID", cpuid(1, 0).b >> 24, apic_read(APIC_ID) >> 24);
}

static void extended_states(void)
{
    if (!(cpuid(1, 0).c >> 26 & 1)) {
        skip("XSAVE", "not in CPUID");
        return;
    }
    faults(user(), "XGETBV without OSXSAVE", UD, 0, "xor ecx, ecx\n7: xgetbv");
    faults(user(), "XSAVE without OSXSAVE", UD, 0, "xsave [rsp - 64]");
    faults(kernel(), "XSETBV without OSXSAVE", UD, 0, "xsetbv");
    write_cr4(read_cr4() | CR4_OSXSAVE);
    check_equal("OSXSAVE follows CR4", cpuid(1, 0).c >> 27 & 1, 1);
    struct context *c = user();
    runs(c, "XGETBV", "xor ecx, ecx\nxgetbv");
    check_equal("XCR0 at reset", c->ax, 1);
    c = user();
    faults(c, "XSETBV at CPL 3", GP, 0, "xor ecx, ecx\nxor edx, edx\nmov eax, 1\n7: xsetbv");
    static const struct { const char *name; u64 value; bool ok; } values[] = {
        {"without x87", 2, false}, {"nothing", 0, false}, {"x87", 1, true}, {"x87 and SSE", 3, true}, {"AVX without SSE", 5, false},
        {"a reserved bit", 1ull << 40 | 3, false}, {"bit 63", 1ull << 63 | 3, false},
    };
    for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
        c = kernel();
        c->ax = (u32)values[i].value;
        c->dx = values[i].value >> 32;
        c->cx = 0;
        if (values[i].ok)
            runs(c, named("XCR0 of %s", values[i].name), "xsetbv");
        else
            faults(c, named("XCR0 of %s", values[i].name), GP, 0, "xsetbv");
    }
    c = kernel();
    c->cx = 1;
    c->ax = 3;
    faults(c, "XCR1", GP, 0, "xsetbv");
    c = user();
    c->cx = 5;
    faults(c, "XGETBV of XCR5", GP, 0, "xgetbv");
    bool avx = cpuid(1, 0).c >> 28 & 1;
    u64 mask = cpuid(0xd, 0).a;
    check_equal("CPUID D names x87, SSE and AVX", mask & 7, avx ? 7 : 3);
    faults(user(), "VEX without XCR0.AVX", UD, 0, "vmovups ymm0, ymm1");
    if (avx) {
        asm volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
        runs(user(), "VEX with XCR0.AVX", "vmovups ymm0, ymm1\nvzeroall");
        struct cpuid ymm = cpuid(0xd, 2);
        check_equal("YMM state has 256 bytes", ymm.a, 256);
        check_equal("YMM state lies at 576", ymm.b, 576);
        check_equal("size for what is enabled", cpuid(0xd, 0).b, 832);
    }
    u8 *area = alloc_page();
    u64 a = (u64)area + USER_ALIAS;
    memset(area, 0xaa, 1024);
    memset(area + 512, 0, 64);
    c = user();
    c->bx = a;
    c->ax = 7;
    runs(c, "XSAVE", "fninit\nxorps xmm0, xmm0\nmov ecx, 0x1234\nmovd xmm3, ecx\nxor edx, edx\nxsave [rbx]");
    check_equal("XSAVE stores XMM3", *(u32 *)(area + 160 + 48), 0x1234);
    check_equal("XSAVE stores FCW", *(u16 *)area, 0x37f);
    check_equal("XSAVE sets XSTATE_BV of SSE", *(u64 *)(area + 512) & 2, 2);
    check_equal("XSAVE keeps the rest of the header", *(u64 *)(area + 528), 0);
    check_equal("XSAVE keeps the reserved tail of the legacy region", area[511], 0xaa);
    c = user();
    c->bx = a + 16;
    faults(c, "XSAVE misaligned", GP, 0, "xsave [rbx]");
    c = user();
    c->bx = a;
    c->ax = 7;
    runs(c, "XRSTOR", "xor edx, edx\nxorps xmm3, xmm3\nxrstor [rbx]\nmovd ecx, xmm3");
    check_equal("XRSTOR loads XMM3", c->cx, 0x1234);
    *(u64 *)(area + 512) = 0;
    c = user();
    c->bx = a;
    c->ax = 7;
    runs(c, "XRSTOR of initial state", "xor edx, edx\nxrstor [rbx]\nmovd ecx, xmm3");
    check_equal("XRSTOR initialises XMM3", c->cx, 0);
    *(u64 *)(area + 512) = 1ull << 20;
    c = user();
    c->bx = a;
    c->ax = 7;
    faults(c, "XRSTOR of XSTATE_BV beyond XCR0", GP, 0, "xor edx, edx\n7: xrstor [rbx]");
    *(u64 *)(area + 512) = 3;
    *(u64 *)(area + 528) = 1;
    c = user();
    c->bx = a;
    c->ax = 7;
    faults(c, "XRSTOR with a reserved header byte", GP, 0, "xor edx, edx\n7: xrstor [rbx]");
    *(u64 *)(area + 528) = 0;
    *(u32 *)(area + 24) = 0xffffffff;
    c = user();
    c->bx = a;
    c->ax = 7;
    faults(c, "XRSTOR with reserved MXCSR bits", GP, 0, "xor edx, edx\n7: xrstor [rbx]");
    *(u32 *)(area + 24) = 0x1f80;
    write_cr0(read_cr0() | CR0_TS);
    faults(user(), "XSAVE with TS", NM, 0, "xsave [rbx]");
    write_cr0(read_cr0() & ~CR0_TS);
    if (cpuid(0xd, 1).a & 1) {
        memset(area + 512, 0, 64);
        c = user();
        c->bx = a;
        c->ax = 7;
        runs(c, "XSAVEOPT", "xor edx, edx\nmov ecx, 0x77\nmovd xmm3, ecx\nxsaveopt [rbx]");
        check_equal("XSAVEOPT stores XMM3", *(u32 *)(area + 160 + 48), 0x77);
    } else {
        skip("XSAVEOPT", "not in CPUID");
    }
    if (cpuid(0xd, 1).a & 2) {
        memset(area, 0, 1024);
        c = user();
        c->bx = a;
        c->ax = 7;
        runs(c, "XSAVEC", "xor edx, edx\nmov ecx, 0x99\nmovd xmm3, ecx\nxsavec [rbx]");
        check_equal("XSAVEC stores XMM3", *(u32 *)(area + 160 + 48), 0x99);
        check_equal("XSAVEC writes the compacted format", *(u64 *)(area + 520) >> 63, 1);
        c = user();
        c->bx = a;
        c->ax = 7;
        runs(c, "XRSTOR of the compacted format", "xor edx, edx\nxorps xmm3, xmm3\nxrstor [rbx]\nmovd ecx, xmm3");
        check_equal("XRSTOR of the compacted format loads XMM3", c->cx, 0x99);
    } else {
        skip("XSAVEC", "not in CPUID");
    }
    if (cpuid(0xd, 1).a & 4) {
        c = user();
        c->ax = 7;
        c->cx = 1;
        runs(c, "XGETBV 1", "xgetbv");
        check_equal("XINUSE is within XCR0", c->ax & ~7ull, 0);
    } else {
        skip("XGETBV 1", "not in CPUID");
    }
    if (avx)
        asm volatile("xsetbv" : : "a"(3), "d"(0), "c"(0));
    write_cr4(read_cr4() & ~CR4_OSXSAVE);
}

static void umip(void)
{
    if (!(cpuid(7, 0).c & 4)) {
        faults(kernel(), "CR4.UMIP without UMIP", GP, 0, "mov rax, cr4\nbts rax, 11\n7: mov cr4, rax");
        return;
    }
    write_cr4(read_cr4() | CR4_UMIP);
    faults(user(), "UMIP: SGDT", GP, 0, "sgdt [rsp - 16]");
    faults(user(), "UMIP: SIDT", GP, 0, "sidt [rsp - 16]");
    faults(user(), "UMIP: SLDT", GP, 0, "sldt eax");
    faults(user(), "UMIP: STR", GP, 0, "str eax");
    faults(user(), "UMIP: SMSW", GP, 0, "smsw eax");
    runs(kernel(), "UMIP: SGDT at CPL 0", "sgdt [rsp - 16]\nsmsw eax");
    write_cr4(read_cr4() & ~CR4_UMIP);
    runs(user(), "without UMIP: SGDT", "sgdt [rsp - 16]\nsmsw eax");
}

static void feature_instructions(void)
{
    u64 a = (u64)page + USER_ALIAS;
    struct context *c;
    if (cpuid(1, 0).c & 8) {
        c = kernel();
        c->ax = (u64)page;
        runs(c, "MONITOR", "xor ecx, ecx\nxor edx, edx\nmonitor");
        faults(user(), "MONITOR at CPL 3", UD, 0, "xor ecx, ecx\n7: monitor");
        faults(user(), "MWAIT at CPL 3", UD, 0, "xor ecx, ecx\n7: mwait");
        c = kernel();
        c->ax = (u64)page;
        faults(c, "MONITOR with an unknown extension", GP, 0, "mov ecx, 1\n7: monitor");
        c = kernel();
        c->ax = 0x800000000000ull;
        faults(c, "MONITOR of a non-canonical address", GP, 0, "xor ecx, ecx\nxor edx, edx\n7: monitor");
        c = kernel();
        c->ax = 0x8000000000ull;
        faults(c, "MONITOR of a missing page", PF, 0, "xor ecx, ecx\nxor edx, edx\n7: monitor");
        /* The store after MONITOR means that MWAIT does not wait. */
        c = kernel();
        c->ax = (u64)page;
        runs(c, "MWAIT after a store falls through", "xor ecx, ecx\nxor edx, edx\nmonitor\nmov byte ptr [rax], 0x5a\nxor eax, eax\nmwait");
    } else {
        faults(kernel(), "MONITOR without its feature", UD, 0, ".byte 0x0f, 0x01, 0xc8");
    }
    c = user();
    c->bx = a;
    runs(c, "CLFLUSH, PREFETCH, fences", "clflush [rbx]\nprefetcht0 [rbx]\nlfence\nmfence\nsfence\npause");
    c = user();
    c->bx = 0x8000000000ull;
    faults(c, "CLFLUSH of a missing page", PF, PF_U, "clflush [rbx]");
    c = user();
    c->bx = 0x8000000000ull;
    runs(c, "PREFETCH of a missing page", "prefetcht0 [rbx]\nprefetchnta [rbx]");
    if (cpuid(7, 0).b >> 23 & 1) {
        c = user();
        c->bx = a;
        runs(c, "CLFLUSHOPT", "clflushopt [rbx]");
    } else {
        skip("CLFLUSHOPT", "not in CPUID");
    }
    if (cpuid(1, 0).c >> 30 & 1) {
        c = user();
        c->ax = c->cx = 0;
        c->flags |= OF_FLAG | SF | ZF | AF | PF_FLAG;
        runs(c, "RDRAND", "1: rdrand rax\njnc 1b\n2: rdrand rcx\njnc 2b");
        check("RDRAND gives different numbers", c->ax != c->cx);
        check_equal("RDRAND flags", c->flags & (CF | OF_FLAG | SF | ZF | AF | PF_FLAG), CF);
        faults(user(), "RDRAND of memory", UD, 0, ".byte 0x0f, 0xc7, 0x33, 0x90");
    } else {
        skip("RDRAND", "not in CPUID");
    }
    if (cpuid(7, 0).b >> 18 & 1) {
        c = user();
        runs(c, "RDSEED", "1: rdseed rax\njnc 1b\n2: rdseed rcx\njnc 2b");
        check("RDSEED gives different numbers", c->ax != c->cx);
    } else {
        skip("RDSEED", "not in CPUID");
    }
    faults(user(), "RDPMC of a counter without PCE", GP, 0, "mov ecx, 0\n7: rdpmc");
    if (cpuid(1, 0).c >> 5 & 1)
        faults(user(), "VMXON without CR4.VMXE", UD, 0, "vmxon [rsp]");
    faults(kernel(), "VMCALL outside VMX operation", UD, 0, "vmcall");
    faults(kernel(), "VMREAD outside VMX operation", UD, 0, "vmread rax, rbx");
    faults(kernel(), "GETSEC without SMXE", UD, 0, ".byte 0x0f, 0x37");
    faults(kernel(), "RSM outside SMM", UD, 0, "rsm");
    faults(user(), "SVM's VMRUN", UD, 0, ".byte 0x0f, 0x01, 0xd8");
    /* PSE etc. can't be had when CPUID says no. */
    c = kernel();
    const struct snippet *code = CODE("mov rax, cr4\nmov rcx, rax\nbts rax, 22\n7: mov cr4, rax\nmov cr4, rcx");
    if (cpuid(7, 0).c & 8)
        expect_end("CR4.PKE", c, code);
    else
        expect_fault("CR4.PKE without PKU", c, code, GP, 0);
    c = user();
    c->bx = a;
    runs(c, "CMPXCHG16B", "xor eax, eax\nxor edx, edx\nmov [rbx], rax\nmov [rbx + 8], rax\nmov ecx, 5\nxchg rbx, rcx\ncmpxchg16b [rcx]");
    check_equal("CMPXCHG16B stores", *(u64 *)page, 5);
}

void program(void)
{
    page = alloc_page();
    identification();
    msrs();
    time_stamps();
    extended_states();
    umip();
    feature_instructions();
}
