package nestbox.app.cli;

import nestbox.boot.BootFile;
import nestbox.boot.BootImages;
import nestbox.images.GuestImage;
import nestbox.images.GuestImages;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The files that a user wants to boot, own ones or those of a built-in guest.
///
/// @param ownLine the kernel command line that a built-in guest brings along
/// @param append what the user adds to it
/// @param defaultMemory RAM when the user doesn't say how much
record GuestFiles(
        Path kernel,
        Optional<Path> initrd,
        String ownLine,
        Optional<String> append,
        List<ModuleFile> modules,
        MemorySize defaultMemory) {
    /// A file for a multiboot kernel, and what is said to the kernel with it.
    record ModuleFile(Path path, String arguments) {
        /// @param text file and arguments, as on the command line
        static ModuleFile of(String text) {
            String[] words = text.strip().split(" ", 2);
            return new ModuleFile(Path.of(words[0]), words.length > 1 ? words[1] : "");
        }
    }

    private static final MemorySize ONE_GIB = MemorySize.ofMebibytes(1024);
    private static final String BUILT_IN = "default";
    private static final String CONSOLE = "console=";
    private static final String SERIAL_CONSOLE = CONSOLE + "ttyS0";

    /// Finds the files, and builds them if they are those of a built-in guest and not there yet.
    static GuestFiles of(GuestChoice choice, PrintWriter progress) {
        if (choice.kernel().isPresent()) {
            if (choice.guest().isPresent()) {
                throw new UserMistake(
                        "--guest and --kernel exclude each other: name a built-in"
                                + " guest or a kernel.");
            }
            return new GuestFiles(
                    choice.kernel().get(),
                    choice.initrd(),
                    "",
                    choice.append(),
                    choice.modules().stream().map(ModuleFile::of).toList(),
                    ONE_GIB);
        }
        if (choice.initrd().isPresent() || !choice.modules().isEmpty()) {
            throw new UserMistake(
                    "--initrd and --module belong to a kernel: name it with --kernel.");
        }
        return builtIn(choice.guest().orElse(BUILT_IN), choice.append(), progress);
    }

    private static GuestFiles builtIn(String name, Optional<String> append, PrintWriter progress) {
        GuestImages images =
                GuestImages.of(
                        GuestImages.defaultCacheFolder(System.getenv()),
                        step -> {
                            progress.println("nestbox: " + step);
                            progress.flush();
                        });
        GuestImage image = images.build(name);
        MemorySize memory = MemorySize.ofMebibytes(image.memoryMiB());
        if (image.hypervisor().isPresent()) {
            return new GuestFiles(
                    image.hypervisor().get(),
                    Optional.empty(),
                    image.defaultAppend(),
                    append,
                    List.of(new ModuleFile(image.kernel(), ""), new ModuleFile(image.initrd(), "")),
                    memory);
        }
        return new GuestFiles(
                image.kernel(),
                Optional.of(image.initrd()),
                image.defaultAppend(),
                append,
                List.of(),
                memory);
    }

    /// Opens the files, for a machine that the guest has to itself.
    BootImages images() {
        BootImages files = files();
        boolean silent =
                ownLine.isEmpty() && append.isEmpty() && BootImages.isLinux(files.kernel());
        return silent ? files.with(SERIAL_CONSOLE) : files;
    }

    /// Opens the files, with the command line that they have without a scenario.
    BootImages files() {
        OpenFiles open = new OpenFiles();
        try {
            BootFile file = open.add("kernel", kernel);
            Optional<BootFile> ramDisk = initrd.map(path -> open.add("initial RAM disk", path));
            List<BootImages.Module> loaded =
                    modules.stream().map(module -> open(module, open)).toList();
            return new BootImages(file, ramDisk, commandLine(""), loaded);
        } catch (RuntimeException e) {
            open.close();
            throw e;
        }
    }

    /// The kernel command line of a virtual machine.
    ///
    /// @param scenarioLine what the scenario says. Of two parameters that contradict each other
    ///     Linux mostly takes the later; so it goes behind what the guest brings along, and before
    ///     what the user adds. If it names a console, that is the only one: Linux takes the first
    ///     serial port of all that it is told, be it there or not
    String commandLine(String scenarioLine) {
        return Stream.of(ownLine(scenarioLine), scenarioLine, append.orElse(""))
                .filter(text -> !text.isEmpty())
                .collect(Collectors.joining(" "));
    }

    private String ownLine(String scenarioLine) {
        return scenarioLine.contains(CONSOLE)
                ? Stream.of(ownLine.split(" "))
                        .filter(word -> !word.startsWith(CONSOLE))
                        .collect(Collectors.joining(" "))
                : ownLine;
    }

    private static BootImages.Module open(ModuleFile module, OpenFiles open) {
        return new BootImages.Module(open.add("module", module.path()), module.arguments());
    }

    /// Files opened so far, in case that another can't be.
    private static final class OpenFiles {
        private final List<BootFile> files = new ArrayList<>();

        BootFile add(String role, Path path) {
            BootFile file = BootFile.open(role, path);
            files.add(file);
            return file;
        }

        void close() {
            files.forEach(BootFile::close);
        }
    }
}
