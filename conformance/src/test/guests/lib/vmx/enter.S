/* VM entry and VM exit, and the handlers behind the guest's IDT. */
.intel_syntax noprefix
#define HOST_RSP 0x6c14
#define HOST_RIP 0x6c16

.section .text
.code64
/* word vm_enter(struct registers *, bool launched): 0 after a VM exit, else the status flags. */
.globl vm_enter
vm_enter:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    push rdi
    mov eax, HOST_RSP
    vmwrite rax, rsp
    lea rdx, [rip + vm_exited]
    mov eax, HOST_RIP
    vmwrite rax, rdx
    test esi, esi
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
    jnz 1f
    vmlaunch
    jmp 2f
1:  vmresume
2:  pushfq
    pop rax
    pop rdi
    jmp 3f
vm_exited:
    xchg rdi, [rsp]
    mov [rdi], rax
    mov [rdi + 8], rcx
    mov [rdi + 16], rdx
    mov [rdi + 24], rbx
    mov [rdi + 40], rbp
    mov [rdi + 48], rsi
    mov [rdi + 64], r8
    mov [rdi + 72], r9
    mov [rdi + 80], r10
    mov [rdi + 88], r11
    mov [rdi + 96], r12
    mov [rdi + 104], r13
    mov [rdi + 112], r14
    mov [rdi + 120], r15
    pop rax
    mov [rdi + 56], rax
    xor eax, eax
3:  pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret

/* An event that the guest gets is a VMCALL here; IRET goes on. */
.balign 16
.globl guest_stubs
guest_stubs:
.rept 256
    .balign 16
    vmcall
    iretq
.endr

.bss
.balign 4096
.globl guest_stacks
guest_stacks: .skip 3 * 4096
