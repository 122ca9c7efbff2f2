package nestbox.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The smallest kernels that a loader takes, as bytes.
final class Kernels {
    static final long LOAD = 0x100_0000;
    static final long ELF_PHYSICAL = 0x10_0000;
    static final long ELF_VIRTUAL = 0xC010_0000L;

    private Kernels() {}

    /// A bzImage with one setup sector: its protected-mode part is 0x400 bytes that count up.
    static ByteBuffer bzImage() {
        ByteBuffer file = buffer(1024 + 0x400);
        file.put(0x1F1, (byte) 1);
        file.putInt(0x1F4, 0x400 / 16);
        file.putShort(0x1FE, (short) 0xAA55);
        file.put(0x200, (byte) 0xEB).put(0x201, (byte) 0x6A);
        file.putInt(0x202, 0x5372_6448);
        file.putShort(0x206, (short) 0x20F);
        file.put(0x211, (byte) 1);
        file.putInt(0x22C, 0x7FFF_FFFF);
        file.putInt(0x230, 0x20_0000);
        file.putShort(0x236, (short) 1);
        file.putInt(0x238, 2047);
        file.putLong(0x258, LOAD);
        file.putInt(0x260, 0x40_0000);
        for (int i = 1024; i < file.capacity(); i++) {
            file.put(i, (byte) i);
        }
        return file;
    }

    /// A multiboot 1 header with the load addresses of the given fields, or none.
    static byte[] multiboot1Header(int flags, int... addresses) {
        ByteBuffer header = buffer(12 + 4 * addresses.length);
        header.putInt(0x1BAD_B002).putInt(flags).putInt(-0x1BAD_B002 - flags);
        Arrays.stream(addresses).forEach(header::putInt);
        return header.array();
    }

    /// A multiboot 2 header with the given tags; the end tag is added.
    static byte[] multiboot2Header(byte[]... tags) {
        int size = 16 + Arrays.stream(tags).mapToInt(tag -> tag.length + 7 & -8).sum() + 8;
        ByteBuffer header = buffer(size);
        header.putInt(0xE852_50D6).putInt(0).putInt(size).putInt(-(0xE852_50D6 + size));
        for (byte[] tag : tags) {
            header.put(tag).position(header.position() + 7 & -8);
        }
        header.putInt(0).putInt(8);
        return header.array();
    }

    static byte[] tag(int type, int flags, int... words) {
        ByteBuffer tag = buffer(8 + 4 * words.length);
        tag.putShort((short) type).putShort((short) flags).putInt(tag.capacity());
        Arrays.stream(words).forEach(tag::putInt);
        return tag.array();
    }

    /// An ELF file of one segment, which starts with the multiboot header, continues with code up
    /// to 0x100 bytes and has as many zeroes after that; its sections are the symbols given, if
    /// any, and nothing else.
    static ByteBuffer elf(boolean is64, byte[] multibootHeader, Optional<String> symbols) {
        int segment = 0x80;
        byte[] strings = symbols.orElse("").getBytes(StandardCharsets.US_ASCII);
        int sectionSize = is64 ? 64 : 40;
        int sections = segment + 0x100 + strings.length + 7 & -8;
        int count = symbols.isPresent() ? 2 : 0;
        ByteBuffer file = buffer(sections + count * sectionSize);
        file.putInt(0, 0x464C_457F).put(4, (byte) (is64 ? 2 : 1)).put(5, (byte) 1).put(6, (byte) 1);
        file.putShort(16, (short) 2).putShort(18, (short) (is64 ? 62 : 3));
        long entry = ELF_VIRTUAL + 0x40;
        for (int i = 0; i < 0x100; i++) {
            file.put(segment + i, (byte) (i + 1));
        }
        file.put(segment, multibootHeader);
        file.put(segment + 0x100, strings);
        if (is64) {
            file.putLong(24, entry).putLong(32, 64).putLong(40, count == 0 ? 0 : sections);
            file.putShort(54, (short) 56).putShort(56, (short) 1);
            file.putShort(58, (short) sectionSize).putShort(60, (short) count);
            file.position(64);
            file.putInt(1).putInt(7);
            List.of((long) segment, ELF_VIRTUAL, ELF_PHYSICAL, 0x100L, 0x200L)
                    .forEach(file::putLong);
        } else {
            file.putInt(24, (int) entry).putInt(28, 52).putInt(32, count == 0 ? 0 : sections);
            file.putShort(42, (short) 32).putShort(44, (short) 1);
            file.putShort(46, (short) sectionSize).putShort(48, (short) count);
            file.position(52);
            file.putInt(1).putInt(segment);
            file.putInt((int) ELF_VIRTUAL).putInt((int) ELF_PHYSICAL).putInt(0x100).putInt(0x200);
        }
        if (symbols.isPresent()) {
            int table = sections + sectionSize;
            file.putInt(table + 4, 3);
            if (is64) {
                file.putLong(table + 24, segment + 0x100).putLong(table + 32, strings.length);
            } else {
                file.putInt(table + 16, segment + 0x100).putInt(table + 20, strings.length);
            }
        }
        return file;
    }

    static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
