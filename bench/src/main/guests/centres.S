/* Work for one cost centre after the other.
 *
 * Counts are such that every emulator has enough to do in each centre: 400 million instructions and
 * more. */
.include "program.inc"

.section .text
prepare:
    ret

.include "work.inc"

/* Near calls: recursive, through a register, through memory; 24 instructions a leaf and more. */
calls:
    mov r12d, 8
    xor r13d, r13d
1:  mov edi, 31
    call fibonacci
    add r13, rax
    mov ebx, 1200000
2:  mov rdx, offset targets
    mov eax, ebx
    and eax, 3
    call [rdx + rax * 8]
    mov rdx, [rdx]
    call rdx
    dec ebx
    jnz 2b
    dec r12d
    jnz 1b
    mov rax, r13
    ret

fibonacci:
    push rbx
    mov eax, edi
    cmp edi, 2
    jb 1f
    mov ebx, edi
    lea edi, [rbx - 1]
    call fibonacci
    push rax
    lea edi, [rbx - 2]
    call fibonacci
    pop rdx
    add rax, rdx
1:  pop rbx
    ret

first:
    inc r13
    ret
second:
    push rbp
    mov rbp, rsp
    add r13, rax
    leave
    ret
third:
    call first
    call first
    ret
fourth:
    lea r13, [r13 + rbx]
    ret

/* Conditional branches that follow pseudorandom bits, and jumps through a table. */
branches:
    mov ecx, 17000000
    mov r8, 0x9e3779b97f4a7c15
    xor eax, eax
1:  mov r9, r8                  /* xorshift64 */
    shl r9, 13
    xor r8, r9
    mov r9, r8
    shr r9, 7
    xor r8, r9
    mov r9, r8
    shl r9, 17
    xor r8, r9
    test r8b, 1
    jz 2f
    add rax, 3
2:  test r8d, 0x6000
    jnz 3f
    xor rax, r8
3:  cmp r8b, 0x40
    jg 4f
    inc rax
    cmp r8b, 0xc0
    jge 4f
    dec rax
    jmp 5f
4:  add rax, 5
5:  mov r10d, r8d
    shr r10d, 28
    and r10d, 3
    mov r11, offset ways
    jmp [r11 + r10 * 8]
way0:
    add rax, rcx
    jmp 6f
way1:
    sub rax, 9
    jmp 6f
way2:
    bt r8d, 20
    adc rax, 0
    jmp 6f
way3:
    xor eax, 0x55
6:  dec ecx
    jnz 1b
    ret

.section .rodata
.balign 8
targets: .quad first, second, third, fourth
ways: .quad way0, way1, way2, way3
routines:
    .quad integer, integer_text
    .quad memory, memory_text
    .quad calls, calls_text
    .quad branches, branches_text
    .quad 0
integer_text: .asciz "integer"
memory_text: .asciz "memory"
calls_text: .asciz "calls"
branches_text: .asciz "branches"
