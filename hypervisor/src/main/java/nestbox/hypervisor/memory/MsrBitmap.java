package nestbox.hypervisor.memory;

/// The MSR bitmaps: which registers make a guest exit, apart for RDMSR and WRMSR. Registers outside
/// both ranges always do. SDM Vol. 3C, "MSR-Bitmap Address".
public final class MsrBitmap {
    private static final int RANGE = 0x2000;
    private static final int HIGH_START = 0xC000_0000;
    private static final int WRITES = 2 * RANGE;

    private final Bitmap bits;

    public MsrBitmap(PagePool pages) {
        bits = new Bitmap(pages, false);
    }

    public long address() {
        return bits.address();
    }

    /// Whether a register is in one of the two ranges.
    public static boolean covers(int msr) {
        return Integer.compareUnsigned(msr, RANGE) < 0
                || Integer.compareUnsigned(msr - HIGH_START, RANGE) < 0;
    }

    private static int bit(int msr) {
        return Integer.compareUnsigned(msr, RANGE) < 0 ? msr : RANGE + msr - HIGH_START;
    }

    /// Sets both bits of a register that is in one of the ranges.
    public void exits(int msr, boolean onRead, boolean onWrite) {
        bits.set(bit(msr), onRead);
        bits.set(WRITES + bit(msr), onWrite);
    }
}
