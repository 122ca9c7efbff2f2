package nestbox.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Optional;

/// The setup header of a bzImage: what a Linux kernel says about how it wants to be loaded.
///
/// Names are those of the Linux documentation, "The Linux/x86 Boot Protocol".
///
/// @param version boot protocol version
/// @param setupBytes size of the real-mode part; the protected-mode kernel follows it
/// @param kernelBytes size of the protected-mode kernel in the file
/// @param loadAddress where the protected-mode kernel wants to lie
/// @param alignment a power of two, to a multiple of which it may be moved up; 0 if it must not
/// @param initSize memory that the kernel needs from its load address on before it looks at the
///     memory map
/// @param initrdAddrMax highest address that the initial RAM disk may occupy
/// @param cmdlineSize longest command line, without the zero after it
/// @param entry64 true if there is a 64-bit entry point
/// @param bytes the header itself, for the zero page, from offset 0x1F1 on
record LinuxHeader(
        int version,
        int setupBytes,
        long kernelBytes,
        long loadAddress,
        long alignment,
        long initSize,
        long initrdAddrMax,
        long cmdlineSize,
        boolean entry64,
        byte[] bytes) {

    /// Offset of the setup header, in the file and in the zero page.
    static final int START = 0x1F1;

    private static final int SETUP_SECTS = 0x1F1;
    private static final int SYSSIZE = 0x1F4;
    private static final int BOOT_FLAG = 0x1FE;
    private static final int JUMP_OFFSET = 0x201;
    private static final int HEADER = 0x202;
    private static final int VERSION = 0x206;
    private static final int LOADFLAGS = 0x211;
    private static final int INITRD_ADDR_MAX = 0x22C;
    private static final int KERNEL_ALIGNMENT = 0x230;
    private static final int RELOCATABLE_KERNEL = 0x234;
    private static final int XLOADFLAGS = 0x236;
    private static final int CMDLINE_SIZE = 0x238;
    private static final int PREF_ADDRESS = 0x258;
    private static final int INIT_SIZE = 0x260;

    /// Where the fields that are read here end, and where those of the zero page end.
    private static final int SMALLEST_END = 0x264;

    private static final int LARGEST_END = 0x290;

    private static final int HDRS = 0x5372_6448;
    private static final int SECTOR = 512;
    private static final int DEFAULT_SETUP_SECTS = 4;
    private static final int LOADED_HIGH = 1;
    private static final int XLF_KERNEL_64 = 1;
    private static final long HIGH_LOAD_ADDRESS = 0x10_0000;
    private static final int ENTRY64_OFFSET = 0x200;

    /// Versions: the first with `cmdline_size`, with `pref_address`, and with `xloadflags`.
    private static final int OLDEST = 0x206;

    private static final int WITH_PREF_ADDRESS = 0x20A;
    private static final int WITH_XLOADFLAGS = 0x20C;

    /// The header of a kernel that has one.
    ///
    /// @throws BootException when it has, but can't be booted
    static Optional<LinuxHeader> of(BootFile kernel) {
        ByteBuffer file = kernel.head(0, LARGEST_END);
        if (file.limit() < HEADER + 4 || file.getInt(HEADER) != HDRS) {
            return Optional.empty();
        }
        if (file.limit() < SMALLEST_END || file.getShort(BOOT_FLAG) != (short) 0xAA55) {
            throw unusable(kernel, "its setup header is damaged: copy it again");
        }
        int version = file.getShort(VERSION) & 0xFFFF;
        if (version < OLDEST || (file.get(LOADFLAGS) & LOADED_HIGH) == 0) {
            throw unusable(
                    kernel,
                    ("its boot protocol %d.%02d is older than 2.06: use a kernel of"
                                    + " Linux 2.6.22 or later")
                            .formatted(version >> 8, version & 0xFF));
        }
        int sectors = file.get(SETUP_SECTS) & 0xFF;
        int setupBytes = ((sectors == 0 ? DEFAULT_SETUP_SECTS : sectors) + 1) * SECTOR;
        long declared = (file.getInt(SYSSIZE) & 0xFFFF_FFFFL) * 16;
        long kernelBytes = kernel.size() - setupBytes;
        // The declared size is rounded up to 16 bytes and counts a checksum that may be missing.
        if (kernelBytes <= ENTRY64_OFFSET || kernelBytes < declared - 31) {
            throw unusable(
                    kernel,
                    "it is truncated, %d bytes long instead of %d: copy it again"
                            .formatted(kernel.size(), setupBytes + declared));
        }
        boolean placed = version >= WITH_PREF_ADDRESS;
        int end = Math.clamp(HEADER + (file.get(JUMP_OFFSET) & 0xFF), SMALLEST_END, file.limit());
        return Optional.of(
                new LinuxHeader(
                        version,
                        setupBytes,
                        kernelBytes,
                        placed ? file.getLong(PREF_ADDRESS) : HIGH_LOAD_ADDRESS,
                        alignment(file),
                        placed ? file.getInt(INIT_SIZE) & 0xFFFF_FFFFL : kernelBytes * 4,
                        file.getInt(INITRD_ADDR_MAX) & 0xFFFF_FFFFL,
                        file.getInt(CMDLINE_SIZE) & 0xFFFF_FFFFL,
                        version >= WITH_XLOADFLAGS
                                && (file.getShort(XLOADFLAGS) & XLF_KERNEL_64) != 0,
                        Arrays.copyOfRange(file.array(), START, end)));
    }

    private static long alignment(ByteBuffer file) {
        long alignment = file.getInt(KERNEL_ALIGNMENT) & 0xFFFF_FFFFL;
        boolean relocatable = file.get(RELOCATABLE_KERNEL) != 0 && Long.bitCount(alignment) == 1;
        return relocatable ? alignment : 0;
    }

    /// Memory that must be free from the load address on.
    long memoryNeeded() {
        return Math.max(initSize, kernelBytes);
    }

    /// Where the kernel starts: in 64-bit mode if it can, else in 32-bit protected mode.
    ///
    /// @param address where the protected-mode kernel lies
    long entry(long address) {
        return address + (entry64 ? ENTRY64_OFFSET : 0);
    }

    /// The header as it is copied into the zero page.
    ByteBuffer copy() {
        return ByteBuffer.wrap(bytes.clone()).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static BootException unusable(BootFile kernel, String why) {
        return new BootException(
                "The Linux kernel %s can't be booted: %s.".formatted(kernel.name(), why));
    }
}
