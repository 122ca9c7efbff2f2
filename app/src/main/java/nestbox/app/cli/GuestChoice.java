package nestbox.app.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// What a user wants a machine to boot.
///
/// @param modules each a file, perhaps with arguments behind it
/// @param guest a built-in one, in place of a kernel
record GuestChoice(
        Optional<Path> kernel,
        Optional<Path> initrd,
        Optional<String> append,
        List<String> modules,
        Optional<String> guest) {
    GuestChoice {
        modules = List.copyOf(modules);
    }

    /// A built-in guest as it is.
    static GuestChoice builtIn(String name) {
        return new GuestChoice(
                Optional.empty(), Optional.empty(), Optional.empty(), List.of(), Optional.of(name));
    }

    GuestChoice appending(String text) {
        return new GuestChoice(kernel, initrd, Optional.of(text), modules, guest);
    }
}
