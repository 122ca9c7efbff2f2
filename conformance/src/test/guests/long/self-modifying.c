/* Code that is written while it runs: SDM Vol. 3, "Handling Self- and Cross-Modifying Code". */
#include "guest.h"

static u8 *area; /* 16 pages */
static const u8 load_return[] = {0xb8, 0, 0, 0, 0, 0xc3}; /* MOV EAX, imm32; RET */

static u32 call(u8 *at)
{
    return ((u32(*)(void))at)();
}

static void put(u8 *at, u32 value)
{
    memcpy(at, load_return, sizeof load_return);
    *(volatile u32 *)(at + 1) = value;
}

static void same_page(void)
{
    put(area, 1);
    check_equal("first", call(area), 1);
    for (u32 i = 2; i < 200; i++) {
        *(volatile u32 *)(area + 1) = i;
        if (call(area) != i) {
            check_equal("written immediate", call(area), i);
            return;
        }
    }
    check("200 writes to an immediate", true);
    for (u32 offset = 0; offset < 4096 - 6; offset += 61) {
        put(area + offset, offset);
        if (call(area + offset) != offset)
            check_equal(named("code at %d", offset), call(area + offset), offset);
    }
    check("code written over code", true);
    /* Data beside code. */
    put(area, 7);
    volatile u32 *beside = (volatile u32 *)(area + 64);
    for (u32 i = 0; i < 1000; i++)
        *beside = *beside + call(area);
    check_equal("data in a page of code", *beside >= 7000, true);
}

/* The next instruction is overwritten by the one before. */
static void next_instruction(void)
{
    struct context *c = kernel();
    runs(c, "a store to the next instruction",
        "lea rbx, [1f + rip]\nxor ecx, ecx\nmov dword ptr [rbx + 1], 0x12345678\n1: mov eax, 0\nnop");
    check_equal("the new immediate is used", c->ax, 0x12345678);
    c = kernel();
    runs(c, "a store that turns the next instruction into another",
        "lea rbx, [1f + rip]\nmov eax, 5\nmov word ptr [rbx], 0xc0ff\n1: ud2");
    check_equal("INC EAX instead of UD2", c->ax, 6);
    c = kernel();
    runs(c, "a loop that rewrites itself",
        "lea rbx, [1f + rip]\nmov ecx, 10\nxor eax, eax\n1: add eax, 1\nadd byte ptr [rbx + 2], 1\ndec ecx\njnz 1b");
    check_equal("sum of 1 to 10", c->ax, 55);
    c = kernel();
    runs(c, "REP STOSB over what follows",
        "lea rdi, [1f + rip]\nmov ecx, 4\nmov al, 0x90\nrep stosb\n1: ud2\nud2\nmov edx, 3");
    check_equal("NOPs instead of UD2", c->dx, 3);
    c = kernel();
    runs(c, "a locked store to the next instruction",
        "lea rbx, [1f + rip]\nmov ecx, 0x90909090\nlock xchg [rbx], ecx\n1: ud2\nud2\nmov edx, 4");
    check_equal("NOPs by XCHG", c->dx, 4);
    c = kernel();
    runs(c, "PUSH onto the next instruction",
        "mov rsi, rsp\nlea rsp, [1f + rip + 8]\nmov rax, 0x9090909090909090\npush rax\n1: ud2\nud2\nud2\nud2\nmov rsp, rsi\nmov edx, 5");
    check_equal("NOPs by PUSH", c->dx, 5);
    c = kernel();
    runs(c, "SSE store to the next instruction",
        "lea rbx, [1f + rip]\nmov rax, 0x9090909090909090\nmovq xmm0, rax\npunpcklqdq xmm0, xmm0\nmovups [rbx], xmm0\n1: .rept 8\nud2\n.endr\nmov edx, 6");
    check_equal("NOPs by MOVUPS", c->dx, 6);
}

static void pages(void)
{
    /* Code in one page writes another. */
    u8 *other = area + 8192;
    put(other, 1);
    call(other);
    u32 wrong = 0;
    for (u32 i = 0; i < 100; i++) {
        *(volatile u32 *)(other + 1) = i;
        wrong += call(other) != i;
    }
    check_equal("code in another page", wrong, 0);
    /* An instruction across two pages, written in each half. */
    u8 *across = area + 4096 - 3;
    put(across, 0x11223344);
    check_equal("across pages", call(across), 0x11223344);
    area[4096] = 0xaa;
    check_equal("across pages, second half written", call(across), 0x11aa3344);
    area[4095] = 0xbb;
    check_equal("across pages, first half written", call(across), 0x11aabb44);
    /* Through another linear address. */
    u64 linear = 0x8000000000ull;
    map_page(base_tables, linear, (u64)(area + 12288) | PTE_P | PTE_W, 1);
    put(area + 12288, 1);
    check_equal("before", call(area + 12288), 1);
    *(volatile u32 *)(linear + 1) = 2;
    check_equal("written through another address", call(area + 12288), 2);
    check_equal("run through another address", call((u8 *)linear), 2);
    *(volatile u32 *)(area + 12288 + 1) = 3;
    check_equal("run through another address, written through the first", call((u8 *)linear), 3);
    /* The translation changes under the code. */
    put(area + 16384, 4);
    *table_entry(base_tables, linear, 1) = (u64)(area + 16384) | PTE_P | PTE_W;
    invlpg((void *)linear);
    check_equal("another frame at the same address", call((u8 *)linear), 4);
    *table_entry(base_tables, linear, 1) = (u64)(area + 12288) | PTE_P | PTE_W;
    invlpg((void *)linear);
    check_equal("and back", call((u8 *)linear), 3);
}

/* Code that is first data, then code, then data. */
static void life_of_a_page(void)
{
    u8 *page = area + 5 * 4096;
    for (u32 round = 0; round < 20; round++) {
        memset(page, round, 4096);
        for (u32 i = 0; i < 16; i++)
            put(page + 256 * i, round * 100 + i);
        for (u32 i = 0; i < 16; i++)
            if (call(page + 256 * i) != round * 100 + i)
                check_equal("round", call(page + 256 * i), round * 100 + i);
    }
    check("a page reused 20 times", true);
    /* The same bytes in two modes. */
    static const u8 bytes[] = {0x48, 0xcd, 0x30}; /* 64 bits: REX.W INT; 32 bits: DEC EAX, INT */
    memcpy(page, bytes, sizeof bytes);
    struct context *c = kernel();
    c->ax = 5;
    c->ip = (u64)page;
    run(c);
    check_equal("64-bit meaning", c->ax, 5);
    c = kernel32();
    c->ax = 5;
    c->ip = (u64)page;
    run(c);
    check_equal("32-bit meaning of the same bytes", c->ax, 4);
}

void program(void)
{
    area = alloc_pages(16);
    same_page();
    next_instruction();
    pages();
    life_of_a_page();
}
