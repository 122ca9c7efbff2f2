/* A boot sector that brings a guest from the disk to memory and enters it, for an emulator that
 * knows no boot protocol. The guest finds the state of Linux's 32-bit boot protocol and that of
 * multiboot at once; they don't contradict each other. */
.intel_syntax noprefix
.equ MAP, 0x8000                /* what INT 15H, E820H says */
.equ MAP_ENTRY, 20
.equ PARAMETERS_MAP_COUNT, 0x1e8
.equ PARAMETERS_MAP, 0x2d0
.equ BUFFER, 0x10000
.equ CHUNK, 64                  /* sectors read at once */

.code16
.globl start
start:
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov [drive], dl
    xor ebx, ebx
    xor bp, bp
    mov di, MAP
1:  mov eax, 0xe820
    mov edx, 0x534d4150
    mov ecx, MAP_ENTRY
    int 0x15
    jc 2f
    add di, MAP_ENTRY
    inc bp
    test ebx, ebx
    jnz 1b
2:  mov [map_count], bp
    in al, 0x92
    or al, 2
    out 0x92, al

/* Reads the parts one behind the other, chunk by chunk. */
    mov bx, offset parts
3:  cmp dword ptr [bx], 0
    je 5f
4:  push bx
    mov si, offset packet
    mov dl, [drive]
    mov ah, 0x42
    int 0x13
    jc failed
    pop bx
    call copy
    add dword ptr [lba], CHUNK
    add dword ptr [bx + 4], CHUNK * 512
    dec dword ptr [bx]
    jnz 4b
    add bx, 8
    jmp 3b
5:  call protect
.code32
    mov edi, [parameters]
    test edi, edi
    jz 6f
    movzx eax, word ptr [map_count]
    mov [edi + PARAMETERS_MAP_COUNT], al
    imul ecx, eax, MAP_ENTRY
    lea edi, [edi + PARAMETERS_MAP]
    mov esi, MAP
    rep movsb
6:  mov esi, [parameters]
    mov eax, 0x2badb002
    xor ebx, ebx
    xor ebp, ebp
    xor edi, edi
    jmp [entry]

/* Copies the buffer to where the part at BX goes on. */
.code16
copy:
    call protect
.code32
    movzx ebx, bx
    mov esi, BUFFER
    mov edi, [ebx + 4]
    mov ecx, CHUNK * 512 / 4
    rep movsd
    ljmp 0x20, offset 7f
.code16
7:  mov eax, cr0
    and al, 0xfe
    mov cr0, eax
    ljmp 0, offset 8f
8:  xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    sti
    ret

/* Returns to its 16-bit caller in 32-bit protected mode. */
protect:
    cli
    lgdt [descriptor_table]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    ljmp 0x10, offset 9f
.code32
9:  mov eax, 0x18
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    movzx esp, sp
    pop ax
    movzx eax, ax
    jmp eax

.code16
failed:
    hlt
    jmp failed

packet:
    .short 16, CHUNK, 0, BUFFER / 16
lba:
    .long CHUNK, 0
drive:
    .byte 0
map_count:
    .short 0
.balign 8
segments:
    .quad 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00009b000000ffff
descriptor_table:
    .short . - segments - 1
    .long segments

/* Written over by whoever makes the disk: parts of so many chunks that go to such an address. */
.org 0x1d0
parts:
    .long 0, 0, 0, 0, 0, 0, 0, 0
entry:
    .long 0
parameters:
    .long 0
.org 0x1fe
    .short 0xaa55
