package nestbox.cpu.core;

/// Bits of the mode word: all that decoding depends on besides the bytes themselves. Part of the
/// key of a cached block.
public final class Modes {
    /// Size of code: operand and address size defaults.
    public static final int CODE_16 = 0;

    public static final int CODE_32 = 1;
    public static final int CODE_64 = 2;
    public static final int CODE_SIZE = 3;

    /// ES, SS and DS are flat: operands in them need no segment check.
    public static final int FLAT_DATA = 4;

    /// CS has base 0 and no limit below 4 GiB.
    public static final int FLAT_CODE = 8;

    /// A block of one instruction, after which events are looked at.
    public static final int SINGLE = 16;

    /// A guest in VMX non-root operation: some instructions behave differently.
    public static final int NON_ROOT = 32;

    private Modes() {}

    /// 2, 4 or 8.
    public static int codeSize(int mode) {
        return 2 << (mode & CODE_SIZE);
    }
}
