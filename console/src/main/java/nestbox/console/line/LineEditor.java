package nestbox.console.line;

import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/// One line of text that is typed on a terminal, from the prompt to Enter.
///
/// It takes single bytes, answers each at once, and needs nothing of the terminal but that a
/// backspace moves the cursor. So it makes no difference whether a line is typed or pasted.
public final class LineEditor {
    /// A longer line is refused as a whole, because half a command can be another command.
    public static final int LONGEST_LINE = 255;

    /// How a line ended.
    public sealed interface Entered {
        record Line(String text) implements Entered {}

        /// What was typed did not fit, so none of it counts.
        record TooLong() implements Entered {}
    }

    private static final String BELL = "\u0007";
    private static final String REPEAT = ".";

    private final String prompt;
    private final Consumer<String> out;
    private final Function<String, List<String>> completions;

    private final Keys keys = new Keys();
    private final History history = new History();
    private final StringBuilder line = new StringBuilder();
    private int cursor;
    private boolean tooLong;

    /// @param completions the words that can follow a beginning of a line
    public LineEditor(
            String prompt, Consumer<String> out, Function<String, List<String>> completions) {
        this.prompt = prompt;
        this.out = out;
        this.completions = completions;
    }

    public void prompt() {
        out.accept(prompt);
    }

    /// Takes a byte.
    ///
    /// @return the line, if that was its end
    public Optional<Entered> type(byte value) {
        Key key = keys.next(value & 0xFF);
        switch (key) {
            case CHARACTER -> insert((char) value);
            case BACKSPACE -> backspace();
            case DELETE -> delete();
            case UP -> history.back(line.toString()).ifPresent(this::replace);
            case DOWN -> history.forward().ifPresent(this::replace);
            case LEFT -> left(Math.min(1, cursor));
            case RIGHT -> right(Math.min(1, line.length() - cursor));
            case HOME -> left(cursor);
            case END -> right(line.length() - cursor);
            case TAB -> complete();
            case CANCEL -> cancel();
            case ERASE_LINE -> replace("");
            case ENTER -> {
                return Optional.of(enter());
            }
            case NONE -> {}
        }
        return Optional.empty();
    }

    private void insert(char character) {
        if (line.length() == LONGEST_LINE) {
            tooLong = true;
            out.accept(BELL);
            return;
        }
        line.insert(cursor, character);
        cursor++;
        String rest = line.substring(cursor);
        out.accept(character + rest + "\b".repeat(rest.length()));
    }

    private void backspace() {
        if (cursor > 0) {
            out.accept("\b");
            cursor--;
            removeAtCursor();
        }
    }

    private void delete() {
        if (cursor < line.length()) {
            removeAtCursor();
        }
    }

    private void removeAtCursor() {
        line.deleteCharAt(cursor);
        String rest = line.substring(cursor);
        out.accept(rest + " " + "\b".repeat(rest.length() + 1));
    }

    private void left(int count) {
        out.accept("\b".repeat(count));
        cursor -= count;
    }

    private void right(int count) {
        out.accept(line.substring(cursor, cursor + count));
        cursor += count;
    }

    private void replace(String text) {
        right(line.length() - cursor);
        out.accept("\b \b".repeat(line.length()) + text);
        line.setLength(0);
        line.append(text);
        cursor = line.length();
        tooLong = false;
    }

    private void cancel() {
        out.accept("^C\r\n");
        clear();
        prompt();
    }

    private void clear() {
        line.setLength(0);
        cursor = 0;
        tooLong = false;
    }

    private Entered enter() {
        out.accept("\r\n");
        boolean complete = !tooLong;
        String text = line.toString();
        clear();
        if (!complete) {
            return new Entered.TooLong();
        }
        if (text.startsWith(REPEAT)) {
            text = history.last().orElse("");
        }
        history.add(text);
        return new Entered.Line(text);
    }

    private void complete() {
        String before = line.substring(0, cursor);
        String word = before.substring(before.lastIndexOf(' ') + 1);
        List<String> words = completions.apply(before);
        if (words.isEmpty()) {
            // Pasted text may have tabs between its words.
            if (!before.isEmpty() && !before.endsWith(" ")) {
                insert(' ');
            }
            return;
        }
        String common = words.stream().reduce(LineEditor::commonBeginning).orElse("");
        String missing = common.substring(Math.min(word.length(), common.length()));
        if (words.size() == 1) {
            missing += " ";
        }
        if (missing.isEmpty()) {
            String rest = line.substring(cursor);
            out.accept("\r\n" + String.join("  ", words) + "\r\n" + prompt + line);
            out.accept("\b".repeat(rest.length()));
        }
        missing.chars().forEach(character -> insert((char) character));
    }

    private static String commonBeginning(String left, String right) {
        int length = 0;
        while (length < Math.min(left.length(), right.length())
                && left.charAt(length) == right.charAt(length)) {
            length++;
        }
        return left.substring(0, length);
    }
}
