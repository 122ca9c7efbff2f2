package nestbox.bench.comparison;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/// Bochs as Debian ships it.
///
/// It knows no boot protocol, so it gets a disk whose boot sector does what a boot loader does. It
/// can place files in memory, too, but only small ones.
///
/// @param bootSector as [Guests#bootSector] makes it
/// @param append more for a Linux kernel's command line
record Bochs(byte[] bootSector, String append) implements Emulator {
    static final Path FIRMWARE = Path.of("/usr/share/seabios/bios.bin");
    private static final Path VIDEO_FIRMWARE = Path.of("/usr/share/seabios/vgabios-stdvga.bin");

    /// Without what KVM would use of this processor, but can't rely on here.
    private static final String FOR_KVM = "kvm_intel.preemption_timer=0 kvm_intel.enable_apicv=0";

    /// What the boot sector reads at once; every part of the disk starts at a multiple of it.
    private static final int CHUNK = 64 * 512;

    /// A disk has a whole number of these.
    private static final int CYLINDER = 16 * 63 * 512;

    // Where the boot sector wants what goes where, the entry and the address of the parameters.
    private static final int PARTS_FIELD = 0x1D0;
    private static final int ENTRY_FIELD = 0x1F0;
    private static final int PARAMETERS_FIELD = 0x1F4;

    /// The command line in one page, the boot parameters in the next.
    private static final int COMMAND_LINE = 0x0FFF_0000;

    private static final int PARAMETERS = 0x0FFF_1000;
    private static final int INITRD = 0x1000_0000;

    // Fields of Linux's boot parameters ("zero page").
    private static final int VIDEO_MODE = 0x06;
    private static final int VIDEO_COLUMNS = 0x07;
    private static final int VIDEO_LINES = 0x0E;
    private static final int VIDEO_IS_VGA = 0x0F;
    private static final int SETUP_SECTORS = 0x1F1;
    private static final int HEADER_JUMP = 0x201;
    private static final int LOADER_TYPE = 0x210;
    private static final int INITRD_ADDRESS = 0x218;
    private static final int INITRD_SIZE = 0x21C;
    private static final int COMMAND_LINE_ADDRESS = 0x228;
    private static final int UNKNOWN_LOADER = 0xFF;

    static Bochs plain(byte[] bootSector) {
        return new Bochs(bootSector, "");
    }

    /// One whose Linux runs guests of its own.
    static Bochs virtualizing(byte[] bootSector) {
        return new Bochs(bootSector, FOR_KVM);
    }

    @Override
    public String name() {
        return "Bochs";
    }

    @Override
    public String version() {
        return Tools.run("bochs", "--help", "cpu")
                .lines()
                .filter(line -> line.contains("Bochs x86 Emulator"))
                .map(String::strip)
                .findFirst()
                .orElse("");
    }

    @Override
    public List<String> command(Guest guest, Path folder) {
        try {
            Files.write(
                    folder.resolve("disk.img"),
                    switch (guest) {
                        case Guest.Program program -> disk(program);
                        case Guest.Linux linux -> disk(linux);
                    });
            Files.writeString(folder.resolve("bochsrc"), configuration(guest));
            // Debian's Bochs is built with a debugger, which waits for a command.
            Files.writeString(folder.resolve("continue"), "c\n");
        } catch (IOException e) {
            throw new BenchException("Can't write in " + folder + ": " + e.getMessage(), e);
        }
        return List.of("bochs", "-q", "-rc", "continue", "-f", "bochsrc");
    }

    private byte[] disk(Guest.Program program) throws IOException {
        Part part = new Part(Guests.PROGRAM_BASE, Files.readAllBytes(program.flat()));
        return disk(program.entry(), 0, List.of(part));
    }

    private byte[] disk(Guest.Linux linux) throws IOException {
        ByteBuffer kernel = Guests.read(linux.kernel());
        int setup = (kernel.get(SETUP_SECTORS) + 1) * 512;
        byte[] code = Arrays.copyOfRange(kernel.array(), setup, kernel.capacity());
        return disk(
                Guests.PROGRAM_BASE,
                PARAMETERS,
                List.of(
                        new Part(Guests.PROGRAM_BASE, code),
                        new Part(COMMAND_LINE, commandLineAndParameters(linux, kernel)),
                        new Part(INITRD, Files.readAllBytes(linux.initrd()))));
    }

    /// The boot sector in a chunk of its own, then the parts.
    private byte[] disk(int entry, int parameters, List<Part> parts) {
        int size = CHUNK + CHUNK * parts.stream().mapToInt(Part::chunks).sum();
        ByteBuffer disk =
                ByteBuffer.allocate(Math.ceilDiv(size, CYLINDER) * CYLINDER)
                        .order(ByteOrder.LITTLE_ENDIAN);
        disk.put(0, bootSector).putInt(ENTRY_FIELD, entry).putInt(PARAMETERS_FIELD, parameters);
        int field = PARTS_FIELD;
        int at = CHUNK;
        for (Part part : parts) {
            disk.putInt(field, part.chunks()).putInt(field + 4, part.address());
            disk.put(at, part.bytes());
            field += 8;
            at += part.chunks() * CHUNK;
        }
        return disk.array();
    }

    /// Bytes and where in memory they go.
    private record Part(int address, byte[] bytes) {
        int chunks() {
            return Math.ceilDiv(bytes.length, CHUNK);
        }
    }

    /// All but the memory map, which the boot sector adds.
    private byte[] commandLineAndParameters(Guest.Linux linux, ByteBuffer kernel)
            throws IOException {
        String commandLine = (linux.commandLine() + " " + append).strip();
        ByteBuffer bytes =
                ByteBuffer.allocate(PARAMETERS - COMMAND_LINE + 0x1000)
                        .order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(0, commandLine.getBytes(StandardCharsets.US_ASCII));
        ByteBuffer page =
                bytes.slice(PARAMETERS - COMMAND_LINE, 0x1000).order(ByteOrder.LITTLE_ENDIAN);
        int headerEnd = HEADER_JUMP + 1 + kernel.get(HEADER_JUMP);
        page.put(SETUP_SECTORS, kernel, SETUP_SECTORS, headerEnd - SETUP_SECTORS);
        page.put(VIDEO_MODE, (byte) 3);
        page.put(VIDEO_COLUMNS, (byte) 80);
        page.put(VIDEO_LINES, (byte) 25);
        page.put(VIDEO_IS_VGA, (byte) 1);
        page.put(LOADER_TYPE, (byte) UNKNOWN_LOADER);
        page.putInt(INITRD_ADDRESS, INITRD);
        page.putInt(INITRD_SIZE, (int) Files.size(linux.initrd()));
        page.putInt(COMMAND_LINE_ADDRESS, COMMAND_LINE);
        return bytes.array();
    }

    /// Time follows instructions, as fast as they go. The display is the one of the distribution
    /// that needs neither a screen nor a terminal; nobody has to look at it.
    private static String configuration(Guest guest) {
        return """
                config_interface: textconfig
                display_library: rfb, options="timeout=0"
                plugin_ctrl: speaker=0, e1000=0, es1370=0, sb16=0
                cpu: model=corei7_skylake_x, count=1, ips=100000000, reset_on_triple_fault=0, \
                ignore_bad_msrs=1, msrs="/dev/null"
                memory: guest=%d, host=%1$d
                romimage: file=%s
                vgaromimage: file=%s
                ata0-master: type=disk, path=disk.img, mode=flat
                boot: disk
                clock: sync=none
                com1: enabled=1, mode=file, dev=/dev/stdout
                log: log.txt
                panic: action=fatal
                error: action=ignore
                info: action=ignore
                debug: action=ignore
                """
                .formatted(guest.memoryMib(), FIRMWARE, VIDEO_FIRMWARE);
    }
}
