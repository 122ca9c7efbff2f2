/* Entering a context and leaving it by whatever interrupt or exception ends it. */
#include "layout.h"
.intel_syntax noprefix

/* Offsets in struct context and struct frame. */
#ifdef __x86_64__
#define W 8
#define GPRS 16
#define ADDRESS .quad
#else
#define W 4
#define GPRS 8
#define ADDRESS .long
#endif
#define C_IP (GPRS * W)
#define C_FLAGS (C_IP + W)
#define C_CS (C_IP + 2 * W)
#define C_SS (C_IP + 3 * W)
#define C_DS (C_IP + 4 * W)
#define C_ES (C_IP + 5 * W)
#define C_FS (C_IP + 6 * W)
#define C_GS (C_IP + 7 * W)
#define C_VECTOR (C_IP + 8 * W)
#define C_ERROR (C_IP + 9 * W)

.section .text
#ifdef __x86_64__
.code64
#else
.code32
#endif
.balign 16
.globl stubs
stubs:
vector = 0
.rept 256
    .balign 16
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21
    push 0
    .endif
    .byte 0x68
    .long vector
    jmp common
    vector = vector + 1
.endr

#ifdef __x86_64__
common:
    push rax
    push rbx
    push rcx
    push rdx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    mov rdi, rsp
    cld
    call dispatch
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rdx
    pop rcx
    pop rbx
    pop rax
    add rsp, 16
    iretq

/* void enter(struct context *); comes back through resume(). */
.globl enter
enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    pushfq
    mov [resume_sp], rsp
    mov eax, [rdi + C_DS]
    mov ds, eax
    mov eax, [rdi + C_ES]
    mov es, eax
    mov eax, [rdi + C_FS]
    mov fs, eax
    mov eax, [rdi + C_GS]
    mov gs, eax
    push [rdi + C_SS]
    push [rdi + 4 * W]
    push [rdi + C_FLAGS]
    push [rdi + C_CS]
    push [rdi + C_IP]
    mov rax, [rdi]
    mov rcx, [rdi + 8]
    mov rdx, [rdi + 16]
    mov rbx, [rdi + 24]
    mov rbp, [rdi + 40]
    mov rsi, [rdi + 48]
    mov r8, [rdi + 64]
    mov r9, [rdi + 72]
    mov r10, [rdi + 80]
    mov r11, [rdi + 88]
    mov r12, [rdi + 96]
    mov r13, [rdi + 104]
    mov r14, [rdi + 112]
    mov r15, [rdi + 120]
    mov rdi, [rdi + 56]
.globl enter_iret
enter_iret:
    iretq

.globl resume
resume:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov rsp, [resume_sp]
    popfq
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
#else
common:
    pushad
    push ds
    push es
    push fs
    push gs
    cld
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov eax, ss
    cmp eax, KERNEL_DATA
    jne 1f
    mov eax, esp
    push eax
    call dispatch
    add esp, 4
    pop gs
    pop fs
    pop es
    pop ds
    popad
    add esp, 8
    iretd
/* A stack that C can't use: the frame is copied, and only a context's end can come here. */
1:  mov esi, esp
    lar ecx, eax
    test ecx, 0x400000
    jnz 2f
    movzx esi, si
2:  mov edi, offset frame_copy
    mov ecx, 17
3:  mov edx, ss:[esi]
    mov [edi], edx
    add esi, 4
    add edi, 4
    dec ecx
    jnz 3b
    mov [frame_copy_ss], eax
    mov ss, [flat_data]
    mov esp, offset exception_stack + STACK_SIZE
    push offset frame_copy
    call dispatch
    ud2
flat_data: .long KERNEL_DATA

.globl enter
enter:
    mov eax, [esp + 4]
    push ebx
    push ebp
    push esi
    push edi
    pushfd
    mov [resume_sp], esp
    test dword ptr [eax + C_FLAGS], 0x20000
    jnz 2f
    test dword ptr [eax + C_CS], 3
    jnz 3f
    /* Same privilege: everything is taken from the context's own stack. */
    mov ss, [eax + C_SS]
    mov esp, [eax + 4 * W]
    jmp 4f
2:  push [eax + C_GS]
    push [eax + C_FS]
    push [eax + C_DS]
    push [eax + C_ES]
3:  push [eax + C_SS]
    push [eax + 4 * W]
4:  push [eax + C_FLAGS]
    push [eax + C_CS]
    push [eax + C_IP]
    push [eax]
    push [eax + 4]
    push [eax + 8]
    push [eax + 12]
    push 0
    push [eax + 20]
    push [eax + 24]
    push [eax + 28]
    test dword ptr [eax + C_FLAGS], 0x20000
    jnz 5f
    push [eax + C_ES]
    push [eax + C_FS]
    push [eax + C_GS]
    mov ds, [eax + C_DS]
    pop gs
    pop fs
    pop es
5:  popad
.globl enter_iret
enter_iret:
    iretd

.globl resume
resume:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov esp, [resume_sp]
    popfd
    pop edi
    pop esi
    pop ebp
    pop ebx
    ret

/* The task that records an exception in another task; the vector comes from recorder_vector. */
.globl recorder_entry
recorder_entry:
    push esp
    call record_task
    jmp resume

/* void enter_real(struct context *): leaves protected mode; comes back by any real-mode interrupt. */
.globl enter_real
enter_real:
    mov eax, [esp + 4]
    pushad
    pushfd
    mov [resume_sp], esp
    mov esi, eax
    mov edi, offset real_context + REAL_BASE
    mov ecx, (C_ERROR + W) / 4
    rep movsd
    lidt [real_idt]
    .byte 0xea
    .long leave_protected
    .short KERNEL_CODE16

.section .real, "awx"
.code16
leave_protected:
    mov ax, KERNEL_DATA16
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    .byte 0x66, 0xea
    .long 1f
    .short REAL_SEGMENT
1:  mov ax, REAL_SEGMENT
    mov ds, ax
    mov ebx, offset real_context
    mov ss, [bx + C_SS]
    mov esp, [bx + 4 * W]
    push word ptr [bx + C_FLAGS]
    push word ptr [bx + C_CS]
    push word ptr [bx + C_IP]
    mov es, [bx + C_ES]
    mov fs, [bx + C_FS]
    mov gs, [bx + C_GS]
    push word ptr [bx + C_DS]
    mov eax, [bx]
    mov ecx, [bx + 4]
    mov edx, [bx + 8]
    mov ebp, [bx + 20]
    mov esi, [bx + 24]
    mov edi, [bx + 28]
    mov ebx, [bx + 12]
    pop ds
    iretw

.balign 16
.globl real_stubs
real_stubs:
vector = 0
.rept 256
    .balign 16
    .byte 0x68
    .short vector
    .byte 0x66, 0xea
    .long real_end
    .short REAL_SEGMENT
    vector = vector + 1
.endr
real_end:
    mov cs:[real_context], eax
    mov cs:[real_context + 4], ecx
    mov cs:[real_context + 8], edx
    mov cs:[real_context + 12], ebx
    mov cs:[real_context + 20], ebp
    mov cs:[real_context + 24], esi
    mov cs:[real_context + 28], edi
    mov cs:[real_context + C_DS], ds
    mov cs:[real_context + C_ES], es
    mov cs:[real_context + C_FS], fs
    mov cs:[real_context + C_GS], gs
    mov cs:[real_context + C_SS], ss
    pop word ptr cs:[real_context + C_VECTOR]
    pop word ptr cs:[real_context + C_IP]
    pop word ptr cs:[real_context + C_CS]
    pop word ptr cs:[real_context + C_FLAGS]
    mov cs:[real_context + 4 * W], esp
    lgdtd cs:[real_context - 8]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea
    .long back_in_protected
    .short KERNEL_CODE
.balign 8 /* eight bytes before the context */
    .short GDT_ENTRIES * 8 - 1
    .long gdt
    .short 0
.globl real_context
real_context: .skip 128

.section .text
.code32
back_in_protected:
    mov eax, KERNEL_DATA
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov esp, [resume_sp]
    mov edi, [esp + 9 * 4 + 4]
    mov esi, offset real_context + REAL_BASE
    mov ecx, (C_ERROR + W) / 4
    cld
    rep movsd
    lidt [idt_pointer]
    popfd
    popad
    ret

.data
.balign 8
.globl real_idt
real_idt:
    .short 0x3ff
    .long 0
#endif

.data
.balign 8
.globl resume_sp, idt_pointer
resume_sp: ADDRESS 0
idt_pointer:
    .short 0
    ADDRESS 0

.bss
.globl frame_copy, frame_copy_ss
frame_copy: .skip 128
frame_copy_ss: .skip 8
