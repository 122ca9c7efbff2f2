package nestbox.conformance.guests;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A freestanding program in C that checks the processor it runs on and prints a line per check.
///
/// Paging, faults and privilege can't be reached from user mode, hence programs that own the
/// board. What one needs stands in its first comment: `@processors 4`, `@multiboot 2`, `@vmx no`,
/// `@ends reset`.
///
/// @param source the C file in `legacy` (32-bit protected mode), `long` (long mode), `vmx` (long
///     mode, for a hypervisor) or `service` (long mode, for a Service VM)
record GuestProgram(Path source) {
    static final Path ROOT = Path.of("src", "test", "guests");

    private static final List<String> FLAGS =
            List.of(
                    "-std=gnu17",
                    "-O1",
                    "-Wall",
                    "-Wextra",
                    "-Werror",
                    "-ffreestanding",
                    "-fno-builtin",
                    "-fno-pic",
                    "-no-pie",
                    "-fno-stack-protector",
                    "-fno-asynchronous-unwind-tables",
                    "-fno-inline-functions",
                    "-fcf-protection=none",
                    "-mno-red-zone",
                    "-mgeneral-regs-only",
                    "-masm=intel");

    static List<GuestProgram> all() {
        return Stream.of("legacy", "long", "vmx", "service")
                .flatMap(world -> filesOf(ROOT.resolve(world)).stream())
                .filter(file -> file.toString().endsWith(".c"))
                .map(GuestProgram::new)
                .toList();
    }

    String name() {
        return source.getFileName().toString().replaceFirst("\\.c$", "");
    }

    @Override
    public String toString() {
        return name();
    }

    Board.Options options() {
        return new Board.Options(Integer.parseInt(note("processors", "1")), 128);
    }

    /// Whether the program is meant to end in a reset instead of through the exit port.
    boolean endsInReset() {
        return note("ends", "exit").equals("reset");
    }

    /// Whether the program is about a processor without VMX.
    boolean lacksVmx() {
        return note("vmx", "yes").equals("no");
    }

    /// Whether the program runs guests of its own.
    boolean isHypervisor() {
        return isIn("vmx");
    }

    /// Whether the program is about being a Service VM.
    boolean isServiceVm() {
        return isIn("service");
    }

    private boolean isIn(String world) {
        return source.getParent().endsWith(world);
    }

    private String note(String key, String fallback) {
        try {
            Matcher m = Pattern.compile("@" + key + " (\\w+)").matcher(Files.readString(source));
            return m.find() ? m.group(1) : fallback;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Compiles and links what is older than its sources; answers a 32-bit multiboot ELF.
    Path build(Path target) {
        try {
            boolean legacy = isIn("legacy");
            boolean multiboot2 = note("multiboot", "1").equals("2");
            Path directory = target.resolve((legacy ? "legacy" : "long") + (multiboot2 ? "2" : ""));
            Files.createDirectories(directory);
            List<String> compile = new ArrayList<>(List.of("gcc", legacy ? "-m32" : "-m64"));
            compile.addAll(FLAGS);
            compile.add("-I" + ROOT.resolve("lib"));
            compile.add("-I" + ROOT.resolve("lib/vmx"));
            if (multiboot2) {
                compile.add("-DMULTIBOOT2");
            }
            List<Path> sources = new ArrayList<>(filesOf(ROOT.resolve("lib")));
            if (isHypervisor()) {
                sources.addAll(filesOf(ROOT.resolve("lib/vmx")));
            }
            sources.removeIf(file -> !file.toString().matches(".*\\.[cS]"));
            sources.add(source);
            List<String> link = new ArrayList<>(linker(legacy));
            for (Path file : sources) {
                Path object = directory.resolve(file.getFileName() + ".o");
                if (stale(object, file)) {
                    List<String> command = new ArrayList<>(compile);
                    command.addAll(List.of("-c", file.toString(), "-o", object.toString()));
                    execute(command);
                }
                link.add(object.toString());
            }
            Path linked = directory.resolve(name() + ".linked");
            Path elf = directory.resolve(name() + ".elf");
            link.addAll(List.of("-o", linked.toString()));
            execute(link);
            execute(List.of("objcopy", "-O", "elf32-i386", linked.toString(), elf.toString()));
            return elf;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<String> linker(boolean legacy) {
        return List.of(
                "ld",
                "-m",
                legacy ? "elf_i386" : "elf_x86_64",
                "-nostdlib",
                "-static",
                "--no-warn-rwx-segments",
                "-z",
                "noexecstack",
                "-z",
                "max-page-size=4096",
                "-T",
                ROOT.resolve("lib/guest.ld").toString());
    }

    private static boolean stale(Path object, Path source) throws IOException {
        if (!Files.exists(object)) {
            return true;
        }
        FileTime built = Files.getLastModifiedTime(object);
        List<Path> headers = new ArrayList<>(filesOf(ROOT.resolve("lib")));
        headers.addAll(filesOf(ROOT.resolve("lib/vmx")));
        headers.removeIf(file -> !file.toString().endsWith(".h"));
        for (Path file : headers) {
            if (Files.getLastModifiedTime(file).compareTo(built) >= 0) {
                return true;
            }
        }
        return Files.getLastModifiedTime(source).compareTo(built) >= 0;
    }

    private static List<Path> filesOf(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void execute(List<String> command) throws IOException {
        File output = File.createTempFile("guest-build", ".txt");
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(output)
                            .start();
            if (!process.waitFor(2, TimeUnit.MINUTES) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException(
                        String.join(" ", command) + "\n" + Files.readString(output.toPath()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            Files.delete(output.toPath());
        }
    }
}
