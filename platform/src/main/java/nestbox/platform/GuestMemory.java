package nestbox.platform;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The RAM of a board: what physical addresses answer as memory, and where that memory lies in
/// [NativeSpace].
///
/// RAM below 4 GiB ends at `lowTop`, where the PCI hole starts; the rest continues at 4 GiB. The
/// legacy video window 0xA0000–0xBFFFF is not RAM. Reads outside RAM give zero and writes there are
/// dropped: devices use these methods for DMA with addresses that a guest chose, so nothing here
/// may throw.
public final class GuestMemory implements Ram, AutoCloseable {
    public static final int PAGE_SHIFT = 12;
    public static final long PAGE_SIZE = 1L << PAGE_SHIFT;
    public static final long FOUR_GIB = 1L << 32;

    /// Lowest address of the PCI hole on a board with more RAM than fits below it.
    public static final long PCI_HOLE = 0x8000_0000L;

    /// Page flag: decoded instructions of this page are cached, so writes must be announced.
    public static final byte HAS_CODE = 1;

    /// Page flag: some software TLB lets a processor write to this page directly.
    public static final byte WRITABLE_IN_TLB = 2;

    /// Told of every write to a page that has [#HAS_CODE] set.
    @FunctionalInterface
    public interface CodeWriteListener {
        void codeWritten(long address, long length);
    }

    private static final long VIDEO_START = 0xA0000;
    private static final long VIDEO_END = 0xC0000;

    private final long size;
    private final long lowTop;
    private final long highTop;
    private final long base;
    private final byte[] pageFlags;
    private CodeWriteListener codeWrites = (address, length) -> {};

    /// @param size RAM in bytes, a multiple of 4 KiB, at least 1 MiB
    public GuestMemory(long size) {
        if (size < 1 << 20 || (size & PAGE_SIZE - 1) != 0) {
            throw new IllegalArgumentException("RAM size " + size);
        }
        this.size = size;
        lowTop = Math.min(size, PCI_HOLE);
        highTop = size > lowTop ? FOUR_GIB + size - lowTop : 0;
        base = NativeSpace.allocate(size);
        pageFlags = new byte[(int) (size >> PAGE_SHIFT)];
    }

    public long size() {
        return size;
    }

    /// First address above the RAM that lies below the PCI hole.
    public long lowTop() {
        return lowTop;
    }

    /// First address above the RAM that continues at 4 GiB; 0 when there is none.
    public long highTop() {
        return highTop;
    }

    public void onCodeWrite(CodeWriteListener listener) {
        codeWrites = listener;
    }

    /// Where the byte at a physical address lies in [NativeSpace#SPACE]; -1 if it isn't RAM.
    public long host(long address) {
        if (address >= 0 && address < lowTop) {
            return address >= VIDEO_START && address < VIDEO_END ? -1 : base + address;
        }
        if (address >= FOUR_GIB && address < highTop) {
            return base + lowTop + (address - FOUR_GIB);
        }
        return -1;
    }

    /// Like [#host], for `length` bytes that must all be RAM and contiguous; -1 otherwise.
    public long host(long address, long length) {
        long first = host(address);
        if (first < 0 || length <= 0) {
            return first;
        }
        long last = host(address + length - 1);
        boolean crossesVideo = address < VIDEO_START && address + length > VIDEO_END;
        return last == first + length - 1 && !crossesVideo ? first : -1;
    }

    /// The inverse of [#host]: the physical address of an offset that it returned.
    public long address(long host) {
        long offset = host - base;
        return offset < lowTop ? offset : FOUR_GIB + offset - lowTop;
    }

    /// Page index of an offset that [#host] returned, for [#flags].
    public int page(long host) {
        return (int) (host - base >>> PAGE_SHIFT);
    }

    public int pageCount() {
        return pageFlags.length;
    }

    public byte flags(int page) {
        return pageFlags[page];
    }

    public void setFlags(int page, byte flags) {
        pageFlags[page] |= flags;
    }

    public void clearFlags(int page, byte flags) {
        pageFlags[page] &= (byte) ~flags;
    }

    @Override
    public int readByte(long address) {
        long host = host(address);
        return host < 0 ? 0 : SPACE.get(I8, host) & 0xFF;
    }

    @Override
    public int readShort(long address) {
        long host = host(address, 2);
        return host < 0 ? 0 : SPACE.get(I16, host) & 0xFFFF;
    }

    @Override
    public int readInt(long address) {
        long host = host(address, 4);
        return host < 0 ? 0 : SPACE.get(I32, host);
    }

    @Override
    public long readLong(long address) {
        long host = host(address, 8);
        return host < 0 ? 0 : SPACE.get(I64, host);
    }

    @Override
    public void writeByte(long address, int value) {
        long host = announceWrite(address, 1);
        if (host >= 0) {
            SPACE.set(I8, host, (byte) value);
        }
    }

    @Override
    public void writeShort(long address, int value) {
        long host = announceWrite(address, 2);
        if (host >= 0) {
            SPACE.set(I16, host, (short) value);
        }
    }

    @Override
    public void writeInt(long address, int value) {
        long host = announceWrite(address, 4);
        if (host >= 0) {
            SPACE.set(I32, host, value);
        }
    }

    @Override
    public void writeLong(long address, long value) {
        long host = announceWrite(address, 8);
        if (host >= 0) {
            SPACE.set(I64, host, value);
        }
    }

    /// Copies RAM into an array; bytes that aren't RAM read as zero.
    @Override
    public void read(long address, byte[] into, int at, int length) {
        long host = host(address, length);
        if (host >= 0) {
            MemorySegment.copy(SPACE, ValueLayout.JAVA_BYTE, host, into, at, length);
            return;
        }
        for (int i = 0; i < length; i++) {
            into[at + i] = (byte) readByte(address + i);
        }
    }

    /// Copies an array into RAM; bytes that fall outside RAM are dropped.
    @Override
    public void write(long address, byte[] from, int at, int length) {
        long host = announceWrite(address, length);
        if (host >= 0) {
            MemorySegment.copy(from, at, SPACE, ValueLayout.JAVA_BYTE, host, length);
            return;
        }
        for (int i = 0; i < length; i++) {
            writeByte(address + i, from[at + i]);
        }
    }

    @Override
    public void close() {
        NativeSpace.free(base, size);
    }

    private long announceWrite(long address, long length) {
        long host = host(address, length);
        if (host >= 0 && length > 0) {
            int last = page(host + length - 1);
            for (int page = page(host); page <= last; page++) {
                if ((pageFlags[page] & HAS_CODE) != 0) {
                    codeWrites.codeWritten(address, length);
                    break;
                }
            }
        }
        return host;
    }
}
