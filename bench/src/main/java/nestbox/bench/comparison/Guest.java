package nestbox.bench.comparison;

import java.nio.file.Path;

/// What all emulators run: the same bytes.
sealed interface Guest {
    /// How much memory its machine has.
    int memoryMib();

    /// A program without an operating system.
    ///
    /// @param elf as a multiboot loader wants it
    /// @param flat the same, as it lies in memory from [Guests#PROGRAM_BASE] on
    record Program(Path elf, Path flat, int entry) implements Guest {
        @Override
        public int memoryMib() {
            return 512;
        }
    }

    /// A Linux with what it boots from.
    record Linux(Path kernel, Path initrd, String commandLine, int memoryMib) implements Guest {}
}
