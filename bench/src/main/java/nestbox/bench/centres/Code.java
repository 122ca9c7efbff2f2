package nestbox.bench.centres;

import java.util.HexFormat;

/// Parts of machine code with numbers in them, as hexadecimal digits.
final class Code {
    private static final int JUMP_SIZE = 5;

    private Code() {}

    /// A jump.
    ///
    /// @param from where it lies
    /// @param to where it leads
    static String jump(int from, int to) {
        return "e9" + int32(to - from - JUMP_SIZE);
    }

    static String int32(int value) {
        return HexFormat.of().toHexDigits(Integer.reverseBytes(value));
    }
}
