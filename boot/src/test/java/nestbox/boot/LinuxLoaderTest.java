package nestbox.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

class LinuxLoaderTest {
    private static final long ZERO_PAGE_E820 = 0x2D0;

    @Test
    void startsInLongModeAtThe64BitEntry() {
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            byte[] file = Kernels.bzImage().array();
            StartState state = Boots.images(file, "console=ttyS0").load(memory);

            assertThat(state.longMode()).isTrue();
            assertThat(state.entry()).isEqualTo(Kernels.LOAD + 0x200);
            assertThat(Boots.bytes(memory, Kernels.LOAD, 0x400))
                    .isEqualTo(Arrays.copyOfRange(file, 1024, file.length));
            assertThat(memory.readLong(state.gdt() + state.code()))
                    .isEqualTo(0x00AF_9B00_0000_FFFFL);
            assertThat(memory.readLong(state.gdt() + state.data()))
                    .isEqualTo(0x00CF_9300_0000_FFFFL);
            assertThat(state.gdtLimit()).isGreaterThanOrEqualTo(state.data() + 7);
        }
    }

    @Test
    void zeroPageHoldsHeaderCommandLineAndMemoryMap() {
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            memory.writeLong(0x7000, -1); // what an earlier guest left behind
            ByteBuffer file = Kernels.bzImage();
            long zeroPage = Boots.images(file.array(), "console=ttyS0 quiet").load(memory).rsi();

            assertThat(memory.readLong(zeroPage)).isZero();
            assertThat(memory.readInt(zeroPage + 0x202)).isEqualTo(0x5372_6448);
            assertThat(memory.readLong(zeroPage + 0x258)).isEqualTo(Kernels.LOAD);
            assertThat(memory.readByte(zeroPage + 0x1EF)).as("sentinel").isZero();
            assertThat(memory.readByte(zeroPage + 0x210)).isEqualTo(0xFF);
            assertThat(Boots.text(memory, memory.readInt(zeroPage + 0x228)))
                    .isEqualTo("console=ttyS0 quiet");
            assertThat(memory.readByte(zeroPage + 0x1E8)).isEqualTo(5);
            assertThat(memory.readLong(zeroPage + ZERO_PAGE_E820 + 8)).isEqualTo(0x9F000);
            assertThat(memory.readInt(zeroPage + ZERO_PAGE_E820 + 16)).isEqualTo(1);
        }
    }

    @Test
    void pageTablesMapFourGibibytesAndAllRam() {
        try (GuestMemory memory = new GuestMemory(3L << 30)) {
            StartState state = Boots.images(Kernels.bzImage().array(), "").load(memory);

            for (long address : new long[] {0, 0x10_0000, 0xFEE0_0000L, 0x1_3FFF_FFF8L}) {
                assertThat(translate(memory, state.cr3(), address)).contains(address);
            }
            assertThat(translate(memory, state.cr3(), 0x1_4000_0000L)).isEmpty();
        }
    }

    @Test
    void initialRamDiskLiesAsHighAsTheKernelAllows() {
        byte[] initrd = new byte[5000];
        Arrays.fill(initrd, (byte) 7);
        ByteBuffer file = Kernels.bzImage();
        file.putInt(0x22C, 0x1FF_FFFF);
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            long zeroPage = Boots.images(file.array(), initrd, "").load(memory).rsi();

            assertThat(memory.readInt(zeroPage + 0x218)).isEqualTo(0x1FF_E000);
            assertThat(memory.readInt(zeroPage + 0x21C)).isEqualTo(5000);
            assertThat(Boots.bytes(memory, 0x1FF_E000, 5000)).isEqualTo(initrd);
        }
    }

    @Test
    void initialRamDiskDoesNotOverlapThePageTables() {
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            StartState state =
                    Boots.images(Kernels.bzImage().array(), new byte[5000], "").load(memory);
            assertThat(memory.readInt(state.rsi() + 0x218) + 0x2000).isEqualTo((int) state.cr3());
        }
    }

    @Test
    void kernelWithout64BitEntryStartsInProtectedMode() {
        ByteBuffer file = Kernels.bzImage();
        file.putShort(0x206, (short) 0x20B);
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            StartState state = Boots.images(file.array(), "").load(memory);

            assertThat(state.longMode()).isFalse();
            assertThat(state.entry()).isEqualTo(Kernels.LOAD);
            assertThat(memory.readLong(state.gdt() + state.code()))
                    .isEqualTo(0x00CF_9B00_0000_FFFFL);
        }
    }

    @Test
    void sameImagesLoadAgain() {
        BootImages images = Boots.images(Kernels.bzImage().array(), new byte[5000], "quiet");
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            assertThat(images.load(memory)).isEqualTo(images.load(memory));
        }
    }

    @Test
    void mistakesAreToldInOneSentence() {
        refused(32, Kernels.bzImage().putLong(0x258, 0x80_0000_0000L), "there never is RAM");
        refused(17, Kernels.bzImage(), "give it 21 MiB");
        refused(32, Kernels.bzImage().putShort(0x206, (short) 0x203), "older than 2.06");
        refused(32, Kernels.bzImage().putInt(0x1F4, 0x1000), "truncated");
        refused(32, Kernels.bzImage().putInt(0x260, -1), "below 2 GiB");
        refused(32, Kernels.bzImage().putInt(0x238, 3), "shorten it");
        refused(32, Kernels.bzImage().putShort(0x1FE, (short) 0), "damaged");
        refused(32, Kernels.buffer(0), "empty");
        refused(32, Kernels.buffer(4096), "neither a Linux bzImage nor a multiboot kernel");
        refused(32, Kernels.buffer(64).putShort(0, (short) 0x8B1F), "gunzip");
    }

    @Test
    void memoryThatIsTooSmallForTheRamDiskIsTold() {
        try (GuestMemory memory = new GuestMemory(32 * Boots.MIB)) {
            byte[] initrd = new byte[20 << 20];
            assertThatThrownBy(
                            () -> Boots.images(Kernels.bzImage().array(), initrd, "").load(memory))
                    .isInstanceOf(BootException.class)
                    .hasMessageContaining("initrd")
                    .hasMessageContaining("give it 41 MiB");
        }
    }

    @Test
    void linuxTakesNoModules() {
        try (GuestMemory memory = new GuestMemory(32 * Boots.MIB)) {
            BootImages images =
                    Boots.images(Kernels.bzImage().array(), "", Boots.module("m", "x", ""));
            assertThatThrownBy(() -> images.load(memory))
                    .isInstanceOf(BootException.class)
                    .hasMessageContaining("an initial RAM disk instead");
        }
    }

    @Test
    void relocatableKernelMakesWayForMemoryThatIsNotItsOwn() {
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            MemoryLayout layout = MemoryLayout.of(memory).without(Kernels.LOAD, 3 * Boots.MIB);
            byte[] file = Kernels.bzImage().put(0x234, (byte) 1).array();
            byte[] others = new byte[3 << 20];
            Arrays.fill(others, (byte) 0x5A);
            memory.write(Kernels.LOAD, others, 0, others.length);

            StartState state = Boots.images(file, new byte[5000], "a").load(memory, layout);

            long moved = Kernels.LOAD + 4 * Boots.MIB;
            assertThat(state.entry()).isEqualTo(moved + 0x200);
            assertThat(Boots.bytes(memory, moved, 0x400))
                    .isEqualTo(Arrays.copyOfRange(file, 1024, file.length));
            assertThat(Boots.bytes(memory, Kernels.LOAD, others.length)).isEqualTo(others);
            assertThat(memory.readByte(state.rsi() + 0x1E8)).as("ranges").isEqualTo(6);
        }
    }

    @Test
    void kernelThatMustNotBeMovedIsRefusedWhereItsPlaceIsTaken() {
        try (GuestMemory memory = new GuestMemory(64 * Boots.MIB)) {
            MemoryLayout layout = MemoryLayout.of(memory).without(Kernels.LOAD, 3 * Boots.MIB);
            BootImages images = Boots.images(Kernels.bzImage().array(), "");
            assertThatThrownBy(() -> images.load(memory, layout))
                    .isInstanceOf(BootException.class)
                    .hasMessageContaining("the kernel won't fit");
        }
    }

    private static void refused(int mebibytes, ByteBuffer file, String why) {
        try (GuestMemory memory = new GuestMemory(mebibytes * Boots.MIB)) {
            assertThatThrownBy(() -> Boots.images(file.array(), "quiet").load(memory))
                    .isInstanceOf(BootException.class)
                    .hasMessageContaining(why)
                    .hasMessageMatching("[^\\n]*\\.");
        }
    }

    /// Walks 4-level page tables that end in pages of 2 MiB.
    private static Optional<Long> translate(GuestMemory memory, long cr3, long address) {
        long table = cr3;
        for (int shift = 39; shift >= 21; shift -= 9) {
            long entry = memory.readLong(table + (address >> shift & 511) * 8);
            if ((entry & 1) == 0) {
                return Optional.empty();
            }
            table = entry & 0x000F_FFFF_FFFF_F000L;
        }
        return Optional.of(table | address & 0x1F_FFFF);
    }
}
