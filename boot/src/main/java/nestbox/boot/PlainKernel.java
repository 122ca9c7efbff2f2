package nestbox.boot;

import nestbox.cpu.StartState;

/// A kernel that is told nothing: no boot protocol is asked for, so somebody says how it is loaded.
///
/// It starts in 32-bit protected mode without paging, with flat segments, like a multiboot kernel,
/// and with zeroes in the registers that would tell it more.
final class PlainKernel {
    private PlainKernel() {}

    /// An ELF file, by its program headers.
    static StartState elf(BootFile kernel, FreeMemory free) {
        return start(kernel, ElfImage.of(kernel).load(free), free);
    }

    /// The bytes of a file as they are.
    static StartState raw(BootFile kernel, long load, long entry, FreeMemory free) {
        long size = kernel.size();
        if (size == 0) {
            throw BootException.unusable(kernel, "it is empty: copy it again");
        }
        if (entry < load || entry - load >= size) {
            throw BootException.unusable(
                    kernel,
                    "its entry 0x%x isn't among the 0x%x bytes at 0x%x: correct the addresses"
                            .formatted(entry, size, load));
        }
        if (!free.take(load, size)) {
            throw BootException.unusable(
                    kernel,
                    "there is no free memory for its 0x%x bytes at 0x%x: load it elsewhere"
                            .formatted(size, load));
        }
        kernel.copyTo(free.ram(), load, 0, size);
        return start(kernel, entry, free);
    }

    private static StartState start(BootFile kernel, long entry, FreeMemory free) {
        long gdt =
                free.takeLowest(FlatSegments.SIZE, FlatSegments.ALIGNMENT, 0)
                        .orElseThrow(
                                () ->
                                        BootException.unusable(
                                                kernel, "it leaves no memory for its descriptors"));
        FlatSegments.PROTECTED_MODE.write(free.ram(), gdt);
        return FlatSegments.start32(entry, 0, 0, gdt);
    }
}
