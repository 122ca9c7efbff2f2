package nestbox.bench.comparison;

import java.nio.file.Path;
import java.util.List;

/// A program that runs a guest on a PC with one processor, its serial port on standard output.
interface Emulator {
    String name();

    /// Which one it is, for the head of a report.
    String version();

    /// What to execute to run the guest.
    ///
    /// @param folder an empty folder for this run, in which the program is started
    List<String> command(Guest guest, Path folder);

    /// What to type as soon as it has started.
    default String input(Guest guest) {
        return "";
    }
}
