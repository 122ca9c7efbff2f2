package nestbox.devices.virtio.blk;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

class OverlayDiskTest {
    /// Not a multiple of a cluster, so the last one is cut off.
    private static final int BYTES = 100 * 4096 + 3 * 512;

    @TempDir Path directory;

    @Test
    void behavesLikeAnArrayOverAnUnchangedFile() throws IOException {
        long seed = 0x0D15C;
        System.out.println("seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        byte[] model = new byte[BYTES];
        random.nextBytes(model);
        Path image = Files.write(directory.resolve("disk.img"), model);
        byte[] original = model.clone();
        try (OverlayDisk disk = OverlayDisk.over(RawDisk.openReadOnly(image), directory);
                OverlayDisk copy = OverlayDisk.over(RawDisk.openReadOnly(image), directory)) {
            for (int i = 0; i < 3000; i++) {
                int sector = random.nextInt(BYTES / 512);
                int count = 1 + random.nextInt(Math.min(40, BYTES / 512 - sector));
                step(random, disk, model, sector * 512, count * 512);
            }
            check(disk, model);
            ByteArrayOutputStream saved = new ByteArrayOutputStream();
            disk.save(new DataOutputStream(saved));
            copy.restore(new DataInputStream(new ByteArrayInputStream(saved.toByteArray())));
            check(copy, model);
        }
        assertThat(Files.readAllBytes(image)).isEqualTo(original);
    }

    private static void step(
            SplittableRandom random, OverlayDisk disk, byte[] model, int offset, int length)
            throws IOException {
        switch (random.nextInt(4)) {
            case 0 -> {
                byte[] data = new byte[length];
                disk.read(offset, data, 0, length);
                assertThat(data).isEqualTo(Arrays.copyOfRange(model, offset, offset + length));
            }
            case 1 -> {
                byte[] data = new byte[length];
                random.nextBytes(data);
                disk.write(offset, data, 0, length);
                System.arraycopy(data, 0, model, offset, length);
            }
            case 2 -> {
                disk.writeZeroes(offset, length);
                Arrays.fill(model, offset, offset + length, (byte) 0);
            }
            default -> {
                // Whole clusters become zero; what is left of a cluster stays.
                disk.discard(offset, length);
                int end = offset + length == BYTES ? BYTES : (offset + length) / 4096 * 4096;
                int start = (offset + 4095) / 4096 * 4096;
                if (start < end) {
                    Arrays.fill(model, start, end, (byte) 0);
                }
            }
        }
    }

    private static void check(Disk disk, byte[] model) throws IOException {
        byte[] all = new byte[BYTES];
        disk.read(0, all, 0, BYTES);
        assertThat(all).isEqualTo(model);
    }
}
