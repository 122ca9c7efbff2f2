package nestbox.platform;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// One reservation of address space for the whole process, out of which guest RAM, processor
/// state blocks and software TLBs are allocated.
///
/// There is exactly one, in a `static final` segment, because the just-in-time compiler then
/// folds its base address and length into every access: a bounds check is one comparison with a
/// constant. Addresses inside it are *offsets*, plain `long`s; an offset outside is caught by the
/// segment's bounds check, so no guest can reach the memory of the Java process.
///
/// The reservation costs nothing until it is touched: the host supplies zeroed pages on demand.
@SuppressWarnings("restricted") // mmap and madvise: the one place that needs native access
public final class NativeSpace {
    /// Little-endian layouts without alignment: x86 guests access memory at any address.
    public static final ValueLayout.OfByte I8 = ValueLayout.JAVA_BYTE;

    public static final ValueLayout.OfShort I16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt I32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfLong I64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x2 | 0x20 | 0x4000;
    private static final int MADV_DONTNEED = 4;
    private static final long LARGEST = 256L << 30;
    private static final long SMALLEST = 2L << 30;
    private static final long GRANULE = 2L << 20;

    private static final MethodHandle MADVISE = libc("madvise", ValueLayout.JAVA_INT);

    /// The reservation itself. Every offset handed out by [#allocate] is an index into it.
    public static final MemorySegment SPACE = reserve();

    private record Range(long offset, long size) {}

    private static final List<Range> FREE = new ArrayList<>();
    private static long top = GRANULE;

    private NativeSpace() {}

    /// Allocates zeroed memory.
    ///
    /// @param bytes size; rounded up to a multiple of 2 MiB
    /// @return offset into [#SPACE], a multiple of 2 MiB and never 0
    /// @throws OutOfMemoryError when the reservation is exhausted
    public static synchronized long allocate(long bytes) {
        long size = rounded(bytes);
        for (int i = 0; i < FREE.size(); i++) {
            Range range = FREE.get(i);
            if (range.size >= size) {
                FREE.remove(i);
                if (range.size > size) {
                    FREE.add(new Range(range.offset + size, range.size - size));
                }
                return range.offset;
            }
        }
        if (size > SPACE.byteSize() - top) {
            throw new OutOfMemoryError(
                    "guest memory: %d MiB asked for, %d MiB of address space left"
                            .formatted(size >> 20, SPACE.byteSize() - top >> 20));
        }
        long offset = top;
        top += size;
        return offset;
    }

    /// Gives back what [#allocate] returned; the host gets its pages back.
    public static synchronized void free(long offset, long bytes) {
        long size = rounded(bytes);
        discard(offset, size);
        FREE.add(new Range(offset, size));
    }

    /// Makes a range read as zero again and returns its pages to the host.
    private static void discard(long offset, long bytes) {
        MemorySegment range = SPACE.asSlice(offset, bytes);
        try {
            int failed = (int) MADVISE.invokeExact(range, bytes, MADV_DONTNEED);
            if (failed != 0) {
                range.fill((byte) 0);
            }
        } catch (Throwable impossible) {
            throw new AssertionError("madvise declares no exception", impossible);
        }
    }

    private static long rounded(long bytes) {
        return bytes + GRANULE - 1 & -GRANULE;
    }

    private static MemorySegment reserve() {
        MethodHandle mmap =
                Linker.nativeLinker()
                        .downcallHandle(
                                Linker.nativeLinker().defaultLookup().findOrThrow("mmap"),
                                FunctionDescriptor.of(
                                        ValueLayout.ADDRESS,
                                        ValueLayout.ADDRESS,
                                        ValueLayout.JAVA_LONG,
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.JAVA_INT,
                                        ValueLayout.JAVA_LONG));
        for (long size = LARGEST; size >= SMALLEST; size /= 2) {
            try {
                MemorySegment start =
                        (MemorySegment)
                                mmap.invokeExact(
                                        MemorySegment.NULL,
                                        size,
                                        PROT_READ_WRITE,
                                        MAP_PRIVATE_ANONYMOUS_NORESERVE,
                                        -1,
                                        0L);
                if (start.address() != -1) {
                    return start.reinterpret(size);
                }
            } catch (Throwable impossible) {
                throw new AssertionError("mmap declares no exception", impossible);
            }
        }
        throw new OutOfMemoryError(
                "the host refuses to reserve 2 GiB of address space (ulimit -v?)");
    }

    private static MethodHandle libc(String name, ValueLayout result) {
        AddressLayout pointer = ValueLayout.ADDRESS;
        return Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow(name),
                        FunctionDescriptor.of(
                                result, pointer, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    }
}
