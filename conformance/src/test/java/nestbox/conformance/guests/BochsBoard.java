package nestbox.conformance.guests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An installed Bochs as a second opinion on what QEMU doesn't check, such as limits; opt-in.
///
/// It gets the program as its ROM: no firmware is needed, and the other processors stay as a reset
/// leaves them.
final class BochsBoard implements Board {
    private static final int PROGRAM_BASE = 0x100000;
    private static final int PROGRAM_SIZE = 0xf0000;
    private static final int ENTRY_AT = 0xeff00;
    private static final Pattern LAST_LINE = Pattern.compile("^end (\\d+)$", Pattern.MULTILINE);

    @Override
    public Outcome run(Path elf, Options options) {
        try {
            Path directory = elf.resolveSibling(elf.getFileName() + ".bochs");
            Files.createDirectories(directory);
            Path console = directory.resolve("com1.txt");
            Files.deleteIfExists(console);
            Files.write(directory.resolve("rom.bin"), rom(elf));
            Files.writeString(directory.resolve("go.txt"), "c\n");
            Files.writeString(directory.resolve("bochsrc"), configuration(options));
            Process process =
                    new ProcessBuilder("bochs", "-q", "-rc", "go.txt", "-f", "bochsrc")
                            .directory(directory.toFile())
                            .redirectErrorStream(true)
                            .redirectInput(
                                    ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                            .redirectOutput(directory.resolve("output.txt").toFile())
                            .start();
            return await(process, console);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /// It has no exit port; the program's last line tells.
    private static Outcome await(Process process, Path console)
            throws IOException, InterruptedException {
        for (int i = 0; i < 1200; i++) {
            boolean ended = process.waitFor(100, TimeUnit.MILLISECONDS);
            String text =
                    Files.exists(console)
                            ? Files.readString(console, StandardCharsets.ISO_8859_1)
                            : "";
            Matcher last = LAST_LINE.matcher(text);
            if (last.find()) {
                process.destroyForcibly().waitFor();
                return new Outcome(text, new End.Exit(last.group(1).equals("0") ? 1 : 3));
            }
            if (ended) {
                return new Outcome(text, new End.Reset());
            }
        }
        process.destroyForcibly().waitFor();
        return new Outcome(Files.readString(console), new End.Timeout());
    }

    /// The segments of the program at the start, the loader in the last 64 KiB.
    private static byte[] rom(Path elf) throws IOException {
        ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(elf)).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer rom = ByteBuffer.allocate(0x100000).order(ByteOrder.LITTLE_ENDIAN);
        int headers = file.getInt(28);
        for (int i = 0; i < file.getShort(44); i++) {
            int header = headers + 32 * i;
            int size = file.getInt(header + 16);
            if (file.getInt(header) == 1 && size > 0) {
                int to = file.getInt(header + 12) - PROGRAM_BASE;
                rom.put(to, file, file.getInt(header + 4), size);
            }
        }
        rom.putInt(ENTRY_AT, file.getInt(24));
        rom.put(PROGRAM_SIZE, loader());
        return rom.array();
    }

    private static byte[] loader() throws IOException {
        Path source = GuestProgram.ROOT.resolve("references/rom.S");
        Path object = Files.createTempFile("rom", ".o");
        Path binary = Files.createTempFile("rom", ".bin");
        GuestProgram.execute(
                List.of("gcc", "-m32", "-c", source.toString(), "-o", object.toString()));
        GuestProgram.execute(
                List.of("objcopy", "-O", "binary", object.toString(), binary.toString()));
        byte[] bytes = Files.readAllBytes(binary);
        Files.delete(object);
        Files.delete(binary);
        return bytes;
    }

    private static String configuration(Options options) {
        return """
                plugin_ctrl: unmapped=1, biosdev=0, speaker=0, e1000=0, parallel=0
                config_interface: textconfig
                display_library: rfb, options="timeout=0"
                cpu: model=corei7_skylake_x, count=%d, ips=50000000, reset_on_triple_fault=0, \
                ignore_bad_msrs=0, msrs="/dev/null"
                memory: guest=%d, host=%2$d
                romimage: file=rom.bin, address=0xfff00000
                vgaromimage: file=/usr/share/seabios/vgabios-stdvga.bin
                vga: extension=none
                pci: enabled=1, chipset=i440fx
                clock: sync=none
                mouse: enabled=0
                log: log.txt
                com1: enabled=1, mode=file, dev=com1.txt
                panic: action=fatal
                error: action=report
                info: action=ignore
                debug: action=ignore
                """
                .formatted(options.processors(), options.memoryMegabytes());
    }

    @Override
    public String toString() {
        return "Bochs";
    }

    @Override
    public Deviations deviations() {
        return Deviations.of(GuestProgram.ROOT.resolve("references/bochs.txt"));
    }
}
