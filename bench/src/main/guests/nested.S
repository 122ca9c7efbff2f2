/* A hypervisor as small as can be, with Intel's virtualization or AMD's, whichever is there.
 *
 * Its guest does the same work as it does itself, with nested paging, and executes CPUID, which
 * exits. Before anything else it says which virtualization that is, and how many instructions a
 * CPUID of the guest takes from one to the next: "virtualization VMX 16". */
.include "program.inc"

.equ GUEST_STACK, 0x3e0000
.equ EXITS, 1000000

/* What follows counts both sides, with the CPUID. */
.equ GUEST_LOOP, 4

.equ NESTED_PML4, 0x300000
.equ NESTED_PDPT, NESTED_PML4 + 0x1000
.equ NESTED_DIRECTORY, NESTED_PDPT + 0x1000
.equ NESTED_TABLES, NESTED_DIRECTORY + 0x1000
.equ VMXON_REGION, NESTED_TABLES + MAPPED * 0x800
.equ VMCS, VMXON_REGION + 0x1000
.equ VMCB, VMCS + 0x1000
.equ HOST_SAVE, VMCB + 0x1000
.equ STRUCTURES_END, HOST_SAVE + 0x1000

.equ IA32_FEATURE_CONTROL, 0x3a
.equ IA32_VMX_BASIC, 0x480
.equ IA32_VMX_PINBASED_CTLS, 0x481
.equ IA32_VMX_PROCBASED_CTLS, 0x482
.equ IA32_VMX_EXIT_CTLS, 0x483
.equ IA32_VMX_ENTRY_CTLS, 0x484
.equ IA32_VMX_PROCBASED_CTLS2, 0x48b
.equ IA32_EFER, 0xc0000080
.equ VM_HSAVE_PA, 0xc0010117

.equ EPT_ENTRY, 7               /* read, write, execute */
.equ EPT_LEAF, 0x37             /* and write-back */
.equ NPT_ENTRY, 7               /* present, writable, user */

.section .text
prepare:
    mov eax, 1
    cpuid
    bt ecx, 5
    jc prepare_vmx
    mov eax, 0x80000001
    cpuid
    bt ecx, 2
    jc prepare_svm
    mov rsi, offset none_text
    call print
    jmp finish

/* Clears all structures and maps everything one to one, with entries whose bits are in EBX and
 * leaves whose bits are in EDX. */
prepare_structures:
    mov edi, NESTED_PML4
    mov ecx, (STRUCTURES_END - NESTED_PML4) / 8
    xor eax, eax
    rep stosq
    lea eax, [rbx + NESTED_PDPT]
    mov [NESTED_PML4], rax
    lea eax, [rbx + NESTED_DIRECTORY]
    mov [NESTED_PDPT], rax
    xor ecx, ecx
1:  mov eax, ecx
    shl eax, 12
    lea eax, [rax + rbx + NESTED_TABLES]
    mov [NESTED_DIRECTORY + rcx * 8], rax
    inc ecx
    cmp ecx, MAPPED / 2
    jb 1b
    xor ecx, ecx
2:  mov eax, ecx
    shl eax, 12
    add eax, edx
    mov [NESTED_TABLES + rcx * 8], rax
    inc ecx
    cmp ecx, MAPPED * 0x100
    jb 2b
    ret

/* Computes in the guest, or in the hypervisor. */
integer_guest:
    mov edi, offset integer_and_halt
    jmp [run]
memory_guest:
    mov edi, offset memory_and_halt
    jmp [run]

/* Returns how many CPUIDs of the guest have come to the hypervisor. */
exits:
    xor r12d, r12d
    mov edi, offset cpuid_and_halt
    call [run]
    mov rax, r12
    ret

/* What the guest executes. */
integer_and_halt:
    call integer
    hlt
memory_and_halt:
    call memory
    hlt
cpuid_and_halt:
    mov esi, EXITS
3:  xor eax, eax
    cpuid
    dec esi
    jnz 3b
    hlt

.include "vmx.inc"
.include "svm.inc"
.include "work.inc"

/* Says that R9 is an exit that it knows nothing of, and ends. */
unexpected:
    mov r14, r9
    mov rsi, offset unexpected_text
    call print
    call print_checksum
    mov al, '\n'
    call put
    jmp finish

.section .rodata
.balign 8
routines:
    .quad integer, warm_integer_text
    .quad integer_guest, warm_integer_guest_text
    .quad memory, warm_memory_text
    .quad memory_guest, warm_memory_guest_text
    .quad exits, warm_exits_text
    .quad integer, integer_text
    .quad integer_guest, integer_guest_text
    .quad memory, memory_text
    .quad memory_guest, memory_guest_text
    .quad exits, exits_text
    .quad 0
warm_integer_text: .asciz "warm-up-integer"
warm_integer_guest_text: .asciz "warm-up-integer-guest"
warm_memory_text: .asciz "warm-up-memory"
warm_memory_guest_text: .asciz "warm-up-memory-guest"
warm_exits_text: .asciz "warm-up-exits"
integer_text: .asciz "integer"
integer_guest_text: .asciz "integer-guest"
memory_text: .asciz "memory"
memory_guest_text: .asciz "memory-guest"
exits_text: .asciz "exits"
none_text: .asciz "virtualization none\n"
unexpected_text: .asciz "unexpected exit "

.section .data
.balign 8
run: .quad 0                    /* runs the guest from RDI on, until it halts */
