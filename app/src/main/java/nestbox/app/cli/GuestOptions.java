package nestbox.app.cli;

import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Options that say what to boot.
final class GuestOptions {
    @Option(
            names = "--kernel",
            paramLabel = "FILE",
            description =
                    "A Linux bzImage, or a multiboot or multiboot2 kernel. Default: a "
                            + "built-in guest.")
    Optional<Path> kernel = Optional.empty();

    @Option(
            names = "--initrd",
            paramLabel = "FILE",
            description = "Initial RAM disk; for a multiboot kernel, its first module.")
    Optional<Path> initrd = Optional.empty();

    @Option(
            names = "--append",
            paramLabel = "TEXT",
            description =
                    "Kernel command line. Default for a Linux kernel: console=ttyS0. A "
                            + "built-in guest gets it in addition to its own.")
    Optional<String> append = Optional.empty();

    @Option(
            names = "--module",
            paramLabel = "'FILE[ ARGUMENTS]'",
            description = "A module for a multiboot kernel; may be given more than once.")
    List<String> modules = new ArrayList<>();

    @Option(
            names = "--guest",
            paramLabel = "NAME",
            description =
                    "Which built-in guest to boot: default, kvm (a Linux with KVM and a "
                            + "guest of its own) or login. It is built from Debian packages when it "
                            + "is first used.")
    Optional<String> guest = Optional.empty();

    GuestChoice choice() {
        return new GuestChoice(kernel, initrd, append, modules, guest);
    }
}
