package nestbox.hypervisor.devicemodel;

import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.EptEntry;

import java.nio.ByteBuffer;

/// One of the parameters of [Hypercall#SET_MEMORY_REGIONS]: a range that is mapped or taken away.
///
/// @param attributes access rights and memory type as the device model has them
/// @param address of the virtual machine
/// @param serviceAddress of the Service VM, which gives the memory
/// @param length in bytes
public record MemoryRegion(
        Kind kind, int attributes, long address, long serviceAddress, long length) {
    public static final int SIZE = 32;

    private static final int READ = 1;
    private static final int RIGHTS = 7;
    private static final int WRITE_BACK = 1 << 6;
    private static final int WRITE_THROUGH = 1 << 7;
    private static final int WRITE_COMBINING = 1 << 9;
    private static final int WRITE_PROTECTED = 1 << 10;

    /// Four levels of EPT tables reach so far.
    private static final long ADDRESSES = 1L << 48;

    private static final int ADD = 0;
    private static final int DELETE = 2;

    public enum Kind {
        ADD,
        DELETE,
        UNKNOWN
    }

    public static MemoryRegion of(ByteBuffer structure, int at) {
        return new MemoryRegion(
                switch (structure.getInt(at)) {
                    case ADD -> Kind.ADD;
                    case DELETE -> Kind.DELETE;
                    default -> Kind.UNKNOWN;
                },
                structure.getInt(at + 4),
                structure.getLong(at + 8),
                structure.getLong(at + 16),
                structure.getLong(at + 24));
    }

    /// Whether it is pages, at addresses that there are. What can be written but not read is a
    /// misconfiguration of EPT. SDM Vol. 3C, "EPT Misconfigurations".
    public boolean isValid() {
        long unaligned = address | length | (kind == Kind.ADD ? serviceAddress : 0);
        return kind != Kind.UNKNOWN
                && (unaligned & GuestMemory.PAGE_SIZE - 1) == 0
                && isBelowLimit(length)
                && isBelowLimit(address)
                && address + length <= ADDRESSES
                && (kind == Kind.DELETE || (attributes & READ) != 0);
    }

    private static boolean isBelowLimit(long number) {
        return number >= 0 && number <= ADDRESSES;
    }

    /// Permissions and memory type as in an EPT entry.
    public long eptAttributes() {
        return attributes & RIGHTS | memoryType() << EptEntry.MEMORY_TYPE;
    }

    /// SDM Vol. 3A, Table "Memory Types That Can Be Encoded With PAT".
    private long memoryType() {
        if ((attributes & WRITE_BACK) != 0) {
            return 6;
        }
        if ((attributes & WRITE_THROUGH) != 0) {
            return 4;
        }
        if ((attributes & WRITE_COMBINING) != 0) {
            return 1;
        }
        return (attributes & WRITE_PROTECTED) != 0 ? 5 : 0;
    }
}
