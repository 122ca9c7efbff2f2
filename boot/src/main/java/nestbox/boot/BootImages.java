package nestbox.boot;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

import java.util.List;
import java.util.Optional;

/// A kernel and all that is handed to it: what a machine boots, and boots again when it resets.
///
/// @param commandLine what the user says to the kernel
public record BootImages(
        BootFile kernel, Optional<BootFile> initrd, String commandLine, List<Module> modules)
        implements AutoCloseable {
    private static final short GZIP = (short) 0x8B1F;

    /// A file that a multiboot loader hands to the kernel.
    ///
    /// @param arguments what follows the file's name in the module's string
    public record Module(BootFile file, String arguments) {}

    public BootImages {
        modules = List.copyOf(modules);
    }

    /// The same with another command line.
    public BootImages with(String otherLine) {
        return new BootImages(kernel, initrd, otherLine, modules);
    }

    /// Whether a kernel is one of Linux.
    public static boolean isLinux(BootFile kernel) {
        return LinuxHeader.of(kernel).isPresent();
    }

    /// Puts everything into the memory of a board.
    ///
    /// @throws BootException when that can't be done
    public StartState load(GuestMemory memory) {
        return load(memory, MemoryLayout.of(memory));
    }

    /// Puts everything into memory by the boot protocol that the kernel's contents ask for.
    ///
    /// @param layout what the kernel is told about the memory, and where it may be put
    /// @throws BootException when that can't be done
    public StartState load(Ram ram, MemoryLayout layout) {
        FreeMemory free = new FreeMemory(ram, layout);
        Optional<LinuxHeader> linux = LinuxHeader.of(kernel);
        if (linux.isPresent()) {
            return new LinuxLoader(this, linux.get(), free).load();
        }
        Optional<Multiboot2Header> multiboot2 = Multiboot2Header.of(kernel);
        if (multiboot2.isPresent()) {
            return new Multiboot2Loader(this, multiboot2.get(), free).load();
        }
        Optional<Multiboot1Header> multiboot1 = Multiboot1Header.of(kernel);
        if (multiboot1.isPresent()) {
            return new Multiboot1Loader(this, multiboot1.get(), free).load();
        }
        throw new BootException(whyNot());
    }

    /// Puts an ELF kernel into memory: by multiboot if it asks for that, else by its program
    /// headers alone, to be started in 32-bit protected mode.
    ///
    /// @throws BootException when that can't be done
    public StartState loadElf(Ram ram, MemoryLayout layout) {
        boolean multiboot =
                Multiboot2Header.of(kernel).isPresent() || Multiboot1Header.of(kernel).isPresent();
        return multiboot ? load(ram, layout) : PlainKernel.elf(kernel, new FreeMemory(ram, layout));
    }

    /// Puts a kernel into memory as it is, to be started in 32-bit protected mode.
    ///
    /// @param address of its first byte
    /// @param entry address of its first instruction
    /// @throws BootException when that can't be done
    public StartState loadRaw(Ram ram, MemoryLayout layout, long address, long entry) {
        return PlainKernel.raw(kernel, address, entry, new FreeMemory(ram, layout));
    }

    private String whyNot() {
        if (kernel.size() == 0) {
            return "The kernel %s is empty: copy it again.".formatted(kernel.name());
        }
        if (kernel.head(0, 2).limit() == 2 && kernel.head(0, 2).getShort(0) == GZIP) {
            return "%s is compressed: unpack it with gunzip.".formatted(kernel.name());
        }
        if (ElfImage.looksLike(kernel)) {
            return ("The ELF file %s has no multiboot header: boot the bzImage of a Linux"
                            + " kernel, or link a multiboot header into the first 8 KiB.")
                    .formatted(kernel.name());
        }
        return ("%s is neither a Linux bzImage nor a multiboot kernel: name a kernel that is"
                        + " one of them.")
                .formatted(kernel.name());
    }

    @Override
    public void close() {
        kernel.close();
        initrd.ifPresent(BootFile::close);
        modules.forEach(module -> module.file().close());
    }
}
