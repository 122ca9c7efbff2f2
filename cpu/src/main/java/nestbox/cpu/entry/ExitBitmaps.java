package nestbox.cpu.entry;

import nestbox.x86.Vector;

/// What the bitmaps of a VMCS say: whether an access or an event in a guest is a VM exit. SDM
/// Vol. 3C, "VM-Execution Control Fields".
///
/// The processor asks it about the guest that runs; a hypervisor that runs nested guests asks it
/// about its guest's VMCS, with its guest's memory.
public final class ExitBitmaps {
    private static final int HIGH_MSRS = 0xC000_0000;
    private static final int MSRS = 0x2000;
    private static final int HIGH_BITMAP = 0x400;
    private static final int WRITE_BITMAPS = 0x800;
    private static final int PORTS_PER_BITMAP = 0x8000;
    private static final int LAST_PORT = 0xFFFF;
    private static final long ENCODINGS = 0x7FFF;

    private ExitBitmaps() {}

    private static boolean bit(PhysicalMemory memory, long bitmap, int number) {
        return (memory.readPhysical(bitmap + number / 8, 1) >>> (number & 7) & 1) != 0;
    }

    /// RDMSR or WRMSR. "MSR-Bitmap Address".
    public static boolean msr(PhysicalMemory memory, long bitmaps, int number, boolean write) {
        boolean high = Integer.compareUnsigned(number, HIGH_MSRS) >= 0;
        int index = high ? number - HIGH_MSRS : number;
        if (Integer.compareUnsigned(index, MSRS) >= 0) {
            return true;
        }
        return bit(memory, bitmaps + (high ? HIGH_BITMAP : 0) + (write ? WRITE_BITMAPS : 0), index);
    }

    /// An access to ports. "I/O-Bitmap Addresses".
    public static boolean ports(PhysicalMemory memory, long a, long b, int port, int width) {
        if (port + width - 1 > LAST_PORT) {
            return true;
        }
        for (int each = port; each < port + width; each++) {
            if (bit(memory, each < PORTS_PER_BITMAP ? a : b, each & PORTS_PER_BITMAP - 1)) {
                return true;
            }
        }
        return false;
    }

    /// VMREAD or VMWRITE, under VMCS shadowing. "VMCS Shadowing Bitmap Addresses".
    public static boolean field(PhysicalMemory memory, long bitmap, long encoding) {
        return (encoding & ~ENCODINGS) != 0 || bit(memory, bitmap, (int) encoding);
    }

    /// An exception: for page faults mask and match turn the bit around. "Exception Bitmap".
    ///
    /// @param mask page-fault error-code mask
    /// @param match page-fault error-code match
    public static boolean exception(long bitmap, long mask, long match, int vector, int errorCode) {
        boolean set = (bitmap >>> vector & 1) != 0;
        return vector == Vector.PF ? set == ((errorCode & mask) == match) : set;
    }
}
