package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;

/// A multiboot kernel and its modules in memory: what both versions of the specification have in
/// common.
///
/// Modules follow the kernel, because small kernels map only the first few megabytes; what tells
/// the kernel about them lies in low memory, where no kernel of that kind has its own data yet.
///
/// @param entry physical address of the first instruction
/// @param start start of the memory that the kernel takes
/// @param sections its ELF section headers, if it has some
record MultibootKernel(
        long entry, long start, Optional<ElfImage.Sections> sections, List<Module> modules) {

    /// @param text the module's string: file name and arguments
    record Module(long start, long end, String text) {}

    static final String LOADER_NAME = "Nestbox";

    private static final long INFORMATION = 0x1_0000;

    /// @param entry where to start if not at the ELF entry point
    static MultibootKernel load(
            BootImages images,
            Optional<LoadAddresses> addresses,
            Optional<Long> entry,
            FreeMemory free) {
        BootFile kernel = images.kernel();
        if (addresses.isPresent()) {
            long end = addresses.get().load(kernel, free);
            long start =
                    entry.orElseThrow(
                            () ->
                                    BootException.unusable(
                                            kernel,
                                            "its multiboot header has no entry address: add one"));
            return new MultibootKernel(
                    start, addresses.get().load(), Optional.empty(), modules(images, end, free));
        }
        ElfImage elf = ElfImage.of(kernel);
        long elfEntry = elf.load(free);
        Optional<ElfImage.Sections> sections = elf.loadSections(free);
        return new MultibootKernel(
                entry.orElse(elfEntry), elf.start(), sections, modules(images, elf.end(), free));
    }

    /// Puts the information structure into memory.
    ///
    /// @param information its bytes at a given address; their number is always the same
    /// @param magic for EAX
    StartState start(
            BootFile kernel, LongFunction<byte[]> information, int magic, FreeMemory free) {
        Ram ram = free.ram();
        byte[] draft = information.apply(0);
        long address = place(kernel, free, draft.length, INFORMATION);
        ram.write(address, information.apply(address), 0, draft.length);
        long gdt = place(kernel, free, FlatSegments.SIZE, 0);
        FlatSegments.PROTECTED_MODE.write(ram, gdt);
        return FlatSegments.start32(entry, magic, address, gdt);
    }

    /// The string that names a file to the kernel. The file's name comes first, as older loaders
    /// have it: kernels drop the first word unless they know the loader better.
    static String text(BootFile file, String arguments) {
        return arguments.isEmpty() ? file.name() : file.name() + " " + arguments;
    }

    /// `mem_upper`: KiB from 1 MiB up to the first hole.
    static int upperKibibytes(MemoryLayout layout) {
        return (int) (layout.firstHole() - MemoryLayout.ONE_MIB >> 10);
    }

    /// `mem_lower`: KiB from 0 on.
    static int lowerKibibytes() {
        return (int) (MemoryLayout.CONVENTIONAL_END >> 10);
    }

    private static List<Module> modules(BootImages images, long kernelEnd, FreeMemory free) {
        List<BootImages.Module> files = new ArrayList<>();
        images.initrd().ifPresent(file -> files.add(new BootImages.Module(file, "")));
        files.addAll(images.modules());
        List<Module> placed = new ArrayList<>();
        long end = Math.max(kernelEnd, MemoryLayout.ONE_MIB);
        for (BootImages.Module module : files) {
            long size = module.file().size();
            long after = end;
            long start =
                    free.takeLowest(size, GuestMemory.PAGE_SIZE, after)
                            .orElseThrow(
                                    () ->
                                            MemoryNeed.exception(
                                                    images.kernel(),
                                                    free.layout(),
                                                    "the module " + module.file().name(),
                                                    after + size));
            module.file().copyTo(free.ram(), start, 0, size);
            end = start + size;
            placed.add(new Module(start, end, text(module.file(), module.arguments())));
        }
        return placed;
    }

    private static long place(BootFile kernel, FreeMemory free, long size, long from) {
        return free.takeLowest(size, FlatSegments.ALIGNMENT, from)
                .orElseThrow(
                        () ->
                                MemoryNeed.exception(
                                        kernel,
                                        free.layout(),
                                        "the kernel and what it is to be told",
                                        free.layout().usableBytes() + size));
    }
}
