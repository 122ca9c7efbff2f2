/* Says on COM1 that it runs, and goes on running, so that its emulator can be looked at. */
.intel_syntax noprefix
.code32
.equ MAGIC, 0x1badb002
.equ COM1, 0x3f8
.equ RUNS, 2

.balign 4
    .long MAGIC, 0, -MAGIC
.globl start
start:
    mov al, RUNS
    mov dx, COM1
    out dx, al
1:  jmp 1b
