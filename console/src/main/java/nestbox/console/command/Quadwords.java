package nestbox.console.command;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/// Memory as dumps show it: rows of four quadwords.
final class Quadwords {
    static final int PER_ROW = 4;
    static final int ROW_BYTES = PER_ROW * Long.BYTES;

    /// The longest dump. It bounds what a slip of a finger can print.
    static final int MOST_BYTES = 1 << 16;

    private Quadwords() {}

    static List<Long> of(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<Long> words = new ArrayList<>(bytes.length / Long.BYTES);
        while (buffer.remaining() >= Long.BYTES) {
            words.add(buffer.getLong());
        }
        return words;
    }

    /// How many rows it takes to show so many bytes.
    static int rows(int length) {
        return (length + ROW_BYTES - 1) / ROW_BYTES;
    }

    /// A length in decimal, above 0 and within bounds.
    static int length(Arguments arguments) {
        int length = arguments.decimal();
        if (length == 0 || length > MOST_BYTES) {
            throw new InvalidArguments("The length can be from 1 to %d.\r\n".formatted(MOST_BYTES));
        }
        return length;
    }
}
