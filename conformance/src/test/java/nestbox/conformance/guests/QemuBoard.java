package nestbox.conformance.guests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// An installed QEMU as a second opinion on the programs themselves; opt-in.
final class QemuBoard implements Board {
    @Override
    public Outcome run(Path elf, Options options) {
        try {
            Path console = Files.createTempFile("guest", ".txt");
            Process process =
                    new ProcessBuilder(command(elf, options, console))
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start();
            boolean ended = process.waitFor(2, TimeUnit.MINUTES);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            String text = Files.readString(console);
            Files.delete(console);
            if (!ended) {
                return new Outcome(text, new End.Timeout());
            }
            int status = process.exitValue();
            return new Outcome(text, status == 0 ? new End.Reset() : new End.Exit(status));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static List<String> command(Path elf, Options options, Path console) {
        return List.of(
                "qemu-system-x86_64",
                "-kernel",
                elf.toString(),
                "-display",
                "none",
                "-serial",
                "file:" + console,
                "-device",
                "isa-debug-exit,iobase=0xf4,iosize=4",
                "-no-reboot",
                "-m",
                String.valueOf(options.memoryMegabytes()),
                "-cpu",
                "max,-la57",
                "-smp",
                String.valueOf(options.processors()));
    }

    @Override
    public String toString() {
        return "QEMU";
    }

    @Override
    public Deviations deviations() {
        return Deviations.of(GuestProgram.ROOT.resolve("references/qemu.txt"));
    }
}
