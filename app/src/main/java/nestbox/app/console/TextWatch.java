package nestbox.app.console;

import nestbox.platform.ByteSink;

import java.nio.charset.StandardCharsets;

/// Passes bytes on and calls when a text has gone by.
///
/// A watched console is a stream of single bytes, so the text is matched with the automaton of
/// Knuth, Morris and Pratt: constant work per byte on average and no buffer.
public final class TextWatch implements ByteSink {
    private final byte[] text;

    /// For each number of bytes matched, how many stay matched when the next one differs.
    private final int[] fallback;

    private final ByteSink out;
    private final Runnable onSeen;
    private int matched;

    /// @param text not empty
    public TextWatch(String text, ByteSink out, Runnable onSeen) {
        this.text = text.getBytes(StandardCharsets.UTF_8);
        this.out = out;
        this.onSeen = onSeen;
        fallback = new int[this.text.length + 1];
        for (int i = 1, length = 0; i < this.text.length; i++) {
            while (length > 0 && this.text[i] != this.text[length]) {
                length = fallback[length];
            }
            if (this.text[i] == this.text[length]) {
                length++;
            }
            fallback[i + 1] = length;
        }
    }

    @Override
    public void write(byte value) {
        out.write(value);
        while (matched > 0 && value != text[matched]) {
            matched = fallback[matched];
        }
        if (value == text[matched]) {
            matched++;
        }
        if (matched == text.length) {
            matched = fallback[matched];
            onSeen.run();
        }
    }
}
