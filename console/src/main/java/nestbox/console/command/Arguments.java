package nestbox.console.command;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/// What was typed behind a command's name, taken word by word.
///
/// Ids and lengths are decimal, addresses and values hexadecimal with or without `0x`.
public final class Arguments {
    private static final int MOST_DECIMAL_DIGITS = 9;
    private static final int MOST_HEX_DIGITS = 16;

    private final Deque<String> words;

    Arguments(List<String> words) {
        this.words = new ArrayDeque<>(words);
    }

    int count() {
        return words.size();
    }

    boolean isEmpty() {
        return words.isEmpty();
    }

    String word() {
        if (words.isEmpty()) {
            throw new InvalidArguments();
        }
        return words.remove();
    }

    /// The next word if it begins so, without that.
    Optional<String> option(String prefix) {
        if (words.isEmpty() || !words.peek().startsWith(prefix)) {
            return Optional.empty();
        }
        return Optional.of(words.remove().substring(prefix.length()));
    }

    int decimal() {
        return decimal(word());
    }

    /// @param absent the value if nothing is left
    int decimal(int absent) {
        return isEmpty() ? absent : decimal();
    }

    static int decimal(String word) {
        if (!word.matches("[0-9]{1," + MOST_DECIMAL_DIGITS + "}")) {
            throw new InvalidArguments();
        }
        return Integer.parseInt(word);
    }

    long hex() {
        String digits = word().replaceFirst("^0[xX]", "");
        if (!digits.matches("[0-9a-fA-F]{1," + MOST_HEX_DIGITS + "}")) {
            throw new InvalidArguments();
        }
        return Long.parseUnsignedLong(digits, 16);
    }

    /// A hexadecimal number of 32 bits.
    int hex32() {
        long value = hex();
        if (value >>> 32 != 0) {
            throw new InvalidArguments();
        }
        return (int) value;
    }

    /// Refuses what is left: it was meant to say something.
    void end() {
        if (!isEmpty()) {
            throw new InvalidArguments();
        }
    }
}
