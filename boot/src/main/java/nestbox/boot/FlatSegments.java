package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.platform.Ram;

/// The descriptor table that a loader leaves behind: flat code at selector 0x10, flat data at 0x18.
///
/// The Linux boot protocol names these selectors (`__BOOT_CS`, `__BOOT_DS`); multiboot kernels take
/// any.
enum FlatSegments {
    PROTECTED_MODE(0x00CF_9B00_0000_FFFFL),
    LONG_MODE(0x00AF_9B00_0000_FFFFL);

    static final int CODE = 0x10;
    static final int DATA = 0x18;
    static final int SIZE = 0x20;
    static final int ALIGNMENT = 8;
    static final int LIMIT = SIZE - 1;

    private static final long DATA_DESCRIPTOR = 0x00CF_9300_0000_FFFFL;

    private final long codeDescriptor;

    FlatSegments(long codeDescriptor) {
        this.codeDescriptor = codeDescriptor;
    }

    /// Starts in 32-bit protected mode without paging.
    ///
    /// @param gdt where [#PROTECTED_MODE] was written
    static StartState start32(long entry, long eax, long ebx, long gdt) {
        return new StartState(false, entry, eax, ebx, 0, 0, gdt, LIMIT, CODE, DATA);
    }

    void write(Ram ram, long address) {
        ram.writeLong(address, 0);
        ram.writeLong(address + 8, 0);
        ram.writeLong(address + CODE, codeDescriptor);
        ram.writeLong(address + DATA, DATA_DESCRIPTOR);
    }
}
