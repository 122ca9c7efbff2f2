package nestbox.bench.comparison;

import java.nio.file.Path;

/// What all emulators run: the same bytes.
sealed interface Guest {
    /// A program without an operating system.
    ///
    /// @param elf as a multiboot loader wants it
    /// @param flat the same, as it lies in memory from [Guests#PROGRAM_BASE] on
    record Program(Path elf, Path flat, int entry) implements Guest {}

    /// A Linux with what it boots from.
    record Linux(Path kernel, Path initrd, String commandLine) implements Guest {}
}
