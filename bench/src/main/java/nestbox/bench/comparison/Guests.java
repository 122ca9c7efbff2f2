package nestbox.bench.comparison;

import nestbox.images.GuestImage;

import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveOutputStream;
import org.apache.commons.compress.archivers.cpio.CpioConstants;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/// Makes the guests that are compared, in a folder that goes away with the run.
final class Guests {
    static final int PROGRAM_BASE = 0x100000;

    /// The byte that a guest sends first, if its beginning counts; no guest sends it otherwise.
    static final String ENTERED = "\u0002";

    /// Where Linux's 64-bit entry lies in the part of a bzImage that is loaded at 1 MiB.
    private static final int ENTRY_64 = 0x200;

    private static final int ELF_ENTRY = 24;
    private static final int SETUP_SECTORS = 0x1F1;

    /// CLD; CLI; XOR EAX,EAX; MOV DS,EAX: how the entry starts.
    private static final byte[] ENTRY_CODE = HexFormat.of().parseHex("fcfa31c08ed8");

    /// The same, then 2 to port 3F8H; EAX is 0 again at the end.
    private static final byte[] MARKER_CODE =
            HexFormat.of().parseHex("fcfa31c08ed8" + "66baf803" + "b002" + "ee" + "31c0");

    /// What the programs include.
    private static final List<String> INCLUDED =
            List.of("program.inc", "work.inc", "vmx.inc", "svm.inc");

    private final Path folder;

    Guests(Path folder) {
        this.folder = folder;
    }

    /// Assembles a program of `src/main/guests`.
    Guest.Program program(String name) {
        Path linked = folder.resolve(name + ".linked");
        Path elf = folder.resolve(name + ".elf");
        Path flat = folder.resolve(name + ".bin");
        link(name, linked, "-N", "--no-warn-rwx-segments", "-Ttext=0x100000");
        // Multiboot loaders want 32 bits, whatever the code in it is.
        Tools.run("objcopy", "-O", "elf32-i386", linked, elf);
        Tools.run("objcopy", "-O", "binary", linked, flat);
        return new Guest.Program(elf, flat, read(elf).getInt(ELF_ENTRY));
    }

    /// The boot sector that enters what lies in memory already.
    byte[] bootSector() {
        Path flat = folder.resolve("boot-sector.bin");
        link("boot-sector", flat, "--oformat", "binary", "-Ttext=0x7c00");
        return read(flat).array();
    }

    private void link(String name, Path output, Object... options) {
        Path object = folder.resolve(name + ".o");
        INCLUDED.forEach(this::copy);
        Tools.run("as", "--64", "-I", folder, "-o", object, copy(name + ".S"));
        Object[] command = {"ld", "-m", "elf_x86_64", "-e", "start", "-o", output, object};
        int length = command.length;
        command = Arrays.copyOf(command, length + options.length);
        System.arraycopy(options, 0, command, length, options.length);
        Tools.run(command);
    }

    /// Puts a source into the folder.
    private Path copy(String name) {
        Path source = folder.resolve(name);
        try (InputStream text = Guests.class.getResourceAsStream("/guests/" + name)) {
            Files.copy(text, source, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new BenchException("Can't write " + source + ": " + e.getMessage(), e);
        }
        return source;
    }

    /// The image with a kernel that tells on COM1 when it is entered.
    ///
    /// There is no other event that all emulators have in common: one starts the kernel's 16-bit
    /// part, one its 32-bit part, one its 64-bit part, and none says so. Nothing else is changed.
    Guest.Linux linux(GuestImage image) {
        ByteBuffer kernel = read(image.kernel());
        byte[] code = kernel.array();
        int entry = (kernel.get(SETUP_SECTORS) + 1) * 512 + ENTRY_64;
        int marker = entry - MARKER_CODE.length - Jump.SIZE;
        byte[] padding = new byte[entry - marker];
        int after = entry + ENTRY_CODE.length;
        if (!Arrays.equals(padding, Arrays.copyOfRange(code, marker, entry))
                || !Arrays.equals(ENTRY_CODE, Arrays.copyOfRange(code, entry, after))) {
            throw new BenchException(
                    "The kernel %s starts with code that the benchmark doesn't know: name another."
                            .formatted(image.kernel()));
        }
        kernel.put(marker, MARKER_CODE);
        kernel.put(entry - Jump.SIZE, Jump.code(entry - Jump.SIZE, after));
        kernel.put(entry, Jump.code(entry, marker));
        Path marked = folder.resolve("vmlinuz");
        try {
            Files.write(marked, code);
        } catch (IOException e) {
            throw new BenchException("Can't write " + marked + ": " + e.getMessage(), e);
        }
        return new Guest.Linux(marked, image.initrd(), image.defaultAppend(), image.memoryMiB());
    }

    /// The same Linux with more files, which take the place of those with the same names.
    ///
    /// @param files by path from the root; all may be executed
    Guest.Linux with(Guest.Linux linux, SequencedMap<String, byte[]> files) {
        Path initrd = folder.resolve("initrd");
        try (OutputStream out = Files.newOutputStream(initrd)) {
            byte[] first = Files.readAllBytes(linux.initrd());
            out.write(first);
            // The kernel takes one archive after the other; the second has to be aligned.
            out.write(new byte[-first.length & 3]);
            try (CpioArchiveOutputStream archive = new CpioArchiveOutputStream(out)) {
                for (Map.Entry<String, byte[]> file : files.entrySet()) {
                    byte[] bytes = file.getValue();
                    CpioArchiveEntry entry = new CpioArchiveEntry(file.getKey(), bytes.length);
                    entry.setMode(CpioConstants.C_ISREG | 0755);
                    archive.putArchiveEntry(entry);
                    archive.write(bytes);
                    archive.closeArchiveEntry();
                }
            }
        } catch (IOException e) {
            throw new BenchException("Can't write " + initrd + ": " + e.getMessage(), e);
        }
        return new Guest.Linux(linux.kernel(), initrd, linux.commandLine(), linux.memoryMib());
    }

    static ByteBuffer read(Path file) {
        try {
            return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new BenchException("Can't read " + file + ": " + e.getMessage(), e);
        }
    }

    /// JMP rel32.
    private static final class Jump {
        static final int SIZE = 5;

        static byte[] code(int from, int to) {
            return ByteBuffer.allocate(SIZE)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put((byte) 0xE9)
                    .putInt(to - from - SIZE)
                    .array();
        }
    }
}
