package nestbox.boot;

import nestbox.platform.GuestMemory;

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
    static final int LIMIT = SIZE - 1;

    private static final long DATA_DESCRIPTOR = 0x00CF_9300_0000_FFFFL;

    private final long codeDescriptor;

    FlatSegments(long codeDescriptor) {
        this.codeDescriptor = codeDescriptor;
    }

    void write(GuestMemory memory, long address) {
        memory.writeLong(address, 0);
        memory.writeLong(address + 8, 0);
        memory.writeLong(address + CODE, codeDescriptor);
        memory.writeLong(address + DATA, DATA_DESCRIPTOR);
    }
}
