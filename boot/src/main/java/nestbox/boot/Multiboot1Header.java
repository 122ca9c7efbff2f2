package nestbox.boot;

import java.nio.ByteBuffer;
import java.util.Optional;

/// The header by which a kernel asks for the Multiboot Specification, version 0.6.96.
///
/// @param addresses where to load the kernel, if not by its ELF program headers
/// @param entry where to start it in that case
record Multiboot1Header(Optional<LoadAddresses> addresses, Optional<Long> entry) {
    private static final int MAGIC = 0x1BAD_B002;
    private static final int SEARCHED = 8192;
    private static final int SMALLEST = 12;
    private static final int WITH_ADDRESSES = 32;
    private static final int ADDRESSES = 1 << 16;

    /// Bits 15:0 are requirements. Modules are page-aligned (0) and memory information is given
    /// (1) for every kernel; a video mode (2) is a wish.
    private static final int UNKNOWN_REQUIREMENTS = 0xFFF8;

    static Optional<Multiboot1Header> of(BootFile file) {
        ByteBuffer head = file.head(0, SEARCHED);
        for (int at = 0; at + SMALLEST <= head.limit(); at += 4) {
            int flags = head.getInt(at + 4);
            if (head.getInt(at) == MAGIC && MAGIC + flags + head.getInt(at + 8) == 0) {
                return Optional.of(read(file, head, at, flags));
            }
        }
        return Optional.empty();
    }

    private static Multiboot1Header read(BootFile file, ByteBuffer head, int at, int flags) {
        if ((flags & UNKNOWN_REQUIREMENTS) != 0) {
            throw BootException.unusable(
                    file,
                    "its multiboot header requires the unknown features 0x%x: build it without"
                            .formatted(flags & UNKNOWN_REQUIREMENTS));
        }
        if ((flags & ADDRESSES) == 0) {
            return new Multiboot1Header(Optional.empty(), Optional.empty());
        }
        if (at + WITH_ADDRESSES > head.limit()) {
            throw BootException.unusable(file, "its multiboot header is truncated: copy it again");
        }
        LoadAddresses addresses =
                LoadAddresses.of(
                        at,
                        address(head, at + 12),
                        address(head, at + 16),
                        address(head, at + 20),
                        address(head, at + 24));
        return new Multiboot1Header(Optional.of(addresses), Optional.of(address(head, at + 28)));
    }

    private static long address(ByteBuffer head, int at) {
        return head.getInt(at) & 0xFFFF_FFFFL;
    }
}
