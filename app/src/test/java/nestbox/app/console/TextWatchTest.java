package nestbox.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

class TextWatchTest {
    private static final long SEED = 0x7465_7874L;

    @Test
    void callsExactlyWhereTheTextEnds() {
        System.out.println("TextWatchTest seed " + Long.toHexString(SEED));
        SplittableRandom random = new SplittableRandom(SEED);
        for (int round = 0; round < 2000; round++) {
            String text = letters(random, random.nextInt(1, 6));
            String stream = letters(random, 40);
            StringBuilder passed = new StringBuilder();
            StringBuilder seen = new StringBuilder();
            TextWatch watch =
                    new TextWatch(
                            text,
                            value -> passed.append((char) value),
                            () -> seen.append(passed.length()).append(' '));
            for (byte value : stream.getBytes(StandardCharsets.US_ASCII)) {
                watch.write(value);
            }
            StringBuilder expected = new StringBuilder();
            for (int end = text.length(); end <= stream.length(); end++) {
                if (stream.startsWith(text, end - text.length())) {
                    expected.append(end).append(' ');
                }
            }
            assertThat(seen.toString()).as(text + " in " + stream).isEqualTo(expected.toString());
            assertThat(passed.toString()).isEqualTo(stream);
        }
    }

    /// Two letters only, so that texts overlap themselves.
    private static String letters(SplittableRandom random, int length) {
        return random.ints(length, 'a', 'c')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
