package nestbox.images.elf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What the dynamic loader, or the module loader, wants to know of an ELF file for x86-64.
///
/// Names are those of the System V ABI, chapters 4 and 5. Every offset in the file is a claim of
/// whoever made it and is checked before it is followed.
///
/// @param interpreter the dynamic loader that the program asks for
/// @param needed the shared objects it is linked with, DT_NEEDED
/// @param rpath DT_RPATH, split at the colons
/// @param runpath DT_RUNPATH, split at the colons
public record ElfFile(
        Optional<String> interpreter,
        List<String> needed,
        List<String> rpath,
        List<String> runpath) {

    private static final int EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_DYNAMIC = 2;
    private static final int PT_INTERP = 3;
    private static final int DT_NULL = 0;
    private static final int DT_NEEDED = 1;
    private static final int DT_STRTAB = 5;
    private static final int DT_STRSZ = 10;
    private static final int DT_RPATH = 15;
    private static final int DT_RUNPATH = 29;
    private static final int HEADER_SIZE = 64;
    private static final int PROGRAM_HEADER_SIZE = 56;
    private static final int SECTION_HEADER_SIZE = 64;
    private static final int DYNAMIC_SIZE = 16;
    private static final int MAX_NAME = 4096;

    /// True for what starts like an ELF file.
    public static boolean looksLike(byte[] file) {
        return file.length >= 4
                && file[0] == 0x7F
                && file[1] == 'E'
                && file[2] == 'L'
                && file[3] == 'F';
    }

    public static ElfFile parse(byte[] file) throws IOException {
        return new Reader(file).dynamic();
    }

    /// The contents of the first section of a given name.
    public static Optional<byte[]> section(byte[] file, String name) throws IOException {
        return new Reader(file).section(name);
    }

    /// The claims of one file, checked.
    private static final class Reader {
        private final ByteBuffer file;

        Reader(byte[] bytes) throws IOException {
            file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            if (!looksLike(bytes) || bytes.length < HEADER_SIZE) {
                throw new IOException("not an ELF file");
            }
            if (bytes[4] != 2 || bytes[5] != 1 || file.getShort(18) != EM_X86_64) {
                throw new IOException("not an ELF file for x86-64");
            }
        }

        ElfFile dynamic() throws IOException {
            ByteBuffer headers = table(file.getLong(32), count(56), count(54), PROGRAM_HEADER_SIZE);
            Optional<String> interpreter = Optional.empty();
            Optional<ByteBuffer> dynamic = Optional.empty();
            List<ByteBuffer> loads = new ArrayList<>();
            for (int at = 0; at < headers.capacity(); at += count(54)) {
                ByteBuffer header = slice(headers, at, PROGRAM_HEADER_SIZE);
                switch (header.getInt(0)) {
                    case PT_LOAD -> loads.add(header);
                    case PT_DYNAMIC -> dynamic = Optional.of(segment(header));
                    case PT_INTERP -> interpreter = Optional.of(string(segment(header), 0));
                    default -> {}
                }
            }
            return dynamic.isPresent()
                    ? dynamic(interpreter, dynamic.get(), loads)
                    : new ElfFile(interpreter, List.of(), List.of(), List.of());
        }

        private ElfFile dynamic(
                Optional<String> interpreter, ByteBuffer entries, List<ByteBuffer> loads)
                throws IOException {
            ByteBuffer strings = strings(entries, loads);
            List<String> needed = new ArrayList<>();
            List<String> rpath = new ArrayList<>();
            List<String> runpath = new ArrayList<>();
            for (int at = 0; at + DYNAMIC_SIZE <= entries.capacity(); at += DYNAMIC_SIZE) {
                long tag = entries.getLong(at);
                long value = entries.getLong(at + 8);
                if (tag == DT_NULL) {
                    break;
                }
                if (tag == DT_NEEDED) {
                    needed.add(string(strings, value));
                } else if (tag == DT_RPATH) {
                    rpath.addAll(List.of(string(strings, value).split(":")));
                } else if (tag == DT_RUNPATH) {
                    runpath.addAll(List.of(string(strings, value).split(":")));
                }
            }
            return new ElfFile(
                    interpreter, List.copyOf(needed), List.copyOf(rpath), List.copyOf(runpath));
        }

        /// The string table, which the dynamic section names by its address once loaded.
        private ByteBuffer strings(ByteBuffer entries, List<ByteBuffer> loads) throws IOException {
            long address = 0;
            long size = 0;
            for (int at = 0; at + DYNAMIC_SIZE <= entries.capacity(); at += DYNAMIC_SIZE) {
                long tag = entries.getLong(at);
                if (tag == DT_NULL) {
                    break;
                }
                address = tag == DT_STRTAB ? entries.getLong(at + 8) : address;
                size = tag == DT_STRSZ ? entries.getLong(at + 8) : size;
            }
            for (ByteBuffer load : loads) {
                long offset = address - load.getLong(16);
                if (offset >= 0 && offset < load.getLong(32)) {
                    return part(load.getLong(8) + offset, size);
                }
            }
            return part(0, 0);
        }

        Optional<byte[]> section(String name) throws IOException {
            int stride = count(58);
            ByteBuffer headers = table(file.getLong(40), count(60), stride, SECTION_HEADER_SIZE);
            int namesAt = count(62) * stride;
            if (headers.capacity() == 0 || namesAt + SECTION_HEADER_SIZE > headers.capacity()) {
                return Optional.empty();
            }
            ByteBuffer names = sectionBytes(slice(headers, namesAt, SECTION_HEADER_SIZE));
            for (int at = 0; at < headers.capacity(); at += stride) {
                ByteBuffer header = slice(headers, at, SECTION_HEADER_SIZE);
                if (string(names, header.getInt(0) & 0xFFFF_FFFFL).equals(name)) {
                    ByteBuffer found = sectionBytes(header);
                    byte[] bytes = new byte[found.capacity()];
                    found.get(0, bytes);
                    return Optional.of(bytes);
                }
            }
            return Optional.empty();
        }

        private ByteBuffer sectionBytes(ByteBuffer header) throws IOException {
            return part(header.getLong(24), header.getLong(32));
        }

        private ByteBuffer segment(ByteBuffer header) throws IOException {
            return part(header.getLong(8), header.getLong(32));
        }

        private int count(int at) {
            return file.getShort(at) & 0xFFFF;
        }

        private ByteBuffer table(long offset, int entries, int stride, int least)
                throws IOException {
            if (entries == 0) {
                return part(0, 0);
            }
            if (stride < least) {
                throw new IOException("a header table of the ELF file is malformed");
            }
            return part(offset, (long) entries * stride);
        }

        private ByteBuffer part(long offset, long size) throws IOException {
            if (offset < 0 || size < 0 || offset > file.capacity() - size) {
                throw new IOException("the ELF file is cut short or malformed");
            }
            return slice(file, (int) offset, (int) size);
        }

        private static ByteBuffer slice(ByteBuffer of, int offset, int size) {
            return of.slice(offset, size).order(ByteOrder.LITTLE_ENDIAN);
        }

        private static String string(ByteBuffer in, long offset) throws IOException {
            if (offset < 0 || offset >= in.capacity()) {
                throw new IOException("a name in the ELF file is out of bounds");
            }
            int most = Math.min(in.capacity() - (int) offset, MAX_NAME);
            int length = 0;
            while (length < most && in.get((int) offset + length) != 0) {
                length++;
            }
            byte[] bytes = new byte[length];
            in.get((int) offset, bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
