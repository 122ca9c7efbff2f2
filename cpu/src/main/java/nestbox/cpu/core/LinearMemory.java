package nestbox.cpu.core;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.I8;
import static nestbox.platform.NativeSpace.SPACE;

/// Data accesses by linear address, as the instruction that runs makes them.
///
/// The fast path is one probe of the software TLB: a single comparison covers page match,
/// permission and page crossing. An entry is 4 longs, `{ tagR, tagW, tagX, hostPage }`; all else
/// (misses, faults, devices, page crossing, watched pages, pages with decoded code) goes to
/// [SlowMemory].
///
/// Every method takes the segment register that the operand used, because the fault for a
/// non-canonical address depends on it (SDM Vol. 1, "Canonical Addressing").
public abstract sealed class LinearMemory extends StateBlock permits Cpu {
    public static final int TLB_ENTRIES = 1024;
    /// Longs of an entry.
    public static final int ENTRY_SIZE = 4;

    public static final int TAG_READ = 0;
    public static final int TAG_WRITE = 1;
    public static final int TAG_EXECUTE = 2;
    public static final int HOST_PAGE = 3;

    private static final int INDEX_MASK = (TLB_ENTRIES - 1) * ENTRY_SIZE;

    /// The TLB in use: that of the current address space, privilege and SMAP state.
    protected long[] tlb;

    LinearMemory(long base) {
        super(base);
    }

    /// The way to everything that the TLB doesn't answer.
    protected abstract SlowMemory slow();

    /// Index in a TLB of the entry for a linear address.
    public static int entryOf(long linear) {
        return (int) (linear >>> 10) & INDEX_MASK;
    }

    public final int read8(int segment, long linear) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_READ];
        if (Long.compareUnsigned(distance, 4095) <= 0) {
            return SPACE.get(I8, entries[entry + HOST_PAGE] + distance) & 0xFF;
        }
        return (int) slow().read(segment, linear, 1);
    }

    public final int read16(int segment, long linear) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_READ];
        if (Long.compareUnsigned(distance, 4094) <= 0) {
            return SPACE.get(I16, entries[entry + HOST_PAGE] + distance) & 0xFFFF;
        }
        return (int) slow().read(segment, linear, 2);
    }

    public final int read32(int segment, long linear) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_READ];
        if (Long.compareUnsigned(distance, 4092) <= 0) {
            return SPACE.get(I32, entries[entry + HOST_PAGE] + distance);
        }
        return (int) slow().read(segment, linear, 4);
    }

    public final long read64(int segment, long linear) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_READ];
        if (Long.compareUnsigned(distance, 4088) <= 0) {
            return SPACE.get(I64, entries[entry + HOST_PAGE] + distance);
        }
        return slow().read(segment, linear, 8);
    }

    /// @param width 1, 2, 4 or 8 bytes
    /// @return the value, zero-extended
    public final long read(int segment, long linear, int width) {
        return switch (width) {
            case 1 -> read8(segment, linear);
            case 2 -> read16(segment, linear);
            case 4 -> read32(segment, linear) & 0xFFFF_FFFFL;
            default -> read64(segment, linear);
        };
    }

    public final void write8(int segment, long linear, int value) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_WRITE];
        if (Long.compareUnsigned(distance, 4095) <= 0) {
            SPACE.set(I8, entries[entry + HOST_PAGE] + distance, (byte) value);
        } else {
            slow().write(segment, linear, 1, value & 0xFFL);
        }
    }

    public final void write16(int segment, long linear, int value) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_WRITE];
        if (Long.compareUnsigned(distance, 4094) <= 0) {
            SPACE.set(I16, entries[entry + HOST_PAGE] + distance, (short) value);
        } else {
            slow().write(segment, linear, 2, value & 0xFFFFL);
        }
    }

    public final void write32(int segment, long linear, int value) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_WRITE];
        if (Long.compareUnsigned(distance, 4092) <= 0) {
            SPACE.set(I32, entries[entry + HOST_PAGE] + distance, value);
        } else {
            slow().write(segment, linear, 4, value & 0xFFFF_FFFFL);
        }
    }

    public final void write64(int segment, long linear, long value) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_WRITE];
        if (Long.compareUnsigned(distance, 4088) <= 0) {
            SPACE.set(I64, entries[entry + HOST_PAGE] + distance, value);
        } else {
            slow().write(segment, linear, 8, value);
        }
    }

    public final void write(int segment, long linear, int width, long value) {
        switch (width) {
            case 1 -> write8(segment, linear, (int) value);
            case 2 -> write16(segment, linear, (int) value);
            case 4 -> write32(segment, linear, (int) value);
            default -> write64(segment, linear, value);
        }
    }

    /// Where an operand that is read and then written lies in the address space reservation; -1
    /// when it can't be accessed directly. Then, or before, the write permission is checked: use
    /// [SlowMemory#readForWrite] and [SlowMemory#write].
    public final long writable(int segment, long linear, int width) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_WRITE];
        if (Long.compareUnsigned(distance, 4096 - width) <= 0) {
            return entries[entry + HOST_PAGE] + distance;
        }
        return -1;
    }

    /// Like [#writable], for reading.
    public final long readable(int segment, long linear, int width) {
        long[] entries = tlb;
        int entry = entryOf(linear);
        long distance = linear ^ entries[entry + TAG_READ];
        if (Long.compareUnsigned(distance, 4096 - width) <= 0) {
            return entries[entry + HOST_PAGE] + distance;
        }
        return -1;
    }
}
