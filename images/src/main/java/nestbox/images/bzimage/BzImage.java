package nestbox.images.bzimage;

import com.github.luben.zstd.ZstdInputStream;

import org.tukaani.xz.XZInputStream;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/// A Linux kernel as it is installed: a small program that unpacks an ELF file, and that file.
///
/// Who boots the ELF file itself needs the same number of instructions from there on, and billions
/// fewer before. The header's fields are those of Linux's "x86 boot protocol", version 2.08.
public final class BzImage {
    private static final int SETUP_SECTS = 0x1F1;
    private static final int SIGNATURE = 0x202;
    private static final int VERSION = 0x206;
    private static final int PAYLOAD_OFFSET = 0x248;
    private static final int PAYLOAD_LENGTH = 0x24C;
    private static final int HEADER_END = 0x250;

    /// "HdrS"
    private static final int HEADER_SIGNATURE = 0x5372_6448;

    private static final int VERSION_WITH_PAYLOAD = 0x208;
    private static final int SECTOR = 512;
    private static final int ELF = 0x464C_457F;
    private static final int XZ = 0x587A_37FD;
    private static final int ZSTD = 0xFD2F_B528;
    private static final int GZIP_MASK = 0xFFFF;
    private static final int GZIP = 0x8B1F;

    private static final int XZ_MEMORY_KIB = 256 << 10;
    private static final int MAX_UNPACKED = 512 << 20;

    private BzImage() {}

    /// The ELF file in a kernel, if it is there and packed in a way that is known here.
    ///
    /// @throws IOException if the file is damaged
    public static Optional<byte[]> elf(byte[] kernel) throws IOException {
        ByteBuffer header = ByteBuffer.wrap(kernel).order(ByteOrder.LITTLE_ENDIAN);
        if (kernel.length < HEADER_END
                || header.getInt(SIGNATURE) != HEADER_SIGNATURE
                || header.getShort(VERSION) < VERSION_WITH_PAYLOAD) {
            return Optional.empty();
        }
        long start =
                ((kernel[SETUP_SECTS] & 0xFF) + 1L) * SECTOR
                        + Integer.toUnsignedLong(header.getInt(PAYLOAD_OFFSET));
        long length = Integer.toUnsignedLong(header.getInt(PAYLOAD_LENGTH));
        if (length < Integer.BYTES || start + length > kernel.length) {
            throw new IOException("the kernel is shorter than its header says");
        }
        Optional<InputStream> unpacked =
                unpacked(header.getInt((int) start), kernel, (int) start, (int) length);
        if (unpacked.isEmpty()) {
            return Optional.empty();
        }
        try (InputStream in = unpacked.get()) {
            byte[] elf = in.readNBytes(MAX_UNPACKED);
            boolean isElf =
                    elf.length >= Integer.BYTES
                            && ByteBuffer.wrap(elf).order(ByteOrder.LITTLE_ENDIAN).getInt() == ELF;
            return isElf ? Optional.of(elf) : Optional.empty();
        }
    }

    private static Optional<InputStream> unpacked(int magic, byte[] kernel, int start, int length)
            throws IOException {
        if ((magic & GZIP_MASK) == GZIP) {
            return Optional.of(
                    new GZIPInputStream(new ByteArrayInputStream(kernel, start, length)));
        }
        // Where the format doesn't end with it, the length of what comes out follows the archive.
        InputStream packed = new ByteArrayInputStream(kernel, start, length - Integer.BYTES);
        return switch (magic) {
            case XZ -> Optional.of(new XZInputStream(packed, XZ_MEMORY_KIB));
            case ZSTD -> Optional.of(new ZstdInputStream(packed));
            default -> Optional.empty();
        };
    }
}
