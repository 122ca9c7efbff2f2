/* Constants that C and assembly share. */
#ifndef LAYOUT_H
#define LAYOUT_H

/* Where the 16-bit code and data lie; CS = REAL_SEGMENT in real and virtual-8086 mode. */
#define REAL_BASE 0x10000
#define REAL_SEGMENT 0x1000

/* In long mode the first GiB appears once more here, open to CPL 3; the identity map is for CPL 0. */
#define USER_ALIAS 0x40000000

/* Selectors. The order of the first ones suits SYSCALL, SYSRET, SYSENTER and SYSEXIT. */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE32 0x1b
#define USER_DATA 0x23
#define USER_CODE64 0x2b
#define KERNEL_CODE32 0x30
#define KERNEL_CODE16 0x38
#define KERNEL_DATA16 0x40
#define USER_CODE16 0x4b
#define USER_DATA16 0x53
#define MAIN_TSS 0x60
#define RECORDER_TSS 0x70
/* From here to 0x2ff the programs put what they like. */
#define FREE_SELECTOR 0x80
#define AP_TSS 0x300
#define GDT_ENTRIES 256

/* A run of code in a context ends with INT here, or with any other event. */
#define END_VECTOR 0x30

#define MAX_CPUS 8
#define STACK_SIZE 8192

#endif
