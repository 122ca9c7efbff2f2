package nestbox.boot;

import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Set;

/// The header by which a kernel asks for the Multiboot2 Specification, version 2.0.
///
/// @param addresses where to load the kernel, if not by its ELF program headers
/// @param entry where to start it, if not at the ELF entry point
record Multiboot2Header(Optional<LoadAddresses> addresses, Optional<Long> entry) {
    private static final int MAGIC = 0xE852_50D6;
    private static final int ARCHITECTURE_I386 = 0;
    private static final int SEARCHED = 32768;
    private static final int FIXED_PART = 16;
    private static final int TAG_HEADER = 8;
    private static final int OPTIONAL = 1;

    // Header tags
    private static final int END = 0;
    private static final int INFORMATION_REQUEST = 1;
    private static final int ADDRESS = 2;
    private static final int ENTRY_ADDRESS = 3;
    private static final int CONSOLE_FLAGS = 4;
    private static final int FRAMEBUFFER = 5;
    private static final int MODULE_ALIGN = 6;
    private static final int EFI_BOOT_SERVICES = 7;
    private static final int ENTRY_EFI_I386 = 8;
    private static final int ENTRY_EFI_AMD64 = 9;
    private static final int RELOCATABLE = 10;

    /// Information that a kernel may request: command line, loader name, modules, memory, memory
    /// map, ELF sections, ACPI tables.
    private static final Set<Integer> OFFERED = Set.of(1, 2, 3, 4, 6, 9, 14, 15, 21);

    static Optional<Multiboot2Header> of(BootFile file) {
        ByteBuffer head = file.head(0, SEARCHED);
        for (int at = 0; at + FIXED_PART <= head.limit(); at += 8) {
            int sum = MAGIC + head.getInt(at + 4) + head.getInt(at + 8) + head.getInt(at + 12);
            if (head.getInt(at) == MAGIC && sum == 0) {
                return Optional.of(read(file, head, at));
            }
        }
        return Optional.empty();
    }

    private static Multiboot2Header read(BootFile file, ByteBuffer head, int at) {
        if (head.getInt(at + 4) != ARCHITECTURE_I386) {
            throw BootException.unusable(
                    file, "its multiboot header is for another architecture: build it for x86");
        }
        long end = at + (head.getInt(at + 8) & 0xFFFF_FFFFL);
        Optional<LoadAddresses> addresses = Optional.empty();
        Optional<Long> entry = Optional.empty();
        for (long tag = (long) at + FIXED_PART; ; ) {
            if (end > head.limit() || tag + TAG_HEADER > end) {
                throw damaged(file);
            }
            int start = (int) tag;
            int type = head.getShort(start) & 0xFFFF;
            long size = head.getInt(start + 4) & 0xFFFF_FFFFL;
            if (type == END) {
                return new Multiboot2Header(addresses, entry);
            }
            if (size < TAG_HEADER || size > end - tag) {
                throw damaged(file);
            }
            ByteBuffer content = head.slice(start, (int) size).order(head.order());
            switch (type) {
                case ADDRESS -> addresses = Optional.of(addresses(file, content, at));
                case ENTRY_ADDRESS -> entry = Optional.of(address(file, content, 8));
                default -> checkOther(file, type, content);
            }
            tag += size + 7 & -8;
        }
    }

    /// The rest are wishes that hold anyway, or requirements that may not be fulfilled here.
    private static void checkOther(BootFile file, int type, ByteBuffer tag) {
        boolean required = (tag.getShort(2) & OPTIONAL) == 0;
        switch (type) {
            case CONSOLE_FLAGS, MODULE_ALIGN, RELOCATABLE -> {}
            case EFI_BOOT_SERVICES, ENTRY_EFI_I386, ENTRY_EFI_AMD64 -> {}
            case INFORMATION_REQUEST -> {
                for (int at = TAG_HEADER; at + 4 <= tag.limit(); at += 4) {
                    if (required && !OFFERED.contains(tag.getInt(at))) {
                        throw BootException.unusable(
                                file,
                                ("its multiboot header requires information of type %d,"
                                                + " which this board doesn't have: make the request"
                                                + " optional")
                                        .formatted(tag.getInt(at)));
                    }
                }
            }
            case FRAMEBUFFER -> {
                if (required) {
                    throw BootException.unusable(
                            file,
                            "its multiboot header requires a framebuffer, which this"
                                    + " board doesn't have: make the tag optional");
                }
            }
            default -> {
                if (required) {
                    throw BootException.unusable(
                            file,
                            "its multiboot header has the unknown tag %d: make it optional"
                                    .formatted(type));
                }
            }
        }
    }

    private static LoadAddresses addresses(BootFile file, ByteBuffer tag, int headerOffset) {
        long header = address(file, tag, 8);
        long load = address(file, tag, 12);
        long loadEnd = address(file, tag, 16);
        long bssEnd = address(file, tag, 20);
        // All ones: the file is loaded from its first byte on.
        long start = load == 0xFFFF_FFFFL ? header - headerOffset : load;
        return LoadAddresses.of(headerOffset, header, start, loadEnd, bssEnd);
    }

    private static long address(BootFile file, ByteBuffer tag, int at) {
        if (at + 4 > tag.limit()) {
            throw damaged(file);
        }
        return tag.getInt(at) & 0xFFFF_FFFFL;
    }

    private static BootException damaged(BootFile file) {
        return BootException.unusable(
                file, "its multiboot header is damaged: copy or build it again");
    }
}
