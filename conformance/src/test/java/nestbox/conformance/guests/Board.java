package nestbox.conformance.guests;

import java.nio.file.Path;

/// A machine that a guest program can be started on.
///
/// The programs state what the manual says; which processor is held to it is the board's matter.
interface Board {
    /// Boots the program and waits for its end.
    Outcome run(Path elf, Options options);

    /// The checks that this machine is known to get wrong, or to skip.
    Deviations deviations();

    /// What a program needs of its board.
    record Options(int processors, int memoryMegabytes) {}

    /// What came out of the serial port, and how the run ended.
    record Outcome(String console, End end) {}

    /// How a run ended.
    sealed interface End {
        /// A write to the exit port.
        record Exit(int status) implements End {}

        /// A triple fault or another reset.
        record Reset() implements End {}

        /// Neither, within the time allowed.
        record Timeout() implements End {}
    }
}
