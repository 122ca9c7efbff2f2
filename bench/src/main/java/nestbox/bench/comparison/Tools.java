package nestbox.bench.comparison;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// Programs of the host that the comparison needs.
final class Tools {
    private static final List<String> NEEDED =
            List.of("qemu-system-x86_64", "bochs", "as", "ld", "objcopy");

    private Tools() {}

    /// Says what to install if something is missing.
    static void check() {
        List<String> missing =
                Stream.concat(
                                NEEDED.stream().filter(name -> !onPath(name)),
                                Stream.of(Bochs.FIRMWARE)
                                        .filter(file -> !Files.exists(file))
                                        .map(Path::toString))
                        .toList();
        if (!missing.isEmpty()) {
            throw new BenchException(
                    "%s not found: install Debian's qemu-system-x86, bochs, seabios and binutils."
                            .formatted(String.join(", ", missing)));
        }
    }

    private static boolean onPath(String name) {
        return Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
    }

    /// Runs a program to its end.
    ///
    /// @return what it printed
    static String run(Object... command) {
        List<String> words = Arrays.stream(command).map(Object::toString).toList();
        try {
            Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new BenchException(String.join(" ", words) + " failed:\n" + output);
            }
            return output;
        } catch (IOException e) {
            throw new BenchException("Can't run " + words.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException(words.getFirst() + " was interrupted: start again.", e);
        }
    }
}
