package nestbox.images.apt;

import nestbox.images.ImageException;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// Runs one of the machine's own programs to its end and keeps what it printed.
record Command(int status, String output, String errors) {

    static Command run(List<String> command, Path folder) {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
        builder.environment().put("LC_ALL", "C");
        builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
        Process process;
        try {
            process = builder.start();
            process.getOutputStream().close();
        } catch (IOException e) {
            throw new ImageException(
                    "Guest images are made from packages, and "
                            + command.getFirst()
                            + " can't be run here: build the image on a Debian machine and copy"
                            + " its cache folder, or install apt.",
                    e);
        }
        CompletableFuture<String> output = drain(process.getInputStream());
        CompletableFuture<String> errors = drain(process.getErrorStream());
        try {
            int status = process.waitFor();
            return new Command(status, output.join(), errors.join());
        } catch (InterruptedException e) {
            process.destroy();
            Thread.currentThread().interrupt();
            throw new ImageException("The build of the guest image was interrupted.", e);
        }
    }

    boolean ok() {
        return status == 0;
    }

    /// The first complaint, without apt's "E:".
    String complaint() {
        List<String> lines = errors.lines().filter(line -> !line.isBlank()).toList();
        return lines.stream()
                .filter(line -> line.startsWith("E:"))
                .findFirst()
                .or(() -> lines.stream().findFirst())
                .map(line -> line.replaceFirst("^[EW]:\\s*", "").strip())
                .orElse("it ended with status " + status);
    }

    private static CompletableFuture<String> drain(InputStream in) {
        CompletableFuture<String> text = new CompletableFuture<>();
        Thread.ofPlatform()
                .daemon()
                .start(
                        () -> {
                            try (in) {
                                text.complete(
                                        new String(in.readAllBytes(), StandardCharsets.UTF_8));
                            } catch (IOException e) {
                                text.completeExceptionally(new UncheckedIOException(e));
                            }
                        });
        return text;
    }
}
