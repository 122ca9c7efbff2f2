/* From multiboot (32-bit protected mode, no paging) to program(), in 32-bit or in long mode. */
#include "layout.h"
.intel_syntax noprefix

.section .multiboot, "a"
.balign 8
#ifdef MULTIBOOT2
header:
    .long 0xe85250d6, 0, header_end - header, -(0xe85250d6 + 0 + (header_end - header))
    .short 0, 0
    .long 8
header_end:
#else
    .long 0x1badb002, 3, -(0x1badb002 + 3)
#endif

.section .boot, "ax"
.code32
.globl entry
entry:
    cli
    cld
    mov esp, offset kernel_stack + 2 * STACK_SIZE
    mov [boot_magic], eax
    mov [boot_information], ebx
    /* A 32-bit program may look at the loader's memory before it is overwritten. */
    .weak before_start
    mov ecx, offset before_start
    jecxz 1f
    call ecx
1:
    mov esi, offset real_load
    mov edi, REAL_BASE
    mov ecx, offset real_size
    rep movsb
    /* Descriptors of the code segments differ in one nibble between the two worlds. */
    lgdt [gdt_pointer]
#ifdef __x86_64__
    call build_tables
    mov eax, offset pml4
    mov cr3, eax
    mov [ap_cr3], eax
    call enter_long_mode
    .byte 0xea
    .long start64
    .short KERNEL_CODE
enter_long_mode:
    mov eax, 0x620 /* PAE, OSFXSR, OSXMMEXCPT */
    mov cr4, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x901 /* NXE, LME, SCE */
    wrmsr
    mov eax, 0x80010033 /* PG, WP, NE, ET, MP, PE */
    mov cr0, eax
    ret
/* Identity for 4 GiB open to CPL 0, except that 1-2 GiB shows the first GiB to CPL 3. */
build_tables:
    mov edi, offset page_directories
    xor ecx, ecx
1:  mov eax, ecx
    shl eax, 21
    mov edx, 0x83
    cmp eax, 0xc0000000
    jb 2f
    or edx, 0x18
2:  mov ebx, eax
    and ebx, 0xc0000000
    cmp ebx, USER_ALIAS
    jne 3f
    and eax, 0x3fffffff
    or edx, 4
3:  or eax, edx
    mov [edi + ecx * 8], eax
    mov dword ptr [edi + ecx * 8 + 4], 0
    inc ecx
    cmp ecx, 2048
    jb 1b
    mov eax, offset page_directories + 7
    mov [pdpt], eax
    add eax, 0x1000
    mov [pdpt + 8], eax
    add eax, 0x1000
    mov [pdpt + 16], eax
    add eax, 0x1000
    mov [pdpt + 24], eax
    mov eax, offset pdpt + 7
    mov [pml4], eax
    ret
.code64
start64:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    xor eax, eax
    mov fs, eax
    mov gs, eax
    mov rsp, offset kernel_stack + 2 * STACK_SIZE
    call start
#else
    .byte 0xea
    .long start32
    .short KERNEL_CODE
start32:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov eax, cr0
    or eax, 0x30 /* NE, ET */
    mov cr0, eax
    call start
#endif
halt:
    cli
    hlt
    jmp halt

/* Another processor, from real mode at REAL_BASE. */
.section .real.start, "awx"
.code16
    cli
    cld
    mov ax, REAL_SEGMENT
    mov ds, ax
    lgdtd [ap_gdt_pointer]
    mov eax, cr0
    and eax, 0x9fffffff
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long ap32
    .short KERNEL_CODE32
.balign 4
ap_gdt_pointer:
    .short GDT_ENTRIES * 8 - 1
    .long gdt

.section .boot, "ax"
.code32
ap32:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov edx, 1
    lock xadd [ap_counter], edx
    mov esp, edx
    imul esp, esp, STACK_SIZE
    add esp, offset ap_stacks + STACK_SIZE
#ifdef __x86_64__
    mov eax, [ap_cr3]
    mov cr3, eax
    push edx
    call enter_long_mode
    pop edx
    .byte 0xea
    .long ap64
    .short KERNEL_CODE
.code64
ap64:
    mov esp, esp
    mov edi, edx
    call ap_start
#else
    push edx
    call ap_start
#endif
    jmp halt

.section .data
.balign 8
gdt_pointer:
    .short GDT_ENTRIES * 8 - 1
    .long gdt, 0
.globl boot_magic, boot_information, ap_counter, ap_cr3
boot_magic: .long 0
boot_information: .long 0
ap_counter: .long 1
ap_cr3: .long 0

.bss
.balign 4096
.globl pml4
pml4: .skip 4096
pdpt: .skip 4096
page_directories: .skip 4 * 4096
.globl kernel_stack, snippet_stack, user_stack, ap_stacks, exception_stack
kernel_stack: .skip 2 * STACK_SIZE
snippet_stack: .skip STACK_SIZE
user_stack: .skip STACK_SIZE
exception_stack: .skip STACK_SIZE
ap_stacks: .skip MAX_CPUS * STACK_SIZE

.section .real, "awx"
.balign 16
.globl real_stack
real_stack: .skip 4096
