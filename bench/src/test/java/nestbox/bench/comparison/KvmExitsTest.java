package nestbox.bench.comparison;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

class KvmExitsTest {
    private final Emulator nestbox = new Nestbox(Path.of("nestbox"), 1);
    private final Emulator qemu = Qemu.virtualizing();
    private final List<String> names = List.of(nestbox.name(), qemu.name());
    private final Results results = new Results(Results.Clock.WALL, names);
    private final KvmExits exits = new KvmExits(results);

    @Test
    void ticksAreInstructionsOfNestboxAndOfNoOther() {
        for (Emulator emulator : List.of(nestbox, qemu)) {
            Run.Moment end = new Run.Moment(2_000_000, 0);
            results.add(KvmExits.EXITS, emulator, new Run.Moment(0, 0), end);
            exits.told(
                    emulator, "end kvm-exits 0000000000000100", "end kvm-ticks 0000000000340000");
        }

        assertThat(row("ns an exit")).isEqualTo("7813 7813");
        assertThat(row("instr. an exit")).isEqualTo("1024 -");
    }

    @Test
    void moreFilesFollowAnInitialRamDiskAtAnAlignedPlace(@TempDir Path folder) throws IOException {
        Path initrd = Files.write(folder.resolve("first"), new byte[] {1, 2, 3});
        SequencedMap<String, byte[]> files = new LinkedHashMap<>();
        files.put("root/program", new byte[] {7, 8});

        Guest.Linux with =
                new Guests(folder).with(new Guest.Linux(folder, initrd, "quiet", 64), files);

        byte[] bytes = Files.readAllBytes(with.initrd());
        assertThat(Arrays.copyOf(bytes, 4)).containsExactly(1, 2, 3, 0);
        ByteArrayInputStream second = new ByteArrayInputStream(bytes, 4, bytes.length - 4);
        try (CpioArchiveInputStream archive = new CpioArchiveInputStream(second)) {
            CpioArchiveEntry entry = archive.getNextEntry();
            assertThat(entry.getName()).isEqualTo("root/program");
            assertThat(entry.getMode() & 0111).isEqualTo(0111);
            assertThat(archive.readAllBytes()).containsExactly(7, 8);
            assertThat(archive.getNextEntry()).isNull();
        }
    }

    private String row(String title) {
        return exits.table()
                .lines()
                .filter(line -> line.startsWith(title))
                .findFirst()
                .orElseThrow()
                .substring(title.length())
                .strip()
                .replaceAll(" +", " ");
    }
}
