package nestbox.boot;

import nestbox.platform.GuestMemory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An ELF kernel for x86, of 32 or 64 bits, as a boot loader sees it: segments to load by their
/// physical addresses, and section headers that some kernels want to see.
///
/// Names are those of the System V ABI. Every number in the file is a claim of whoever made it and
/// is checked before it is followed.
final class ElfImage {
    private static final int MAGIC = 0x464C_457F;
    private static final int IDENT_CLASS = 4;
    private static final int IDENT_DATA = 5;
    private static final int CLASS_32 = 1;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int ET_EXEC = 2;
    private static final int ET_DYN = 3;
    private static final int EM_386 = 3;
    private static final int EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int SHT_SYMTAB = 2;
    private static final int SHT_STRTAB = 3;
    private static final int MAX_SECTIONS = 0x1000;
    private static final int HEADER_64 = 64;
    private static final int HEADER_32 = 52;

    /// PT_LOAD: bytes of the file, and where they go.
    private record Segment(long offset, long virtual, long physical, long inFile, long inMemory) {}

    /// Section headers as a kernel gets them: those of symbol and string tables say where the
    /// loader has put these.
    record Sections(int count, int entrySize, int nameTable, byte[] headers) {}

    private final BootFile file;
    private final boolean is64;
    private final ByteBuffer header;
    private final List<Segment> segments = new ArrayList<>();

    private ElfImage(BootFile file, boolean is64, ByteBuffer header) {
        this.file = file;
        this.is64 = is64;
        this.header = header;
    }

    static boolean looksLike(BootFile file) {
        ByteBuffer head = file.head(0, 4);
        return head.limit() == 4 && head.getInt(0) == MAGIC;
    }

    static ElfImage of(BootFile file) {
        ByteBuffer header = file.head(0, HEADER_64);
        if (!looksLike(file)) {
            throw BootException.unusable(
                    file, "it is not an ELF file, and no multiboot header says how to load it");
        }
        if (header.limit() < HEADER_32) {
            throw BootException.unusable(file, "it is truncated: copy it again");
        }
        boolean is64 = header.get(IDENT_CLASS) == CLASS_64;
        int machine = header.getShort(18);
        int type = header.getShort(16);
        if (header.get(IDENT_CLASS) != CLASS_32 && !is64
                || header.get(IDENT_DATA) != LITTLE_ENDIAN
                || machine != EM_386 && machine != EM_X86_64) {
            throw BootException.unusable(file, "it is not for x86: build it for i386 or x86-64");
        }
        if (type != ET_EXEC && type != ET_DYN) {
            throw BootException.unusable(file, "it is not a linked program: link it");
        }
        if (is64 && header.limit() < HEADER_64) {
            throw BootException.unusable(file, "it is truncated: copy it again");
        }
        ElfImage image = new ElfImage(file, is64, header);
        image.readSegments();
        return image;
    }

    /// Copies the segments to their physical addresses.
    ///
    /// @return where to start
    long load(FreeMemory free) {
        for (Segment segment : segments) {
            if (!free.take(segment.physical, segment.inMemory)) {
                throw doesNotFit(segment, free.layout());
            }
        }
        for (Segment segment : segments) {
            file.copyTo(free.ram(), segment.physical, segment.offset, segment.inFile);
            free.zero(segment.physical + segment.inFile, segment.inMemory - segment.inFile);
        }
        return entry();
    }

    /// Start of the memory that the segments take.
    long start() {
        return segments.stream().mapToLong(Segment::physical).min().orElseThrow();
    }

    /// End of the memory that the segments take.
    long end() {
        return segments.stream().mapToLong(s -> s.physical + s.inMemory).max().orElseThrow();
    }

    /// Puts symbol and string tables into memory and hands out the section headers; nothing if the
    /// file has been stripped of them.
    Optional<Sections> loadSections(FreeMemory free) {
        long offset = word(is64 ? 40 : 32);
        int size = halfWord(is64 ? 58 : 46);
        int count = halfWord(is64 ? 60 : 48);
        int names = halfWord(is64 ? 62 : 50);
        if (offset == 0 || count == 0) {
            return Optional.empty();
        }
        if (size < (is64 ? 64 : 40)
                || count > MAX_SECTIONS
                || !file.contains(offset, size * count)) {
            throw BootException.unusable(
                    file, "its section headers lie outside the file: copy it again");
        }
        ByteBuffer headers = file.bytes(offset, size * count);
        for (int i = 0; i < count; i++) {
            loadTable(headers.slice(i * size, size).order(ByteOrder.LITTLE_ENDIAN), free);
        }
        return Optional.of(new Sections(count, size, names, headers.array()));
    }

    private void loadTable(ByteBuffer section, FreeMemory free) {
        int type = section.getInt(4);
        long address = is64 ? section.getLong(16) : unsigned(section.getInt(12));
        long offset = is64 ? section.getLong(24) : unsigned(section.getInt(16));
        long size = is64 ? section.getLong(32) : unsigned(section.getInt(20));
        if (type != SHT_SYMTAB && type != SHT_STRTAB || address != 0 || size == 0) {
            return;
        }
        if (!file.contains(offset, size)) {
            throw BootException.unusable(file, "its symbols lie outside the file: copy it again");
        }
        long place =
                free.takeLowest(size, 16, MemoryLayout.ONE_MIB)
                        .orElseThrow(
                                () ->
                                        MemoryNeed.exception(
                                                file, free.layout(), "its symbols", end() + size));
        file.copyTo(free.ram(), place, offset, size);
        if (is64) {
            section.putLong(16, place);
        } else {
            section.putInt(12, (int) place);
        }
    }

    private void readSegments() {
        long offset = word(is64 ? 32 : 28);
        int size = halfWord(is64 ? 54 : 42);
        int count = halfWord(is64 ? 56 : 44);
        if (count == 0 || size < (is64 ? 56 : 32) || !file.contains(offset, (long) size * count)) {
            throw BootException.unusable(
                    file, "its program headers lie outside the file: copy it again");
        }
        for (int i = 0; i < count; i++) {
            ByteBuffer entry = file.bytes(offset + (long) i * size, is64 ? 56 : 32);
            if (entry.getInt(0) == PT_LOAD) {
                Segment segment = is64 ? segment64(entry) : segment32(entry);
                if (segment.inMemory != 0) {
                    add(segment);
                }
            }
        }
        if (segments.isEmpty()) {
            throw BootException.unusable(
                    file, "nothing in it is to be loaded: link it as a program");
        }
    }

    private void add(Segment segment) {
        if (Long.compareUnsigned(segment.inFile, segment.inMemory) > 0) {
            throw BootException.unusable(
                    file, "a segment is larger in the file than in memory: link it again");
        }
        if (!file.contains(segment.offset, segment.inFile)) {
            throw BootException.unusable(
                    file,
                    "it is truncated, a segment ends past the end of the file: copy it again");
        }
        segments.add(segment);
    }

    private static Segment segment32(ByteBuffer entry) {
        return new Segment(
                unsigned(entry.getInt(4)),
                unsigned(entry.getInt(8)),
                unsigned(entry.getInt(12)),
                unsigned(entry.getInt(16)),
                unsigned(entry.getInt(20)));
    }

    private static Segment segment64(ByteBuffer entry) {
        return new Segment(
                entry.getLong(8),
                entry.getLong(16),
                entry.getLong(24),
                entry.getLong(32),
                entry.getLong(40));
    }

    /// The physical address of the entry point, which the header gives as a virtual one.
    private long entry() {
        long entry = word(24);
        for (Segment segment : segments) {
            if (entry - segment.virtual >= 0 && entry - segment.virtual < segment.inMemory) {
                return entry - segment.virtual + segment.physical;
            }
        }
        for (Segment segment : segments) {
            if (entry >= segment.physical && entry - segment.physical < segment.inMemory) {
                return entry;
            }
        }
        throw BootException.unusable(
                file, "its entry point 0x%x is in no segment: link it again".formatted(entry));
    }

    private BootException doesNotFit(Segment segment, MemoryLayout layout) {
        long end = segment.physical + segment.inMemory;
        if (segment.physical >= MemoryLayout.ONE_MIB
                && end > layout.lowTop()
                && end <= GuestMemory.PCI_HOLE) {
            return MemoryNeed.exception(file, layout, "the kernel", end);
        }
        return BootException.unusable(
                file,
                ("its segment of 0x%2$x bytes at physical address 0x%1$x overlaps another or has"
                                + " no RAM there: link it elsewhere, such as at 1 MiB")
                        .formatted(segment.physical, segment.inMemory));
    }

    private long word(int offset64or32) {
        return is64 ? header.getLong(offset64or32) : unsigned(header.getInt(offset64or32));
    }

    private int halfWord(int offset) {
        return header.getShort(offset) & 0xFFFF;
    }

    private static long unsigned(int value) {
        return value & 0xFFFF_FFFFL;
    }
}
