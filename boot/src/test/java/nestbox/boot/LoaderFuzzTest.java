package nestbox.boot;

import static org.assertj.core.api.Assertions.fail;

import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/// Whatever a file holds, it is loaded or refused with a sentence.
class LoaderFuzzTest {
    private static final long SEED = 0x6E65_7374_626F_7841L;
    private static final int ROUNDS = 4000;

    private static final MemoryLayout LAYOUT =
            MemoryLayout.of(32 * Boots.MIB, 0).without(24 * Boots.MIB, 2 * Boots.MIB);

    private static final List<byte[]> VALID =
            List.of(
                    Kernels.bzImage().array(),
                    Kernels.elf(false, Kernels.multiboot1Header(3), Optional.of("\0a")).array(),
                    Kernels.elf(true, Kernels.multiboot1Header(3), Optional.of("\0a")).array(),
                    Kernels.elf(
                                    true,
                                    Kernels.multiboot2Header(
                                            Kernels.tag(1, 0, 1, 6), Kernels.tag(3, 0, 0x10_0040)),
                                    Optional.of("\0a"))
                            .array(),
                    Arrays.copyOf(
                            Kernels.multiboot1Header(
                                    1 << 16, 0x20_0000, 0x20_0000, 0x20_0080, 0x20_0100, 0x20_0000),
                            0x100),
                    Arrays.copyOf(
                            Kernels.multiboot2Header(
                                    Kernels.tag(2, 0, 0x20_0000, -1, 0, 0),
                                    Kernels.tag(3, 0, 0x20_0000)),
                            0x100));

    @Test
    void everyMutationIsLoadedOrRefused() {
        System.out.println("LoaderFuzzTest seed " + Long.toHexString(SEED));
        SplittableRandom random = new SplittableRandom(SEED);
        try (GuestMemory memory = new GuestMemory(32 * Boots.MIB)) {
            for (int round = 0; round < ROUNDS; round++) {
                byte[] file = mutated(VALID.get(random.nextInt(VALID.size())), random);
                try {
                    BootImages images = Boots.images(file, new byte[100], "quiet");
                    switch (random.nextInt(4)) {
                        case 0 -> images.loadElf(memory, LAYOUT);
                        case 1 -> images.loadRaw(memory, LAYOUT, address(random), address(random));
                        default -> images.load(memory, LAYOUT);
                    }
                } catch (BootException e) {
                    // refused
                } catch (RuntimeException | Error e) {
                    fail("round " + round, e);
                }
            }
        }
    }

    /// Anything, but often an address at which something can lie.
    private static long address(SplittableRandom random) {
        return random.nextBoolean() ? random.nextLong(0x200_0000) : random.nextLong();
    }

    private static byte[] mutated(byte[] valid, SplittableRandom random) {
        byte[] file = valid.clone();
        for (int i = random.nextInt(1, 6); i > 0; i--) {
            // Most of what matters lies at the start, or where a bzImage has its setup header.
            int from = random.nextInt(4) == 0 && file.length > 0x264 ? 0x1F0 : 0;
            int at = random.nextInt(from, Math.min(file.length, from + 0x110) - 8);
            switch (random.nextInt(4)) {
                case 0 -> file[at] = (byte) random.nextInt();
                case 1 -> file[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> Arrays.fill(file, at, at + 4, (byte) -random.nextInt(2));
                default ->
                        Kernels.buffer(8)
                                .putLong(random.nextLong() >> random.nextInt(64))
                                .get(0, file, at, 8);
            }
        }
        return random.nextInt(8) == 0 ? Arrays.copyOf(file, random.nextInt(file.length)) : file;
    }
}
