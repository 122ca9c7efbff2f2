package nestbox.app.cli;

import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Options that say what to boot.
final class GuestOptions {
    static final String KERNEL =
            "A Linux bzImage, or a multiboot or multiboot2 kernel. Default: a built-in guest.";
    static final String INITRD = "Initial RAM disk; for a multiboot kernel, its first module.";
    static final String MODULE = "A module for a multiboot kernel; may be given more than once.";
    static final String GUEST =
            "Which built-in guest to boot: default, login, kvm or xen (these two are hypervisors with"
                    + " a guest of their own). It is built from Debian packages when it is first"
                    + " used.";

    @Option(names = "--kernel", paramLabel = "FILE", description = KERNEL)
    Optional<Path> kernel = Optional.empty();

    @Option(names = "--initrd", paramLabel = "FILE", description = INITRD)
    Optional<Path> initrd = Optional.empty();

    @Option(
            names = "--append",
            paramLabel = "TEXT",
            description =
                    "Kernel command line. Default for a Linux kernel: console=ttyS0. A "
                            + "built-in guest gets it in addition to its own.")
    Optional<String> append = Optional.empty();

    @Option(names = "--module", paramLabel = "'FILE[ ARGUMENTS]'", description = MODULE)
    List<String> modules = new ArrayList<>();

    @Option(names = "--guest", paramLabel = "NAME", description = GUEST)
    Optional<String> guest = Optional.empty();

    GuestChoice choice() {
        return new GuestChoice(kernel, initrd, append, modules, guest);
    }
}
