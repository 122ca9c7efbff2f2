package nestbox.images.elf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Makes the smallest ELF files that have what the tests are about.
public final class Elves {
    private static final int STRINGS = 0x400;
    private static final long BASE = 0x400000;

    private final StringBuilder strings = new StringBuilder("\0");
    private final List<long[]> dynamic = new ArrayList<>();
    private String interpreter = "";

    public Elves interpreter(String path) {
        interpreter = path;
        return this;
    }

    public Elves needed(String... names) {
        for (String name : names) {
            entry(1, name);
        }
        return this;
    }

    public Elves rpath(String path) {
        return entry(15, path);
    }

    public Elves runpath(String path) {
        return entry(29, path);
    }

    private Elves entry(long tag, String value) {
        dynamic.add(new long[] {tag, strings.length()});
        strings.append(value).append('\0');
        return this;
    }

    /// A program or a shared object.
    public byte[] bytes() {
        byte[] names = ascii(strings.toString());
        ByteBuffer elf = header(STRINGS + names.length);
        elf.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 3);
        programHeader(elf, 0, 1, 0, elf.capacity());
        programHeader(elf, 1, 2, 0x200, (dynamic.size() + 3) * 16);
        programHeader(elf, 2, interpreter.isEmpty() ? 0 : 3, 0x180, interpreter.length() + 1);
        elf.put(0x180, ascii(interpreter + "\0"));
        elf.position(0x200);
        dynamic.forEach(entry -> elf.putLong(entry[0]).putLong(entry[1]));
        elf.putLong(5).putLong(BASE + STRINGS).putLong(10).putLong(names.length);
        elf.put(STRINGS, names);
        return elf.array();
    }

    /// A kernel module with a `.modinfo` section.
    public static byte[] module(String... info) {
        byte[] lines = ascii(String.join("\0", info) + "\0");
        byte[] names = ascii("\0.modinfo\0.shstrtab\0");
        int headers = 0x100;
        ByteBuffer elf = header(headers + 3 * 64 + names.length + lines.length);
        int namesAt = headers + 3 * 64;
        elf.putLong(40, headers);
        elf.putShort(58, (short) 64).putShort(60, (short) 3).putShort(62, (short) 2);
        section(elf, headers + 64, 1, namesAt + names.length, lines.length);
        section(elf, headers + 128, 10, namesAt, names.length);
        elf.put(namesAt, names).put(namesAt + names.length, lines);
        return elf.array();
    }

    private static ByteBuffer header(int size) {
        ByteBuffer elf = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        elf.put(0, new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
        return elf.putShort(16, (short) 3).putShort(18, (short) 62);
    }

    private static void programHeader(ByteBuffer elf, int index, int type, long at, long size) {
        int header = 64 + index * 56;
        elf.putInt(header, type).putLong(header + 8, at).putLong(header + 16, BASE + at);
        elf.putLong(header + 32, size).putLong(header + 40, size);
    }

    private static void section(ByteBuffer elf, int header, int name, long at, long size) {
        elf.putInt(header, name).putLong(header + 24, at).putLong(header + 32, size);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
