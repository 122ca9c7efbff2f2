/* A Service VM's device model: makes a virtual machine, emulates devices for it, ends it.
   @processors 4 */
#include "hypercall.h"

#define CALLBACK 0x52

/* What the guest has: flat 32-bit code and tables in one page, data and a stack in another. */
#define GUEST_CODE 0x10000
#define GUEST_DATA 0x11000
#define GUEST_TABLES 0x800
#define DEVICE 0xd0000000
#define MESSAGE_VECTOR 0x40
#define LINE_VECTOR 0x41
#define LINE 40

extern u8 guest_start[], guest_on_message[], guest_on_line[], guest_end[];
asm(".pushsection .data\n.balign 16\n.code32\n"
    "guest_start:\n"
    "mov esp, 0x12000\n"
    "mov dx, 0x1234\nmov al, 0x5a\nout dx, al\n"
    "mov eax, [0xd0000010]\nmov [0x11000], eax\n"
    "add dword ptr [0xd0000020], 5\n"
    "mov dx, 0xcfc\nin eax, dx\nmov [0x11004], eax\n"
    "mov edi, 0x11010\nmov ecx, 3\nmov dx, 0x300\nrep insb\n"
    "mov dword ptr [0xfee000f0], 0x1ff\n"
    "mov eax, [0xfee00020]\nmov [0x11018], eax\n"
    "mov dword ptr [0xfec00000], 1\nmov eax, [0xfec00010]\nmov [0x1101c], eax\n"
    "mov dword ptr [0xfec00000], 0x60\nmov dword ptr [0xfec00010], 0x41\n"
    "out 0x80, al\nsti\nhlt\ncli\n"
    "out 0x81, al\nsti\nhlt\ncli\n"
    "mov dword ptr [0x11020], 1\n"
    "7: inc dword ptr [0x11024]\njmp 7b\n"
    "guest_on_message: inc dword ptr [0x11008]\njmp 8f\n"
    "guest_on_line: inc dword ptr [0x1100c]\n"
    "8: mov dword ptr [0xfee000b0], 0\niretd\n"
    "guest_end:\n.code64\n.popsection");

static u8 *code, *data;
static struct request *slots;
static volatile u32 upcalls;
static u16 vm;

static bool on_upcall(struct frame *f)
{
    (void)f;
    upcalls++;
    apic_eoi();
    return true;
}

static long long change(u32 type, u32 attributes, u64 address, u64 from, u64 length)
{
    return change_memory(vm, type, attributes, address, from, length);
}

static void gate(u8 *table, u8 vector, u8 *handler)
{
    u32 address = GUEST_CODE + (u32)(handler - guest_start);
    u64 entry = (u64)(address >> 16) << 48 | 0x8e0000080000ull | (address & 0xffff);
    memcpy(table + 8 * vector, &entry, 8);
}

static void prepare_guest(void)
{
    code = alloc_page();
    data = alloc_page();
    slots = alloc_page();
    memcpy(code, guest_start, guest_end - guest_start);
    u64 *table = (u64 *)(code + GUEST_TABLES);
    table[1] = 0x00cf9b000000ffffull;
    table[2] = 0x00cf93000000ffffull;
    gate(code + GUEST_TABLES + 0x20, MESSAGE_VECTOR, guest_on_message);
    gate(code + GUEST_TABLES + 0x20, LINE_VECTOR, guest_on_line);
}

static long long set_registers(u64 cr0)
{
    static struct registers r;
    memset(&r, 0, sizeof r);
    r.gdt = (struct table){0x17, GUEST_CODE + GUEST_TABLES, {0}};
    r.idt = (struct table){0x42 * 8 - 1, GUEST_CODE + GUEST_TABLES + 0x20, {0}};
    r.rip = GUEST_CODE;
    r.cr0 = cr0;
    r.cs_rights = 0xc09b;
    r.cs_limit = 0xffffffff;
    r.cs = 8;
    r.ss = r.ds = r.es = r.fs = r.gs = 0x10;
    return hypercall(SET_REGISTERS, vm, (word)&r);
}

/* The next request of the guest, which has come with an interrupt. */
static bool next_request(const char *name, u32 type, u32 direction, u64 address, u64 size)
{
    u32 before = upcalls;
    for (u32 i = 0; i < 1000 && slots[0].state != PENDING; i++)
        sti_halt();
    check(named("%s: a request comes with an interrupt", name), slots[0].state == PENDING && upcalls > before);
    check_equal(named("%s: type", name), slots[0].type, type);
    check_equal(named("%s: direction", name), slots[0].direction, direction);
    check_equal(named("%s: address", name), slots[0].address, address);
    check_equal(named("%s: size", name), slots[0].size, size);
    slots[0].state = PROCESSING;
    return true;
}

static void answer(u64 value)
{
    slots[0].value = value;
    slots[0].state = COMPLETE;
    check_equal("finished", hypercall(NOTIFY, vm, 0), 0);
}

static void wait_guest(volatile u32 *word_of_guest, u32 least)
{
    for (u32 i = 0; i < 10000000 && *word_of_guest < least; i++)
        pause();
}

static void calls(void)
{
    static u32 version[2];
    check_equal("API version", hypercall(API_VERSION, (word)version, 0), 0);
    check_equal("major", version[0], 1);
    check_equal("minor", version[1], 0);
    check_equal("no such memory", hypercall(API_VERSION, NOWHERE, 0), FAULT);
    check_equal("at the end of the address space", hypercall(API_VERSION, ~0ull - 3, 0), FAULT);
    check_equal("no such call", hypercall(0x99, 0, 0), INVALID);
    check_equal("no such call, high bits", hypercall(0x100000000ull, (word)version, 0), INVALID);
    faults(user(), "only privileged code may call", GP, NO_ERROR, "vmcall");
    static u64 hardware;
    check_equal("hardware information", hypercall(HARDWARE, (word)&hardware, 0), 0);
    check_equal("processors", hardware, 4);
    check_equal("vectors of exceptions aren't for callbacks", hypercall(SET_CALLBACK, 0x1f, 0), INVALID);
    check_equal("vectors end", hypercall(SET_CALLBACK, 0x100, 0), INVALID);
    check_equal("callback vector", hypercall(SET_CALLBACK, CALLBACK, 0), 0);
    check_equal("nobody to start", hypercall(START, 1, 0), INVALID);
    check_equal("not the Service VM itself", hypercall(PAUSE, 0, 0), INVALID);
    u64 pair[2] = {(word)version, 0};
    check_equal("translation of its own address", hypercall(TRANSLATE, 0, (word)pair), 0);
    check_equal("is the same address", pair[1], (word)version);
    pair[0] = NOWHERE;
    check_equal("no translation", hypercall(TRANSLATE, 0, (word)pair), INVALID);
}

static void creation(void)
{
    struct creation made;
    static const u8 unknown[16] = {1, 2, 3};
    check_equal("a VM that the scenario doesn't have", create(&made, unknown, 0), INVALID);
    check_equal("its id", made.id, 0xffff);
    check_equal("the parameters are nowhere", hypercall(CREATE, NOWHERE, 0), FAULT);
    check_equal("a processor that the scenario doesn't give", create(&made, first_uuid, 2), INVALID);
    check_equal("a processor of the Service VM", create(&made, second_uuid, 0), BUSY);
    check_equal("it isn't made", made.id, 0xffff);
    check_equal("creation", create(&made, first_uuid, 0), 0);
    check_equal("its id counts from the Service VM", made.id, 1);
    check_equal("its vCPUs", made.vcpus, 2);
    vm = made.id;
    check_equal("only once", create(&made, first_uuid, 0), NOT_NOW);
    check_equal("a vCPU", hypercall(CREATE_VCPU, vm, 0), 0);
}

static void setup(void)
{
    check_equal("no start without a request buffer", hypercall(START, vm, 0), NOT_NOW);
    u64 buffer = NOWHERE;
    check_equal("buffer nowhere", hypercall(SET_BUFFER, vm, (word)&buffer), INVALID);
    buffer = (word)slots + 8;
    check_equal("buffer isn't a page", hypercall(SET_BUFFER, vm, (word)&buffer), INVALID);
    buffer = (word)slots;
    check_equal("buffer", hypercall(SET_BUFFER, vm, (word)&buffer), 0);
    check_equal("slots are free", slots[0].state, FREE);
    check_equal("slots are free to the last", slots[15].state, FREE);

    u32 full = RWX | WRITE_BACK;
    check_equal("unaligned memory", change(ADD, full, GUEST_CODE + 8, (word)code, 4096), INVALID);
    check_equal("unaligned length", change(ADD, full, GUEST_CODE, (word)code, 100), INVALID);
    check_equal("memory that isn't there", change(ADD, full, GUEST_CODE, NOWHERE, 4096), INVALID);
    check_equal("memory of the local APIC", change(ADD, full, GUEST_CODE, APIC_ADDRESS, 4096), INVALID);
    check_equal("memory of L0", change(ADD, full, GUEST_CODE, 148 << 20 /* the end of RAM */, 4096), INVALID);
    check_equal("unreadable memory", change(ADD, 2, GUEST_CODE, (word)code, 4096), INVALID);
    check_equal("more than there is", change(DELETE, 0, 0, 0, 1ull << 40), INVALID);
    check_equal("no such operation", change(7, full, GUEST_CODE, (word)code, 4096), INVALID);
    check_equal("code", change(ADD, full, GUEST_CODE, (word)code, 4096), 0);
    check_equal("data", change(ADD, full, GUEST_DATA, (word)data, 4096), 0);
    u64 pair[2] = {GUEST_DATA + 0x123, 0};
    check_equal("translation", hypercall(TRANSLATE, vm, (word)pair), 0);
    check_equal("is in the Service VM", pair[1], (word)data + 0x123);
    check_equal("memory goes", change(DELETE, 0, GUEST_DATA, 0, 4096), 0);
    check_equal("and isn't there", hypercall(TRANSLATE, vm, (word)pair), INVALID);
    check_equal("memory comes back", change(ADD, full, GUEST_DATA, (word)data, 4096), 0);

    check_equal("paging without protection", set_registers(CR0_PG), INVALID);
    check_equal("registers", set_registers(CR0_PE), 0);
    check_equal("devices of the board", hypercall(ASSIGN_PCI, vm, (word)pair), INVALID);
    check_equal("power states", hypercall(POWER_STATE, vm << 24, (word)pair), NOT_NOW);
    check_equal("no reset before a pause", hypercall(RESET, vm, 0), NOT_NOW);
    check_equal("no end before a pause", hypercall(DESTROY, vm, 0), NOT_NOW);
}

static void requests(void)
{
    check_equal("start", hypercall(START, vm, 0), 0);
    check_equal("only once", hypercall(START, vm, 0), NOT_NOW);
    check_equal("no registers while it runs", set_registers(CR0_PE), NOT_NOW);
    next_request("port", PORT, 1, 0x1234, 1);
    check_equal("what is written", slots[0].value & 0xff, 0x5a);
    slots[0].value = 0;
    check_equal("finished too early", hypercall(NOTIFY, vm, 0), 0);
    check_equal("finished by whom", hypercall(NOTIFY, vm, 2), INVALID);
    answer(0);
    next_request("memory", MEMORY, 0, DEVICE + 0x10, 4);
    answer(0xcafebabe);
    next_request("read before write", MEMORY, 0, DEVICE + 0x20, 4);
    answer(100);
    next_request("write after read", MEMORY, 1, DEVICE + 0x20, 4);
    check_equal("the sum", slots[0].value, 105);
    answer(0);
    check_equal("what was read", *(volatile u32 *)data, 0xcafebabe);
    next_request("PCI configuration", PORT, 0, 0xcfc, 4);
    answer(0x12345678);
    for (u32 i = 0; i < 3; i++) {
        next_request(named("string %u", i), PORT, 0, 0x300, 1);
        answer('a' + i);
    }
    next_request("ready for a message", PORT, 1, 0x80, 1);
    check_equal("what the PCI function was", *(volatile u32 *)(data + 4), 0x12345678);
    check("the string", memcmp(data + 0x10, "abc", 3) == 0);
    check_equal("the id of the local APIC", *(volatile u32 *)(data + 0x18) >> 24, 0);
    check_equal("pins of the I/O APIC", *(volatile u32 *)(data + 0x1c) >> 16 & 0xff, 47);
}

static void interrupts(void)
{
    answer(0);
    u64 message[2] = {0xfed00000, MESSAGE_VECTOR};
    check_equal("not an address of messages", hypercall(INJECT_MSI, vm, (word)message), INVALID);
    check_equal("message nowhere", hypercall(INJECT_MSI, vm, NOWHERE), FAULT);
    message[0] = 0xfee00000;
    check_equal("message", hypercall(INJECT_MSI, vm, (word)message), 0);
    next_request("ready for a line", PORT, 1, 0x81, 1);
    check_equal("the message has come", *(volatile u32 *)(data + 8), 1);
    answer(0);
    check_equal("no such line", hypercall(SET_LINE, vm, 48), INVALID);
    check_equal("no such change of a line", hypercall(SET_LINE, vm, LINE | 9ull << 32), INVALID);
    check_equal("a pulse", hypercall(SET_LINE, vm, LINE | 2ull << 32), 0);
    wait_guest((volatile u32 *)(data + 0x20), 1);
    check_equal("the interrupt of the line has come", *(volatile u32 *)(data + 0xc), 1);
}

static void protection(void)
{
    u64 page[2] = {1, GUEST_DATA + 4};
    check_equal("a page has an address", hypercall(WRITE_PROTECT, vm, (word)page), INVALID);
    page[1] = 0x55000;
    check_equal("a page that isn't there", hypercall(WRITE_PROTECT, vm, (word)page), INVALID);
    page[1] = GUEST_DATA;
    check_equal("write-protected", hypercall(WRITE_PROTECT, vm, (word)page), 0);
    u32 before = *(volatile u32 *)(data + 0x24);
    next_request("write to the protected page", PROTECTED, 1, GUEST_DATA + 0x24, 4);
    check_equal("what would be written", slots[0].value, before + 1);
    check_equal("is not", *(volatile u32 *)(data + 0x24), before);
    page[0] = 0;
    check_equal("open again", hypercall(WRITE_PROTECT, vm, (word)page), 0);
    answer(0);
    wait_guest((volatile u32 *)(data + 0x24), before + 3);
    check("and written", *(volatile u32 *)(data + 0x24) >= before + 3);
}

static void ends(void)
{
    check_equal("pause", hypercall(PAUSE, vm, 0), 0);
    u32 count = *(volatile u32 *)(data + 0x24);
    for (u32 i = 0; i < 200000; i++)
        pause();
    check_equal("it stands still", *(volatile u32 *)(data + 0x24), count);
    check_equal("no start after a pause", hypercall(START, vm, 0), NOT_NOW);
    check_equal("reset", hypercall(RESET, vm, 0), 0);
    check_equal("registers after the reset", set_registers(CR0_PE), 0);
    check_equal("second start", hypercall(START, vm, 0), 0);
    next_request("after the reset", PORT, 1, 0x1234, 1);
    check_equal("pause in a request", hypercall(PAUSE, vm, 0), 0);
    check_equal("end", hypercall(DESTROY, vm, 0), 0);
    check_equal("it's gone", hypercall(PAUSE, vm, 0), INVALID);
    struct creation made;
    check_equal("again", create(&made, first_uuid, 4), 0);
    check_equal("has no memory", change(DELETE, 0, GUEST_CODE, 0, 4096), 0);
    u64 buffer = (word)slots;
    check_equal("with the same buffer", hypercall(SET_BUFFER, vm, (word)&buffer), 0);
    check_equal("starts at the reset vector", hypercall(START, vm, 0), 0);
    for (u32 i = 0; i < 200000; i++)
        pause();
    check_equal("where there is nothing, so it stands", hypercall(SET_BUFFER, vm, (word)&buffer), NOT_NOW);
    check_equal("its end", hypercall(DESTROY, vm, 0), 0);
}

static void processors(void)
{
    struct creation made;
    check_equal("the first processor stays", hypercall(OFFLINE_CPU, 0, 0), NOT_NOW);
    check_equal("a processor that isn't there", hypercall(OFFLINE_CPU, 77, 0), 0);
    check_equal("the second goes", hypercall(OFFLINE_CPU, 1, 0), 0);
    check_equal("so that somebody else can have it", create(&made, second_uuid, 0), 0);
    check_equal("whose id is the next", made.id, 2);
}

void program(void)
{
    prepare_guest();
    apic_enable();
    on_vector(CALLBACK, on_upcall);
    calls();
    creation();
    setup();
    requests();
    interrupts();
    protection();
    ends();
    processors();
}
