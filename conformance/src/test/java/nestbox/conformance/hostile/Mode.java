package nestbox.conformance.hostile;

/// Modes in which hostile code runs.
enum Mode {
    REAL(2),
    PROTECTED_16(2),
    PROTECTED_32(4),
    VIRTUAL_8086(2),
    COMPATIBILITY_16(2),
    COMPATIBILITY_32(4),
    LONG(8);

    private final int codeSize;

    Mode(int codeSize) {
        this.codeSize = codeSize;
    }

    /// 2, 4 or 8.
    int codeSize() {
        return codeSize;
    }

    /// Whether the processor is in IA-32e mode.
    boolean isLong() {
        return this == COMPATIBILITY_16 || this == COMPATIBILITY_32 || this == LONG;
    }
}
