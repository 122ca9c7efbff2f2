package nestbox.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

class MultibootLoaderTest {
    private static final int ADDRESSES = 1 << 16;

    private final GuestMemory memory = new GuestMemory(16 * Boots.MIB);

    @org.junit.jupiter.api.AfterEach
    void close() {
        memory.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void elfIsLoadedByPhysicalAddressesAndStartedFlat(boolean is64) {
        memory.writeInt(Kernels.ELF_PHYSICAL + 0x180, -1); // left behind by an earlier guest
        byte[] file = elf1(is64, Optional.empty());
        StartState state = Boots.images(file, "a b").load(memory);

        assertThat(state.longMode()).isFalse();
        assertThat(state.eax()).isEqualTo(0x2BAD_B002L);
        assertThat(state.entry()).isEqualTo(Kernels.ELF_PHYSICAL + 0x40);
        assertThat(Boots.bytes(memory, Kernels.ELF_PHYSICAL, 0x100))
                .isEqualTo(Arrays.copyOfRange(file, 0x80, 0x180));
        assertThat(Boots.bytes(memory, Kernels.ELF_PHYSICAL + 0x100, 0x100))
                .isEqualTo(new byte[0x100]);
        assertThat(memory.readLong(state.gdt() + state.code())).isEqualTo(0x00CF_9B00_0000_FFFFL);
    }

    @Test
    void multiboot1InformationTellsWhatWasLoaded() {
        BootImages images =
                Boots.images(
                        elf1(false, Optional.empty()),
                        "root=x",
                        Boots.module("one", "first", "with args"),
                        Boots.module("two", "second", ""));
        long info = images.load(memory).ebx();

        assertThat(memory.readInt(info) & 0x24D).isEqualTo(0x24D);
        assertThat(memory.readInt(info + 4)).isEqualTo(636);
        assertThat(memory.readInt(info + 8)).isEqualTo(15 * 1024);
        assertThat(Boots.text(memory, memory.readInt(info + 16))).isEqualTo("kernel root=x");
        assertThat(Boots.text(memory, memory.readInt(info + 64))).isEqualTo("Nestbox");
        assertThat(memory.readInt(info + 20)).isEqualTo(2);
        long module = memory.readInt(info + 24);
        assertThat(memory.readInt(module) % 4096).isZero();
        assertThat(content(module)).isEqualTo("first");
        assertThat(Boots.text(memory, memory.readInt(module + 8))).isEqualTo("one with args");
        assertThat(content(module + 16)).isEqualTo("second");
        assertThat(Boots.text(memory, memory.readInt(module + 24))).isEqualTo("two");
        long map = memory.readInt(info + 48);
        assertThat(memory.readInt(info + 44)).isEqualTo(5 * 24);
        assertThat(memory.readInt(map)).isEqualTo(20);
        assertThat(memory.readLong(map + 12)).isEqualTo(0x9F000);
    }

    @Test
    void initrdIsTheFirstModule() {
        BootImages images = Boots.images(elf1(false, Optional.empty()), "disk".getBytes(), "");
        long info = images.load(memory).ebx();
        assertThat(memory.readInt(info + 20)).isEqualTo(1);
        assertThat(content(memory.readInt(info + 24))).isEqualTo("disk");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void symbolsComeAlong(boolean is64) {
        long info = Boots.images(elf1(is64, Optional.of("\0main")), "").load(memory).ebx();

        assertThat(memory.readInt(info) >> 5 & 1).isEqualTo(1);
        assertThat(memory.readInt(info + 28)).isEqualTo(2);
        int size = memory.readInt(info + 32);
        assertThat(size).isEqualTo(is64 ? 64 : 40);
        long second = memory.readInt(info + 36) + size;
        long strings = memory.readInt(second + (is64 ? 16 : 12));
        assertThat(Boots.text(memory, strings + 1)).startsWith("main");
    }

    @Test
    void headerAddressesComeBeforeProgramHeaders() {
        byte[] header =
                Kernels.multiboot1Header(
                        ADDRESSES, 0x20_0010, 0x20_0000, 0x20_0080, 0x20_0100, 0x20_0020);
        byte[] file = new byte[0x200];
        Arrays.fill(file, (byte) 9);
        System.arraycopy(header, 0, file, 0x110, header.length);
        memory.writeInt(0x20_00F0, -1);

        StartState state = Boots.images(file, "").load(memory);

        assertThat(state.entry()).isEqualTo(0x20_0020);
        assertThat(Boots.bytes(memory, 0x20_0000, 0x80))
                .isEqualTo(Arrays.copyOfRange(file, 0x100, 0x180));
        assertThat(memory.readInt(0x20_00F0)).isZero();
    }

    @Test
    void informationAvoidsAKernelInLowMemory() {
        byte[] header = Kernels.multiboot1Header(ADDRESSES, 0x8000, 0x8000, 0, 0x9_0000, 0x8000);
        long info = Boots.images(Arrays.copyOf(header, 0x100), "").load(memory).ebx();
        assertThat(info).isGreaterThanOrEqualTo(0x9_0000);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void multiboot2TagsTellWhatWasLoaded(boolean is64) {
        memory.writeLong(BoardMap.ACPI_TABLES, 0x2052_5450_2044_5352L);
        memory.writeByte(BoardMap.ACPI_TABLES + 15, 2);
        byte[] header =
                Kernels.multiboot2Header(
                        Kernels.tag(1, 0, 1, 2, 3, 4, 6, 9), Kernels.tag(6, 0), Kernels.tag(99, 1));
        BootImages images =
                Boots.images(
                        Kernels.elf(is64, header, Optional.of("\0main")).array(),
                        "x",
                        Boots.module("one", "first", ""));
        StartState state = images.load(memory);

        assertThat(state.eax()).isEqualTo(0x36D7_6289L);
        assertThat(state.entry()).isEqualTo(Kernels.ELF_PHYSICAL + 0x40);
        Map<Integer, Long> tags = tags(state.ebx());
        assertThat(tags).containsOnlyKeys(1, 2, 3, 4, 6, 9, 14, 15, 21);
        assertThat(Boots.text(memory, tags.get(1) + 8)).isEqualTo("kernel x");
        assertThat(content(tags.get(3) + 8)).isEqualTo("first");
        assertThat(Boots.text(memory, tags.get(3) + 16)).isEqualTo("one");
        assertThat(memory.readInt(tags.get(4) + 12)).isEqualTo(15 * 1024);
        assertThat(memory.readInt(tags.get(6) + 8)).isEqualTo(24);
        assertThat(memory.readInt(tags.get(15) + 4)).isEqualTo(44);
        assertThat(memory.readInt(tags.get(21) + 8)).isEqualTo((int) Kernels.ELF_PHYSICAL);
    }

    @Test
    void multiboot2AddressTagsReplaceProgramHeaders() {
        byte[] header =
                Kernels.multiboot2Header(
                        Kernels.tag(2, 0, 0x20_0000, -1, 0, 0), Kernels.tag(3, 0, 0x20_0050));
        byte[] file = Arrays.copyOf(header, 0x80);
        file[0x70] = 42;
        StartState state = Boots.images(file, "").load(memory);
        assertThat(state.entry()).isEqualTo(0x20_0050);
        assertThat(memory.readByte(0x20_0070)).isEqualTo(42);
    }

    @Test
    void mistakesAreToldInOneSentence() {
        refused(Kernels.multiboot2Header(Kernels.tag(5, 0, 0, 0, 32)), "framebuffer");
        refused(Kernels.multiboot2Header(Kernels.tag(99, 0)), "unknown tag 99");
        refused(Kernels.multiboot2Header(Kernels.tag(1, 0, 17)), "type 17");
        refused(Kernels.multiboot2Header(), "not an ELF file");
        refused(Kernels.multiboot1Header(0x10), "unknown features 0x10");
        refused(Kernels.multiboot1Header(ADDRESSES), "truncated");
        refused(
                Kernels.multiboot1Header(ADDRESSES, 0xA0000, 0xA0000, 0, 0, 0xA0000),
                "there is no RAM");
        refused(
                Kernels.multiboot1Header(ADDRESSES, 0x20_0000, 0x20_0000, 0x20_1000, 0, 0),
                "outside the file");
        refused(
                Kernels.multiboot1Header(ADDRESSES, 0x20_0000, 0x20_0000, 0, 0x400_0000, 0),
                "give it 64 MiB");
        refused(Kernels.multiboot2Header(Kernels.tag(2, 0, 0x20_0000, -1, 0, 0)), "entry address");
        byte[] elf = elf1(true, Optional.of("x"));
        refused(Arrays.copyOf(elf, elf.length - 1), "section headers");
        refused(Arrays.copyOf(elf, 0x100), "truncated");
        refused(Kernels.elf(true, new byte[0], Optional.empty()).array(), "no multiboot header");
    }

    private void refused(byte[] file, String why) {
        assertThatThrownBy(() -> Boots.images(file, "").load(memory))
                .isInstanceOf(BootException.class)
                .hasMessageContaining(why)
                .hasMessageMatching("[^\\n]*\\.");
    }

    private static byte[] elf1(boolean is64, Optional<String> symbols) {
        return Kernels.elf(is64, Kernels.multiboot1Header(3), symbols).array();
    }

    /// What lies between the start and end that a module entry names.
    private String content(long module) {
        long start = memory.readInt(module);
        int length = (int) (memory.readInt(module + 4) - start);
        return new String(Boots.bytes(memory, start, length), StandardCharsets.US_ASCII);
    }

    private Map<Integer, Long> tags(long information) {
        Map<Integer, Long> tags = new TreeMap<>();
        long end = information + memory.readInt(information);
        long tag = information + 8;
        while (memory.readInt(tag) != 0) {
            tags.put(memory.readInt(tag), tag);
            tag += memory.readInt(tag + 4) + 7 & -8;
            assertThat(tag).isLessThan(end);
        }
        return tags;
    }
}
