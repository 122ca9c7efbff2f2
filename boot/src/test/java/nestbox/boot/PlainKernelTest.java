package nestbox.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.Optional;

class PlainKernelTest {
    private static final byte[] RAW = {1, 2, 3, 4, 5, 6, 7, 8};

    private final GuestMemory memory = new GuestMemory(16 * Boots.MIB);
    private final MemoryLayout layout = MemoryLayout.of(memory).without(0x80_0000, 0x10_0000);

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void rawKernelLiesAndStartsWhereItIsSaidTo() {
        StartState state = Boots.images(RAW, "").loadRaw(memory, layout, 0x20_0000, 0x20_0004);

        assertThat(Boots.bytes(memory, 0x20_0000, RAW.length)).isEqualTo(RAW);
        assertThat(state)
                .isEqualTo(
                        new StartState(
                                false, 0x20_0004, 0, 0, 0, 0, state.gdt(), 0x1F, 0x10, 0x18));
        assertThat(memory.readLong(state.gdt() + 0x10)).isEqualTo(0x00CF_9B00_0000_FFFFL);
    }

    @Test
    void descriptorsDoNotOverlapARawKernelInLowMemory() {
        byte[] large = new byte[0x9_E000];
        StartState state = Boots.images(large, "").loadRaw(memory, layout, 0x1000, 0x1000);
        assertThat(state.gdt()).isGreaterThanOrEqualTo(0x1000L + large.length);
    }

    @Test
    void rawKernelIsRefusedWhereItCannotBe() {
        refusedRaw(RAW, 0x20_0000, 0x20_0008, "its entry 0x200008");
        refusedRaw(RAW, 0x20_0000, 0x1F_FFFF, "its entry");
        refusedRaw(RAW, 0x7F_FFFC, 0x7F_FFFC, "no free memory");
        refusedRaw(RAW, 0xA_0000, 0xA_0000, "no free memory");
        refusedRaw(RAW, Long.MAX_VALUE - 3, Long.MAX_VALUE - 3, "no free memory");
        refusedRaw(RAW, -8, -8, "no free memory");
        refusedRaw(new byte[0], 0x20_0000, 0x20_0000, "empty");
    }

    @Test
    void elfKernelWithoutMultibootHeaderStartsAtItsEntry() {
        byte[] file = Kernels.elf(true, new byte[0], Optional.empty()).array();
        StartState state = Boots.images(file, "").loadElf(memory, layout);

        assertThat(state.entry()).isEqualTo(Kernels.ELF_PHYSICAL + 0x40);
        assertThat(state.eax()).isZero();
        assertThat(Boots.bytes(memory, Kernels.ELF_PHYSICAL, 0x100))
                .isEqualTo(Arrays.copyOfRange(file, 0x80, 0x180));
    }

    @Test
    void elfKernelWithMultibootHeaderGetsItsInformation() {
        byte[] file = Kernels.elf(false, Kernels.multiboot1Header(3), Optional.empty()).array();
        StartState state = Boots.images(file, "x").loadElf(memory, layout);

        assertThat(state.eax()).isEqualTo(0x2BAD_B002L);
        assertThat(memory.readInt(state.ebx() + 8)).as("KiB up to the hole").isEqualTo(7 * 1024);
    }

    @Test
    void whatIsNotElfIsRefused() {
        assertThatThrownBy(() -> Boots.images(RAW, "").loadElf(memory, layout))
                .isInstanceOf(BootException.class)
                .hasMessageContaining("not an ELF file");
    }

    private void refusedRaw(byte[] file, long address, long entry, String why) {
        assertThatThrownBy(() -> Boots.images(file, "").loadRaw(memory, layout, address, entry))
                .isInstanceOf(BootException.class)
                .hasMessageContaining(why);
    }
}
