/* Post-launched VMs with several processors, with local APICs of their own, and with polling.
   @processors 4 */
#include "hypercall.h"

#define GUEST_CODE 0x10000
#define GUEST_DATA 0x11000
#define GUEST_AP 0x12000
#define TABLES 0x800
#define VECTOR 0x40

enum { LAPIC_PASSTHROUGH = 1 << 1, POLLING = 1 << 2, REAL_TIME = 1 << 4 };

/* Starts the second processor. */
extern u8 bsp_start[], bsp_end[], ap_start[], ap_end[];
/* Waits for an interrupt. */
extern u8 wait_start[], wait_on[], wait_end[];
/* Crashes. */
extern u8 crash_start[], crash_end[];
asm(".pushsection .data\n.balign 16\n.code32\n"
    "bsp_start:\n"
    "out 0x70, al\n"
    "mov dword ptr [0xfee00310], 0x1000000\n"
    "mov dword ptr [0xfee00300], 0x4500\n"
    "mov dword ptr [0xfee00300], 0x4612\n"
    "7: pause\njmp 7b\n"
    "bsp_end:\n"
    ".code16\n"
    "ap_start:\n"
    "mov ax, 0x1100\nmov ds, ax\n"
    "mov eax, 1\ncpuid\nmov [4], ebx\n"
    "mov al, 0x33\nout 0x71, al\n"
    "mov word ptr [0], 0xabcd\n"
    "7: cli\nhlt\njmp 7b\n"
    "ap_end:\n"
    ".code32\n"
    "wait_start:\n"
    "mov esp, 0x12000\n"
    "mov dword ptr [0xfee000f0], 0x1ff\n"
    "mov eax, [0xfee00020]\nmov [0x11000], eax\n"
    "out 0x80, al\nsti\nhlt\ncli\n"
    "out 0x81, al\n"
    "7: cli\nhlt\njmp 7b\n"
    "wait_on: inc dword ptr [0x11008]\nmov dword ptr [0xfee000b0], 0\niretd\n"
    "wait_end:\n"
    "crash_start: int 3\n"
    "crash_end:\n.code64\n.popsection");

static u8 *code, *data, *ap;
static struct request *slots;
static u16 vm;

static void put(u8 *page, const u8 *start, const u8 *end)
{
    memset(page, 0, 4096);
    memcpy(page, start, end - start);
}

static void make(const char *name, u64 affinity, u64 flags, u16 vcpus, const u8 *start, const u8 *end)
{
    struct creation made;
    check_equal(named("%s: creation", name), create_with(&made, first_uuid, affinity, flags), 0);
    check_equal(named("%s: vCPUs", name), made.vcpus, vcpus);
    vm = made.id;
    put(code, start, end);
    memset(data, 0, 4096);
    u64 *table = (u64 *)(code + TABLES);
    table[1] = 0x00cf9b000000ffffull;
    table[2] = 0x00cf93000000ffffull;
    u32 handler = GUEST_CODE + (u32)(wait_on - wait_start);
    table[4 + VECTOR] = (u64)(handler >> 16) << 48 | 0x8e0000080000ull | (handler & 0xffff);
    u32 full = RWX | WRITE_BACK;
    check_equal(named("%s: code", name), change_memory(vm, ADD, full, GUEST_CODE, (word)code, 4096), 0);
    check_equal(named("%s: data", name), change_memory(vm, ADD, full, GUEST_DATA, (word)data, 4096), 0);
    check_equal(named("%s: more code", name), change_memory(vm, ADD, full, GUEST_AP, (word)ap, 4096), 0);
    u64 buffer = (word)slots;
    check_equal(named("%s: buffer", name), hypercall(SET_BUFFER, vm, (word)&buffer), 0);
    static struct registers r;
    memset(&r, 0, sizeof r);
    r.gdt = (struct table){0x17, GUEST_CODE + TABLES, {0}};
    r.idt = (struct table){start == crash_start ? 0 : (VECTOR + 1) * 8 - 1, GUEST_CODE + TABLES + 0x20, {0}};
    r.rip = GUEST_CODE;
    r.cr0 = CR0_PE;
    r.cs_rights = 0xc09b;
    r.cs_limit = 0xffffffff;
    r.cs = 8;
    r.ss = r.ds = r.es = r.fs = r.gs = 0x10;
    check_equal(named("%s: registers", name), hypercall(SET_REGISTERS, vm, (word)&r), 0);
    check_equal(named("%s: start", name), hypercall(START, vm, 0), 0);
}

static void expect(const char *name, unsigned vcpu, u64 port)
{
    for (u32 i = 0; i < 1000000 && slots[vcpu].state != PENDING; i++)
        pause();
    check_equal(named("%s: a request", name), slots[vcpu].state, PENDING);
    check_equal(named("%s: port", name), slots[vcpu].address, port);
}

static void answer(unsigned vcpu)
{
    slots[vcpu].state = COMPLETE;
    check_equal("finished", hypercall(NOTIFY, vm, vcpu), 0);
}

static void end(void)
{
    check_equal("pause", hypercall(PAUSE, vm, 0), 0);
    check_equal("end", hypercall(DESTROY, vm, 0), 0);
}

static void wait_data(unsigned offset, u32 value)
{
    for (u32 i = 0; i < 1000000 && *(volatile u32 *)(data + offset) != value; i++)
        pause();
    check_equal(named("data at %u", offset), *(volatile u32 *)(data + offset), value);
}

static void two_processors(void)
{
    put(ap, ap_start, ap_end);
    make("two", 0, 0, 2, bsp_start, bsp_end);
    expect("first processor", 0, 0x70);
    check_equal("the second one waits", slots[1].state, FREE);
    answer(0);
    expect("second processor", 1, 0x71);
    check_equal("what it writes", slots[1].value & 0xff, 0x33);
    check_equal("the id of its local APIC", *(volatile u32 *)(data + 4) >> 24, 1);
    answer(1);
    wait_data(0, 0xabcd);
    end();
}

static void polling(void)
{
    make("polling", 8, POLLING, 1, wait_start, wait_end);
    expect("polling", 0, 0x80);
    check_equal("the flag of it", slots[0].polling, 1);
    u64 message[2] = {0xfee00000, VECTOR};
    check_equal("message", hypercall(INJECT_MSI, vm, (word)message), 0);
    slots[0].state = COMPLETE;
    expect("polling, again", 0, 0x81);
    check_equal("the interrupt has come", *(volatile u32 *)(data + 8), 1);
    end();
}

static void own_apic(void)
{
    struct creation made;
    check_equal("not without being real-time", create_with(&made, first_uuid, 8, LAPIC_PASSTHROUGH), INVALID);
    make("own APIC", 8, LAPIC_PASSTHROUGH | REAL_TIME, 1, wait_start, wait_end);
    expect("own APIC", 0, 0x80);
    check_equal("its id is the processor's", *(volatile u32 *)data >> 24, 3);
    check_equal("no lines", hypercall(SET_LINE, vm, 20), INVALID);
    answer(0);
    for (u32 i = 0; i < 100000; i++)
        pause();
    check_equal("it waits", slots[0].state, FREE);
    u64 message[2] = {0xfee00000, VECTOR};
    check_equal("message for the Service VM", hypercall(INJECT_MSI, vm, (word)message), 0);
    message[0] = 0xfee03000;
    check_equal("message", hypercall(INJECT_MSI, vm, (word)message), 0);
    expect("own APIC, again", 0, 0x81);
    check_equal("the interrupt has come", *(volatile u32 *)(data + 8), 1);
    end();
}

static void crash(void)
{
    make("crash", 4, 0, 1, crash_start, crash_end);
    long long result = NOT_NOW;
    for (u32 i = 0; i < 1000 && result != 0; i++) {
        pause();
        result = hypercall(RESET, vm, 0);
    }
    check_equal("what has crashed can be reset", result, 0);
    end();
}

void program(void)
{
    code = alloc_page();
    data = alloc_page();
    ap = alloc_page();
    slots = alloc_page();
    two_processors();
    polling();
    own_apic();
    crash();
}
