package nestbox.conformance.oracle;

/// The linear addresses that a case can use, the same for the host's helper and for our processor.
///
/// A page of code, two pages of data with unmapped pages around them, and a read-only page. Only
/// some windows of the data are set and compared byte by byte; the rest is zero, and either
/// engine reports when it doesn't stay so.
final class Layout {
    static final int PAGE = 0x1000;
    static final long CODE = 0x1000_0000L;
    static final long DATA = 0x2000_0000L;
    static final int DATA_SIZE = 2 * PAGE;
    static final long READ_ONLY = 0x2000_3000L;

    /// Fills the code page, so that every way out of the instruction ends here.
    static final byte INT3 = (byte) 0xCC;

    /// Selectors that 64-bit Linux gives its programs.
    static final int CODE_SELECTOR = 0x33;

    static final int CODE32_SELECTOR = 0x23;
    static final int DATA_SELECTOR = 0x2B;

    /// @param address where it begins
    /// @param offset its place in a state's memory
    record Window(long address, int offset, int size) {
        boolean contains(long at) {
            return at - address >= 0 && at - address < size;
        }

        long end() {
            return address + size;
        }
    }

    static final Window AFTER_UNMAPPED = new Window(DATA, 0, 128);
    static final Window ACROSS_PAGES = new Window(DATA + PAGE - 320, 128, 640);
    static final Window BEFORE_UNMAPPED = new Window(DATA + DATA_SIZE - 256, 768, 256);
    static final int MEMORY_SIZE = 1024;

    private static final Window[] WINDOWS = {AFTER_UNMAPPED, ACROSS_PAGES, BEFORE_UNMAPPED};

    private Layout() {}

    static Window[] windows() {
        return WINDOWS.clone();
    }

    /// @return the address's place in a state's memory, or -1 when it is outside the windows
    static int memoryOffset(long address) {
        for (Window window : WINDOWS) {
            if (window.contains(address)) {
                return window.offset() + (int) (address - window.address());
            }
        }
        return -1;
    }

    static byte readOnlyByte(int offset) {
        return (byte) (offset * 7 + 1);
    }
}
