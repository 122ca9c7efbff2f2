package nestbox.cpu;

/// Where and how the bootstrap processor starts when a boot loader has put something into memory.
/// Interrupts are off, segments flat.
///
/// @param longMode 64-bit mode with the page tables at `cr3`; else 32-bit protected mode without
///     paging
/// @param entry linear (and physical) address of the first instruction
/// @param eax multiboot magic
/// @param ebx multiboot information
/// @param rsi address of Linux's boot parameters
/// @param cr3 root of the page tables; ignored without `longMode`
/// @param gdt address of a descriptor table in guest memory that holds both selectors
/// @param gdtLimit its last valid offset
/// @param code selector of CS
/// @param data selector of DS, ES, SS (and FS, GS)
public record StartState(
        boolean longMode,
        long entry,
        long eax,
        long ebx,
        long rsi,
        long cr3,
        long gdt,
        int gdtLimit,
        int code,
        int data) {}
