/* A small hypervisor for guest programs: VMX operation, one 64-bit guest with defaults, EPT, and checks of VM exits. */
#ifndef VMX_H
#define VMX_H

#include "guest.h"
#include "vmcs.h"

/* --- VMX operation --- */

/* Turns VMX operation on; without the feature it says so and answers false. */
bool vmx_begin(void);
void vmx_end(void);
/* A region with the processor's revision identifier. */
u64 *new_region(void);
extern u64 *vmxon_region, *vmcs;

/* Whether a control may be 1. */
bool can(enum control control);
/* Likewise; says that `what` is skipped if it may not. */
bool need(enum control control, const char *what);
/* Bits of a control's word that must be, and that may be 1. */
u32 required_bits(u32 field);
u32 allowed_bits(u32 field);

/* An instruction, and the status flags that it leaves; all are set before. */
#define VM_DO(text, ...)                                                                         \
    ({                                                                                           \
        word flags_;                                                                             \
        asm volatile("push 0x8d7\npopfq\n" text "\npushfq\npop %0"                               \
            : "=&r"(flags_) : __VA_ARGS__ : "memory", "cc");                                     \
        flags_ & 0x8d5;                                                                          \
    })
#define VM_POINTER(text, address) ({ u64 p_ = (u64)(address); VM_DO(text " [%1]", "r"(&p_), "m"(p_)); })
#define vmxon(address) VM_POINTER("vmxon", address)
#define vmclear(address) VM_POINTER("vmclear", address)
#define vmptrld(address) VM_POINTER("vmptrld", address)
#define vmxoff() VM_DO("vmxoff", "r"(0))
#define try_vmwrite(field, value) VM_DO("vmwrite %1, %2", "r"((u64)(field)), "r"((u64)(value)))
#define try_vmread(field) VM_DO("vmread [%1], %2", "r"(&(u64){0}), "r"((u64)(field)))
u64 vmptrst(void);
/* Success is expected of these. */
u64 vmread(u64 field);
void vmwrite(u64 field, u64 value);

/* SDM Vol. 3C, "Conventions": the three outcomes of a VMX instruction. */
void succeeds(const char *name, word flags);
void fails_invalid(const char *name, word flags);
void fails(const char *name, word flags, enum instruction_error error);

/* --- the guest --- */

/* General registers of the guest, loaded at VM entry and saved at VM exit; RSP is in the VMCS. */
struct registers {
    u64 ax, cx, dx, bx, unused, bp, si, di, r8, r9, r10, r11, r12, r13, r14, r15;
};
extern struct registers guest;

/* A fresh VMCS: 64-bit code at CPL 0 in the hypervisor's own address space; all exceptions exit, interrupts don't. */
void guest_reset(void);
/* The guest's code runs at CPL 3. */
void guest_user(void);
/* Switches a control of the current VMCS on or off; secondary controls are activated as needed. */
void on(enum control control);
void off(enum control control);

enum { NOT_ENTERED = 0x1000 };
/* Runs the guest from its RIP: exit reason with ENTRY_FAILED, or NOT_ENTERED with an instruction error or alone. */
u32 guest_continue(void);
/* Likewise from the start of the code. */
u32 guest_run(const struct snippet *code);
/* RIP moves over the instruction that exited. */
void guest_skip(void);
/* What the guest's stack holds, from its top. */
u64 guest_stack(unsigned index);
#define GUEST_STACK ((u64)guest_stacks + 2 * 4096 - 256)
extern u8 guest_stacks[];

/* A guest's code: what lies behind its end is VMCALL. Label 7: marks the last instruction if it isn't the only one. */
#define GUEST_IN(section, bits, text)                                                            \
    ({                                                                                           \
        const struct snippet *snippet_;                                                          \
        asm(".pushsection " section "\n.code" bits "\n70:\n7:\n" text "\n8: vmcall\nhlt\n"       \
            ".popsection\n.pushsection .data\n.balign 8\n9: .quad 70b, 7b, 8b\n"                 \
            ".popsection\n.code64\nlea %0, [9b + rip]" : "=r"(snippet_));                        \
        snippet_;                                                                                \
    })
#define GUEST(text) GUEST_IN(".snippets,\"ax\"", "64", text)
#define GUEST32(text) GUEST_IN(".snippets,\"ax\"", "32", text)
#define GUEST16(text) GUEST_IN(".real,\"awx\"", "16", text)

/* The exit comes at label 7:, with this reason and qualification; if it is due to an instruction, that is the last. */
void expect_exit(const char *name, const struct snippet *code, u32 reason, u64 qualification);
void expect_completion(const char *name, const struct snippet *code);
/* An exception that exits at label 7:. */
void expect_exception(const char *name, const struct snippet *code, u8 vector, u32 error);
/* The guest was left with this reason, after guest_run or guest_continue. */
void left(const char *name, u32 outcome, u32 reason, u64 qualification);
/* Likewise, whatever the qualification. */
void left_for(const char *name, u32 outcome, u32 reason);
/* The guest got an event through its IDT: its stub exits by VMCALL. */
void delivered(const char *name, u32 outcome, u8 vector);
#define exits(name, reason, qualification, text) expect_exit(name, GUEST(text), reason, qualification)
#define completes(name, text) expect_completion(name, GUEST(text))
#define excepts(name, vector, error, text) expect_exception(name, GUEST(text), vector, error)

/* The guest's IDT has all vectors. */
extern struct gate guest_idt[256];
extern struct tss64 guest_tss;

/* Interruption-information fields. */
enum event {
    EVENT_INTERRUPT = 0, EVENT_NMI = 2 << 8, EVENT_EXCEPTION = 3 << 8, EVENT_SOFTWARE_INTERRUPT = 4 << 8,
    EVENT_PRIVILEGED_EXCEPTION = 5 << 8, EVENT_SOFTWARE_EXCEPTION = 6 << 8, EVENT_OTHER = 7 << 8,
    EVENT_ERROR_CODE = 1 << 11, EVENT_NMI_UNBLOCKING = 1 << 12
};
#define EVENT_VALID 0x80000000u
enum interruptibility { BLOCKED_BY_STI = 1, BLOCKED_BY_MOV_SS = 2, BLOCKED_BY_SMI = 4, BLOCKED_BY_NMI = 8 };
enum activity { ACTIVE, HALTED, SHUTDOWN, WAIT_FOR_SIPI };

/* Ends blocking by NMI, which an exit for an NMI leaves, by IRET. */
void unblock_nmi(void);
/* Makes an interrupt pending in the local APIC. */
void interrupt_myself(u8 vector);
/* A bit of ISR, TMR or IRR. */
bool apic_has(enum apic_register base, u8 vector);

/* --- EPT --- */

enum ept {
    EPT_READ = 1, EPT_WRITE = 2, EPT_EXECUTE = 4, EPT_RWX = 7, EPT_WB = 6 << 3, EPT_PAGE = 1 << 7,
    EPT_ACCESSED = 1 << 8, EPT_DIRTY = 1 << 9, EPT_EXECUTE_USER = 1 << 10
};
#define EPT_VERIFY_PAGING (1ull << 57)
#define EPT_PAGING_WRITE (1ull << 58)
#define EPT_SUB_PAGES (1ull << 61)
#define EPT_SUPPRESS_VE (1ull << 63)
#define EPT_VPID_BIT(bit) (rdmsr(VMX_EPT_VPID) >> (bit) & 1)
enum ept_vpid_capability {
    EPT_EXECUTE_ONLY = 0, EPT_2M = 16, EPT_1G = 17, EPT_INVEPT = 20, EPT_ACCESSED_DIRTY = 21, EPT_ADVANCED = 22,
    EPT_INVEPT_SINGLE = 25, EPT_INVEPT_ALL = 26, VPID_INVVPID = 32, VPID_ADDRESS = 40, VPID_SINGLE = 41,
    VPID_ALL = 42, VPID_RETAINING_GLOBALS = 43
};
/* Identity for 4 GiB with 2 MiB pages; answers the PML4 table. */
u64 *ept_identity(void);
/* The entry for an address at a level (1: 4 KiB); larger pages on the way are split. */
u64 *ept_entry(u64 *root, u64 address, int level);
/* An EPT pointer to a table: write-back, four levels. */
#define EPT_POINTER_TO(root) ((u64)(root) | 6 | 3 << 3)
#define EPTP_ACCESSED_DIRTY 64ull
struct invalidation { u64 tag, address; };
#define invept(type, eptp) ({ struct invalidation d_ = {eptp, 0}; \
    VM_DO("invept %1, [%2]", "r"((u64)(type)), "r"(&d_), "m"(d_)); })
#define invvpid(type, vpid, linear) ({ struct invalidation d_ = {vpid, linear}; \
    VM_DO("invvpid %1, [%2]", "r"((u64)(type)), "r"(&d_), "m"(d_)); })

#endif
