/* The last 64 KiB of a ROM of 1 MiB: copies the program before it to RAM and enters it as multiboot 1 does. */
.intel_syntax noprefix
.code32
.section .text
start32:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esp, 0x8000
    cld
    mov esi, 0xfff00000
    mov edi, 0x100000
    mov ecx, 0xf0000/4
    rep movsd
    mov edi, 0x1f0000 /* a bss finds zeros */
    mov ecx, 0x300000/4
    xor eax, eax
    rep stosd
    mov eax, 0x2badb002
    mov ebx, 0x7000
    mov ecx, [0xfffeff00]
    jmp ecx
.balign 8
gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
.code16
start16:
    cli
    lgdtd cs:[0x100]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66,0xea
    .long 0xffff0000
    .short 8
.org 0x100
    .short 23
    .long 0xffff0000 + gdt - start32
.org 0xfff0
    cli
    .byte 0xe9
    .short start16 - (. + 2)
.org 0xffff
    .byte 0
