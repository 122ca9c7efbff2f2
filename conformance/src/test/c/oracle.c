// Runs single instructions on the real processor and reports everything they did.
//
// Protocol on stdin and stdout, little-endian: a 32-bit count, then that many records of
// RECORD_SIZE bytes; the answer is as many records. A request says where the instruction lies
// and what the registers, the flags, the x87 and SSE state and the memory windows hold; the
// answer says the same afterwards, and which exception ended the run.
//
// No assembly loads or saves that state. The code page is filled with INT3, so that each
// instruction ends in a signal, by its own exception or by the INT3 that it arrives at. The
// signal handler takes the outcome from the saved context, writes the next case into it, and
// returns: the kernel loads all of it exactly as it resumes any interrupted program.

#define _GNU_SOURCE
#include <errno.h>
#include <immintrin.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

// The address map. The Java side (Layout) has the same numbers. Pages next to these are unmapped.
#define CODE_BASE 0x10000000ul
#define CODE_SIZE 0x1000ul
#define DATA_BASE 0x20000000ul
#define DATA_SIZE 0x2000ul
#define READ_ONLY_BASE 0x20003000ul
#define READ_ONLY_SIZE 0x1000ul

// What of the data pages a case sets and observes; the rest is zero and stays so.
struct window {
    uintptr_t address;
    size_t offset;  // in the record
    size_t size;
};

static const struct window windows[] = {
    {DATA_BASE, 0, 128},                        // after an unmapped page
    {DATA_BASE + 0x1000 - 320, 128, 640},       // across a page boundary
    {DATA_BASE + DATA_SIZE - 256, 768, 256},    // before an unmapped page
};
#define WINDOWS (sizeof windows / sizeof *windows)
#define MEMORY_SIZE 1024

#define INSTRUCTION_SIZE 15
#define RECORD_SIZE 1728
#define BATCH_LIMIT 16384

struct record {
    union {
        struct {
            uint8_t bytes[INSTRUCTION_SIZE];
            uint8_t length;
        } instruction;
        struct {
            uint32_t vector;
            uint32_t error_code;
            uint64_t fault_address;
        } outcome;
    };
    uint64_t rip;
    uint64_t rflags;
    uint64_t fs_base;
    uint64_t gs_base;
    uint64_t gpr[16];
    uint8_t memory[MEMORY_SIZE];
    uint32_t stray_write;
    uint32_t code32;  // in requests: run it in a 32-bit code segment
    uint32_t padding[2];
    uint8_t fxsave[512];
};

_Static_assert(sizeof(struct record) == RECORD_SIZE, "the record is part of the protocol");

// Linux's user segments.
#define CODE32_SELECTOR 0x23
#define DATA_SELECTOR 0x2b
#define CODE64_SELECTOR 0x33

#define TIMED_OUT 255
#define WATCHDOG_MICROSECONDS 500000

// The parts of an FXSAVE image that a case sets: not MXCSR_MASK, not the bytes left to software.
#define FXSAVE_MXCSR_MASK 28
#define FXSAVE_REGISTERS 32
#define FXSAVE_REGISTERS_END 416
#define XSTATE_BV 512
#define XSTATE_X87_SSE 3

#define RFLAGS_SETTABLE 0x40cd5ul  // CF PF AF ZF SF DF OF AC
// AC, NT and ID: the kernel resumes a program with those of the handler.
#define RFLAGS_INHERITED 0x244000ul

static const int gpr_order[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static uint8_t *writable_code;
static struct record *requests;
static struct record *answers;
static uint32_t count;
static volatile uint32_t current;
static volatile int running;
static uint32_t seen_by_watchdog;

static uint64_t own_fs_base;
static uint64_t own_gs_base;
static gregset_t own_registers;
static uint8_t own_fxsave[FXSAVE_REGISTERS_END];

static void fail(const char *what) {
    fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void copy_fxsave(uint8_t *to, const uint8_t *from) {
    memcpy(to, from, FXSAVE_MXCSR_MASK);
    memcpy(to + FXSAVE_REGISTERS, from + FXSAVE_REGISTERS, FXSAVE_REGISTERS_END - FXSAVE_REGISTERS);
}

static uint8_t *fxsave_of(ucontext_t *context) {
    return (uint8_t *)context->uc_mcontext.fpregs;
}

static void load_fxsave(ucontext_t *context, const uint8_t *image) {
    uint8_t *area = fxsave_of(context);
    copy_fxsave(area, image);
    uint64_t in_use;
    memcpy(&in_use, area + XSTATE_BV, sizeof in_use);
    in_use |= XSTATE_X87_SSE;
    memcpy(area + XSTATE_BV, &in_use, sizeof in_use);
}

// The part of the instruction that fits in the code page; the rest would lie in the unmapped one.
static size_t length_in_page(const struct record *request) {
    uint64_t room = CODE_BASE + CODE_SIZE - request->rip;
    size_t length = request->instruction.length;
    return length < room ? length : room;
}

static void write_instruction(const struct record *request) {
    memcpy(writable_code + (request->rip - CODE_BASE), request->instruction.bytes,
           length_in_page(request));
}

static void erase_instruction(const struct record *request) {
    memset(writable_code + (request->rip - CODE_BASE), 0xcc, length_in_page(request));
}

// Compatibility mode needs data segments, which 64-bit programs don't have under Linux.
static void load_segments(ucontext_t *context, uint32_t code32) {
    greg_t *selectors = &context->uc_mcontext.gregs[REG_CSGSFS];
    *selectors = (*selectors & ~0xfffful) | (code32 ? CODE32_SELECTOR : CODE64_SELECTOR);
    uint16_t data = code32 ? DATA_SELECTOR : 0;
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(data));
}

static void load_case(ucontext_t *context) {
    const struct record *request = &requests[current];
    greg_t *registers = context->uc_mcontext.gregs;
    for (int i = 0; i < 16; i++) {
        registers[gpr_order[i]] = (greg_t)request->gpr[i];
    }
    registers[REG_RIP] = (greg_t)request->rip;
    registers[REG_EFL] = (greg_t)((request->rflags & RFLAGS_SETTABLE) | 0x202);
    load_segments(context, request->code32);
    load_fxsave(context, request->fxsave);
    for (size_t i = 0; i < WINDOWS; i++) {
        memcpy((void *)windows[i].address, request->memory + windows[i].offset, windows[i].size);
    }
    write_instruction(request);
    running = 1;
    _writefsbase_u64(request->fs_base);
    _writegsbase_u64(request->gs_base);
}

// Whether anything was written outside the windows; they are cleared on the way.
static uint32_t clear_data(void) {
    uint64_t any = 0;
    for (size_t i = 0; i < WINDOWS; i++) {
        memset((void *)windows[i].address, 0, windows[i].size);
    }
    uint64_t *data = (uint64_t *)DATA_BASE;
    for (size_t i = 0; i < DATA_SIZE / sizeof *data; i++) {
        any |= data[i];
    }
    if (any != 0) {
        memset(data, 0, DATA_SIZE);
    }
    return any != 0;
}

static void save_outcome(ucontext_t *context, uint32_t vector, uint64_t fs, uint64_t gs) {
    struct record *answer = &answers[current];
    const greg_t *registers = context->uc_mcontext.gregs;
    memset(answer, 0, sizeof *answer);
    answer->outcome.vector = vector;
    answer->outcome.error_code = (uint32_t)registers[REG_ERR];
    answer->outcome.fault_address = vector == 14 ? (uint64_t)registers[REG_CR2] : 0;
    answer->rip = (uint64_t)registers[REG_RIP];
    answer->rflags = (uint64_t)registers[REG_EFL];
    answer->fs_base = fs;
    answer->gs_base = gs;
    for (int i = 0; i < 16; i++) {
        answer->gpr[i] = (uint64_t)registers[gpr_order[i]];
    }
    for (size_t i = 0; i < WINDOWS; i++) {
        memcpy(answer->memory + windows[i].offset, (void *)windows[i].address, windows[i].size);
    }
    answer->stray_write = clear_data();
    copy_fxsave(answer->fxsave, fxsave_of(context));
    erase_instruction(&requests[current]);
}

static void leave(ucontext_t *context) {
    running = 0;
    load_segments(context, 0);
    memcpy(context->uc_mcontext.gregs, own_registers, sizeof own_registers);
    load_fxsave(context, own_fxsave);
}

// A signal leaves AC and the segment bases as the instruction had them.
#define ENTER_HANDLER(fs, gs)                                                     \
    __asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "i"(~RFLAGS_INHERITED) : "cc"); \
    uint64_t fs = _readfsbase_u64();                                              \
    uint64_t gs = _readgsbase_u64();                                              \
    _writefsbase_u64(own_fs_base);                                                \
    _writegsbase_u64(own_gs_base)

static void next_case(ucontext_t *context) {
    current++;
    if (current < count) {
        load_case(context);
    } else {
        leave(context);
    }
}

static void on_exception(int signal, siginfo_t *info, void *raw) {
    ENTER_HANDLER(fs, gs);
    ucontext_t *context = raw;
    if (info->si_code <= 0) {  // sent by a process: not ours
        _exit(128 + signal);
    }
    if (running) {
        save_outcome(context, (uint32_t)context->uc_mcontext.gregs[REG_TRAPNO], fs, gs);
        next_case(context);
    } else if (signal == SIGTRAP) {
        memcpy(own_registers, context->uc_mcontext.gregs, sizeof own_registers);
        copy_fxsave(own_fxsave, fxsave_of(context));
        load_case(context);
    } else {
        _exit(128 + signal);
    }
}

// Ends a case that a whole watchdog period did not end.
static void on_watchdog(int signal, siginfo_t *info, void *raw) {
    (void)signal;
    (void)info;
    ENTER_HANDLER(fs, gs);
    uint32_t mark = current + 1;
    if (running && seen_by_watchdog == mark) {
        save_outcome(raw, TIMED_OUT, fs, gs);
        next_case(raw);
        return;
    }
    seen_by_watchdog = running ? mark : 0;
    _writefsbase_u64(fs);
    _writegsbase_u64(gs);
}

static void run_batch(void) {
    current = 0;
    seen_by_watchdog = 0;
    __asm__ volatile("int3" : : : "memory", "cc");
}

static void *map(uintptr_t base, size_t size, int protection, int file) {
    int flags = base == 0 ? 0 : MAP_FIXED_NOREPLACE;
    flags |= file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *at = mmap((void *)base, size, protection, flags | MAP_POPULATE, file, 0);
    if (at == MAP_FAILED || (base != 0 && at != (void *)base)) {
        fail("mmap");
    }
    return at;
}

// The code is mapped twice, so that the instructions tested can't write it.
static void map_code(void) {
    int file = memfd_create("code", MFD_CLOEXEC);
    if (file < 0 || ftruncate(file, CODE_SIZE) != 0) {
        fail("memfd_create");
    }
    writable_code = map(0, CODE_SIZE, PROT_READ | PROT_WRITE, file);
    memset(writable_code, 0xcc, CODE_SIZE);
    map(CODE_BASE, CODE_SIZE, PROT_READ | PROT_EXEC, file);
}

static void map_data(void) {
    map(DATA_BASE, DATA_SIZE, PROT_READ | PROT_WRITE, -1);
    uint8_t *read_only = map(READ_ONLY_BASE, READ_ONLY_SIZE, PROT_READ | PROT_WRITE, -1);
    for (size_t i = 0; i < READ_ONLY_SIZE; i++) {
        read_only[i] = (uint8_t)(i * 7 + 1);
    }
    if (mprotect(read_only, READ_ONLY_SIZE, PROT_READ) != 0) {
        fail("mprotect");
    }
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) != 0) {
        fail("sigaction");
    }
}

static void handle_signals(void) {
    static const int exceptions[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
    size_t size = 256 * 1024;
    stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
    if (stack.ss_sp == NULL || sigaltstack(&stack, NULL) != 0) {
        fail("sigaltstack");
    }
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        handle(exceptions[i], on_exception);
    }
    handle(SIGALRM, on_watchdog);
    struct timeval period = {.tv_usec = WATCHDOG_MICROSECONDS};
    struct itimerval timer = {.it_interval = period, .it_value = period};
    if (setitimer(ITIMER_REAL, &timer, NULL) != 0) {
        fail("setitimer");
    }
}

static int read_fully(void *to, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = read(STDIN_FILENO, (char *)to + done, size - done);
        if (n == 0) {
            return 0;
        }
        if (n > 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            fail("read");
        }
    }
    return 1;
}

static void write_fully(const void *from, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = write(STDOUT_FILENO, (const char *)from + done, size - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            fail("write");
        }
    }
}

static void require_fsgsbase(void) {
    const unsigned long hwcap2_fsgsbase = 1ul << 1;
    if ((getauxval(AT_HWCAP2) & hwcap2_fsgsbase) == 0) {
        fprintf(stderr, "oracle: this host does not let programs use RDFSBASE\n");
        exit(2);
    }
}

int main(void) {
    require_fsgsbase();
    own_fs_base = _readfsbase_u64();
    own_gs_base = _readgsbase_u64();
    map_code();
    map_data();
    handle_signals();
    requests = calloc(BATCH_LIMIT, RECORD_SIZE);
    answers = calloc(BATCH_LIMIT, RECORD_SIZE);
    if (requests == NULL || answers == NULL) {
        fail("calloc");
    }
    while (read_fully(&count, sizeof count)) {
        if (count == 0 || count > BATCH_LIMIT || !read_fully(requests, count * sizeof *requests)) {
            fprintf(stderr, "oracle: a broken request\n");
            return 1;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint64_t at = requests[i].rip - CODE_BASE;
            if (at >= CODE_SIZE || requests[i].instruction.length > INSTRUCTION_SIZE) {
                fprintf(stderr, "oracle: case %u is not in the code page\n", i);
                return 1;
            }
        }
        run_batch();
        write_fully(&count, sizeof count);
        write_fully(answers, count * sizeof *answers);
    }
    return 0;
}
