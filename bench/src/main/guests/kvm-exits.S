/* A guest that does nothing but exit, with CPUID, which is said to whoever is its hypervisor.
 *
 * The second routine does nothing: its checksum is what the first has taken, in ticks of the
 * time-stamp counter. */
.include "program.inc"

.equ EXITS, 100000

.section .text
prepare:
    mov edi, EXITS / 4          /* for translators */
    jmp exit_often

exits:
    rdtsc
    shl rdx, 32
    or rax, rdx
    mov [ticks], rax
    mov edi, EXITS
    call exit_often
    rdtsc
    shl rdx, 32
    or rax, rdx
    sub rax, [ticks]
    mov [ticks], rax
    mov eax, EXITS
    ret

exit_often:
    xor eax, eax
    xor ecx, ecx
    cpuid
    dec edi
    jnz exit_often
    ret

tell_ticks:
    mov rax, [ticks]
    ret

.section .data
.balign 8
ticks: .quad 0
routines: .quad exits, exits_name, tell_ticks, ticks_name, 0

.section .rodata
exits_name: .asciz "kvm-exits"
ticks_name: .asciz "kvm-ticks"
