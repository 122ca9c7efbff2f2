/* What a Service VM and L0 tell each other. */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include "guest.h"

enum call {
    API_VERSION = 0x00, OFFLINE_CPU = 0x01, SET_CALLBACK = 0x02, CREATE = 0x10, DESTROY = 0x11, START = 0x12,
    PAUSE = 0x13, CREATE_VCPU = 0x14, RESET = 0x15, SET_REGISTERS = 0x16, INJECT_MSI = 0x23, SET_LINE = 0x25,
    SET_BUFFER = 0x30, NOTIFY = 0x31, TRANSLATE = 0x41, SET_MEMORY = 0x42, WRITE_PROTECT = 0x43,
    ASSIGN_PCI = 0x55, HARDWARE = 0x63, POWER_STATE = 0x80
};

#define NOT_NOW -1ll
#define FAULT -14ll
#define BUSY -16ll
#define INVALID -22ll

#define NOWHERE 0x0000700000000000ull

struct creation {
    u16 id, r0, vcpus, r1;
    u8 identity[16];
    u64 flags, buffer, affinity;
};

struct table {
    u16 limit;
    u64 base;
    u16 reserved[3];
} __attribute__((packed));

struct registers {
    u16 vcpu, r0[3];
    u64 general[16];
    struct table gdt, idt;
    u64 rip, cs_base, cr0, cr4, cr3, efer, rflags, r1[4];
    u32 cs_rights, cs_limit, r2[3];
    u16 cs, ss, ds, es, fs, gs, ldtr, tr;
};

struct region {
    u32 type, attributes;
    u64 address, service, length;
};
enum { ADD = 0, DELETE = 2, RWX = 7, WRITE_BACK = 0x40 };

struct regions {
    u16 id, reserved[3];
    u32 count;
    u64 list;
};

struct request {
    u32 type, polling, r0[14], direction, r1;
    u64 address, size, value, r2[4];
    u32 r3, handled;
    volatile u32 state;
    u32 r4[29];
};
enum { PORT = 0, MEMORY = 1, PROTECTED = 3 };
enum { PENDING = 0, COMPLETE = 1, PROCESSING = 2, FREE = 3 };

static const u8 first_uuid[16] = {0xd2, 0x79, 0x54, 0x38, 0x25, 0xd6, 0x11, 0xe8, 0x86, 0x4e, 0xcb, 0x7a, 0x18, 0xb3, 0x46, 0x43};
static const u8 second_uuid[16] = {0x61, 0x5d, 0xb8, 0x2a, 0xe1, 0x89, 0x4b, 0x4f, 0x8d, 0xbb, 0xd3, 0x21, 0x34, 0x3e, 0x4a, 0xb3};

static inline long long hypercall(u64 number, u64 first, u64 second)
{
    register u64 id asm("r8") = 0x80000000 | number;
    long long result;
    asm volatile("vmcall" : "=a"(result) : "r"(id), "D"(first), "S"(second) : "memory");
    return result;
}

static inline long long create_with(struct creation *made, const u8 *uuid, u64 affinity, u64 flags)
{
    memset(made, 0, sizeof *made);
    memcpy(made->identity, uuid, 16);
    made->affinity = affinity;
    made->flags = flags;
    return hypercall(CREATE, (word)made, 0);
}

static inline long long create(struct creation *made, const u8 *uuid, u64 affinity)
{
    return create_with(made, uuid, affinity, 0);
}

/* Guests' structures for one region of memory. */
static inline long long change_memory(u16 vm, u32 type, u32 attributes, u64 address, u64 from, u64 length)
{
    static struct region list;
    static struct regions all;
    list = (struct region){type, attributes, address, from, length};
    all = (struct regions){vm, {0}, 1, (word)&list};
    return hypercall(SET_MEMORY, (word)&all, 0);
}

#endif
