/* Work for one cost centre after the other, in 64-bit mode with 4-KiB pages, as programs run.
 *
 * Before each centre the line "begin NAME" goes to COM1, after it "end NAME CHECKSUM"; when both
 * are sent is what the host measures. The checksum tells that every emulator has done the work.
 * Counts are such that every emulator has enough to do in each centre: 400 million instructions and
 * more. */
.intel_syntax noprefix

.equ COM1, 0x3f8
.equ LINE_STATUS, COM1 + 5
.equ TRANSMITTER_EMPTY, 0x40

.equ MAPPED, 16                 /* MiB */
.equ PML4, 0x200000
.equ PDPT, PML4 + 0x1000
.equ DIRECTORY, PDPT + 0x1000
.equ TABLES, DIRECTORY + 0x1000
.equ STACK, 0x400000
.equ BUFFER, 0x800000
.equ BUFFER_SIZE, 0x80000

.section .text
.code32
.balign 4
    .long 0x1badb002, 0, -0x1badb002
.globl start
start:
    cli
    cld
    mov esp, STACK
    mov edi, PML4
    mov ecx, (0x3000 + MAPPED * 0x800) / 4
    xor eax, eax
    rep stosd
    mov dword ptr [PML4], PDPT + 3
    mov dword ptr [PDPT], DIRECTORY + 3
    xor ecx, ecx
1:  mov eax, ecx
    shl eax, 12
    lea eax, [eax + TABLES + 3]
    mov [DIRECTORY + ecx * 8], eax
    inc ecx
    cmp ecx, MAPPED / 2
    jb 1b
    xor ecx, ecx
2:  mov eax, ecx
    shl eax, 12
    or eax, 3
    mov [TABLES + ecx * 8], eax
    inc ecx
    cmp ecx, MAPPED * 0x100
    jb 2b
    mov eax, cr4
    or eax, 0x20                /* PAE */
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, 0xc0000080         /* IA32_EFER */
    rdmsr
    or eax, 0x100               /* LME */
    wrmsr
    mov eax, cr0
    or eax, 0x80000000          /* PG */
    mov cr0, eax
    lgdt [descriptor_table]
    ljmp 8, offset long_mode

.balign 8
segments:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
descriptor_table:
    .short . - segments - 1
    .long segments

.code64
long_mode:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov rsp, STACK
    mov dx, COM1 + 1            /* no interrupts; 115200, 8N1 */
    xor eax, eax
    out dx, al
    mov dx, COM1 + 3
    mov al, 0x80
    out dx, al
    mov dx, COM1
    mov al, 1
    out dx, al
    inc dx
    xor eax, eax
    out dx, al
    mov dx, COM1 + 3
    mov al, 3
    out dx, al
    mov r15, offset centres
3:  mov rsi, offset begin_text
    call print
    mov rsi, [r15 + 8]
    call print
    mov al, '\n'
    call put
    call drain
    call [r15]
    mov r14, rax
    mov rsi, offset end_text
    call print
    mov rsi, [r15 + 8]
    call print
    mov al, ' '
    call put
    call print_checksum
    mov al, '\n'
    call put
    call drain
    add r15, 16
    cmp qword ptr [r15], 0
    jne 3b
    mov rsi, offset done_text
    call print
    call drain
    mov dx, 0xf4                /* the exit port, where there is one */
    xor eax, eax
    out dx, al
4:  hlt
    jmp 4b

/* Sends AL. */
put:
    mov ah, al
    mov dx, LINE_STATUS
5:  in al, dx
    test al, 0x20
    jz 5b
    mov al, ah
    mov dx, COM1
    out dx, al
    ret

/* Waits until everything is sent. */
drain:
    mov dx, LINE_STATUS
6:  in al, dx
    test al, TRANSMITTER_EMPTY
    jz 6b
    ret

/* Sends the text at RSI. */
print:
    mov al, [rsi]
    test al, al
    jz 7f
    call put
    inc rsi
    jmp print
7:  ret

/* Sends R14 in hexadecimal. */
print_checksum:
    mov ecx, 16
8:  rol r14, 4
    mov eax, r14d
    and eax, 15
    mov rsi, offset digits
    mov al, [rsi + rax]
    call put
    dec ecx
    jnz 8b
    ret

/* Arithmetic and logic in registers; 22 instructions a turn. */
integer:
    mov ecx, 27000000
    mov rax, 0x123456789abcdef
    mov ebx, 1
    mov edx, 3
    mov esi, 7
    mov edi, 11
    mov r8d, 13
1:  add rax, rbx
    lea rbx, [rbx + rdx * 4 + 5]
    xor edx, esi
    imul rsi, rdi
    add esi, 0x1234567
    rol rdi, 7
    sub rdi, rax
    mov r9, rax
    shr r9, 17
    xor rbx, r9
    and r9d, 0xff
    adc r8, r9
    movzx r10d, r8b
    or edx, r10d
    neg r10
    add rdx, r10
    mov r11d, edx
    shl r11, 3
    not r11
    xor rax, r11
    dec ecx
    jnz 1b
    add rax, rbx
    add rax, r8
    ret

/* Loads and stores of all widths over 512 KiB, 128 pages; 20 instructions a turn. */
memory:
    mov edi, BUFFER
    mov ecx, BUFFER_SIZE / 8
    mov rax, 0x9e3779b97f4a7c15
    rep stosq
    mov ebp, BUFFER
    mov ecx, 20000000
    xor eax, eax
    xor ebx, ebx
    xor edx, edx
1:  mov r8, [rbp + rbx]
    add rax, r8
    rol rax, 5
    mov [rbp + rbx + 8], rax
    movzx r9d, byte ptr [rbp + rbx + 17]
    add [rbp + rbx + 20], r9d
    movsx r10, word ptr [rbp + rdx + 2]
    mov [rbp + rdx + 6], r10w
    push rax
    xor rax, [rbp + rdx + 24]
    pop r11
    mov [rbp + rdx + 33], r11b
    cmp r11, [rsp]
    adc dword ptr [rbp + rdx + 40], 3
    add ebx, 64
    and ebx, BUFFER_SIZE - 1
    add edx, 4160
    and edx, BUFFER_SIZE - 64
    dec ecx
    jnz 1b
    ret

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
centres:
    .quad integer, integer_text
    .quad memory, memory_text
    .quad calls, calls_text
    .quad branches, branches_text
    .quad 0
begin_text: .asciz "begin "
end_text: .asciz "end "
done_text: .asciz "done\n"
integer_text: .asciz "integer"
memory_text: .asciz "memory"
calls_text: .asciz "calls"
branches_text: .asciz "branches"
digits: .ascii "0123456789abcdef"
