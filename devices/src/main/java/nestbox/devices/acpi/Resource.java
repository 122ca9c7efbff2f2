package nestbox.devices.acpi;

import nestbox.devices.TableBytes;

import java.util.Arrays;

/// Encodes resource descriptors, what a device's `_CRS` holds. After the ACPI specification,
/// section "Resource Data Types for ACPI".
final class Resource {
    // Small items; the length is in the low three bits
    private static final int IRQ_NO_FLAGS = 0x22;
    private static final int IO_PORT = 0x47;
    private static final int END_TAG = 0x79;

    // Large items
    private static final int MEMORY_32_FIXED = 0x86;
    private static final int DWORD_ADDRESS = 0x87;
    private static final int WORD_ADDRESS = 0x88;
    private static final int QWORD_ADDRESS = 0x8A;

    private static final int DECODES_16_BITS = 1;
    private static final int READ_WRITE = 1;

    // Address space descriptors: what is addressed, and how
    private static final int MEMORY_RANGE = 0;
    private static final int IO_RANGE = 1;
    private static final int BUS_NUMBER_RANGE = 2;
    private static final int FIXED_PRODUCER = 0x0C; // both ends are fixed, positive decode
    private static final int ENTIRE_RANGE = 3; // ISA and non-ISA I/O

    private Resource() {}

    /// A `_CRS` object: a buffer of descriptors with its end tag. Checksum 0 means none.
    static byte[] template(byte[]... descriptors) {
        byte[] all = Aml.join(Arrays.asList(descriptors));
        return Aml.buffer(new TableBytes().bytes(all).u8(END_TAG).u8(0).toByteArray());
    }

    static byte[] io(int first, int count) {
        return new TableBytes()
                .u8(IO_PORT)
                .u8(DECODES_16_BITS)
                .u16(first)
                .u16(first)
                .u8(1) // alignment
                .u8(count)
                .toByteArray();
    }

    /// An ISA interrupt: edge, active high, not shared.
    static byte[] irq(int irq) {
        return new TableBytes().u8(IRQ_NO_FLAGS).u16(1 << irq).toByteArray();
    }

    static byte[] memory(long start, long length) {
        return new TableBytes()
                .u8(MEMORY_32_FIXED)
                .u16(9)
                .u8(READ_WRITE)
                .u32(start)
                .u32(length)
                .toByteArray();
    }

    static byte[] busNumbers(int first, int last) {
        return new TableBytes()
                .u8(WORD_ADDRESS)
                .u16(13)
                .u8(BUS_NUMBER_RANGE)
                .u8(FIXED_PRODUCER)
                .u8(0)
                .u16(0) // granularity
                .u16(first)
                .u16(last)
                .u16(0) // translation
                .u16(last - first + 1)
                .toByteArray();
    }

    /// A window of I/O ports that a bridge passes on.
    static byte[] ioWindow(int first, int last) {
        return new TableBytes()
                .u8(WORD_ADDRESS)
                .u16(13)
                .u8(IO_RANGE)
                .u8(FIXED_PRODUCER)
                .u8(ENTIRE_RANGE)
                .u16(0)
                .u16(first)
                .u16(last)
                .u16(0)
                .u16(last - first + 1)
                .toByteArray();
    }

    /// A window of 32-bit addresses that a bridge passes on.
    static byte[] memoryWindow(long first, long end) {
        return new TableBytes()
                .u8(DWORD_ADDRESS)
                .u16(23)
                .u8(MEMORY_RANGE)
                .u8(FIXED_PRODUCER)
                .u8(READ_WRITE)
                .u32(0)
                .u32(first)
                .u32(end - 1)
                .u32(0)
                .u32(end - first)
                .toByteArray();
    }

    /// A window of 64-bit addresses that a bridge passes on.
    static byte[] memoryWindow64(long first, long end) {
        return new TableBytes()
                .u8(QWORD_ADDRESS)
                .u16(43)
                .u8(MEMORY_RANGE)
                .u8(FIXED_PRODUCER)
                .u8(READ_WRITE)
                .u64(0)
                .u64(first)
                .u64(end - 1)
                .u64(0)
                .u64(end - first)
                .toByteArray();
    }
}
