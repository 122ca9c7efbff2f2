package nestbox.console.line;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.line.LineEditor.Entered;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Keys edit the line, and what the terminal shows is always the line.
class LineEditorTest {
    private static final String UP = "\u001b[A";
    private static final String DOWN = "\u001b[B";
    private static final String RIGHT = "\u001b[C";
    private static final String LEFT = "\u001b[D";
    private static final String HOME = "\u001b[H";
    private static final String END = "\u001b[F";
    private static final String DELETE = "\u001b[3~";
    private static final List<String> WORDS = List.of("alpha", "alphabet", "beta");

    private final Screen screen = new Screen();
    private final List<String> entered = new ArrayList<>();
    private final LineEditor editor = new LineEditor("> ", screen::print, LineEditorTest::words);

    @Test
    void charactersAreEchoedAndReturnEndsTheLine() {
        type("hello world\r");
        assertThat(entered).containsExactly("hello world");
        assertThat(screen.all).hasToString("hello world\r\n");
    }

    @Test
    void backspaceErasesOnTheTerminal() {
        type("ab\b");
        assertThat(screen.all).hasToString("ab\b \b");
        type("\u007f\b\bx\r");
        assertThat(entered).containsExactly("x");
    }

    @Test
    void returnAndLineFeedAreOneEnd() {
        type("a\r\nb\nc\r\r\n\n");
        assertThat(entered).containsExactly("a", "b", "c", "", "");
    }

    @Test
    void cursorMovesWithinTheLine() {
        type("bd" + LEFT + "c" + HOME + "a" + END + "e" + LEFT + LEFT + DELETE + "D\r");
        assertThat(entered).containsExactly("abcDe");
    }

    @Test
    void keysHaveSeveralSequences() {
        type("b\u001bOHa\u001bOFc\u001b[1~x\u001b[4~y\u001b[7~\u001b[3~\u001b[8~z\r");
        assertThat(entered).containsExactly("abcyz");
    }

    @Test
    void unknownSequencesAreSwallowedWhole() {
        type("a\u001b[15~b\u001b[1;5Cc\u001bxd\u001b[200~e\u001bOPf\u001b[?25hg\r");
        assertThat(entered).containsExactly("abcdefg");
    }

    @Test
    void brokenSequenceTakesNoMoreThanItself() {
        type("a\u001b[\rb\u001b\u001b[Ac\r" + "d\u001b[" + "1".repeat(50) + "\r");
        assertThat(entered.get(0)).isEqualTo("a");
        assertThat(entered.get(2)).startsWith("d");
    }

    @Test
    void historyGoesBackAndForth() {
        type("one\rtwo\rtwo\r  \rdraft" + UP + UP + UP + UP + "\r");
        assertThat(entered.getLast()).isEqualTo("one");
        type("draft" + UP + UP + DOWN + DOWN + DOWN + "!\r");
        assertThat(entered.getLast()).isEqualTo("draft!");
        type(UP + UP + "?\r");
        assertThat(entered.getLast()).isEqualTo("one?");
    }

    @Test
    void historyIsBounded() {
        for (int i = 0; i < 200; i++) {
            type("line " + i + "\r");
        }
        type(UP.repeat(500) + "\r");
        assertThat(entered.getLast()).isEqualTo("line 136");
    }

    @Test
    void controlsCancelAndErase() {
        type("reboot\u0003ok\r");
        assertThat(entered).containsExactly("ok");
        type("reboot\u0015fine\r");
        assertThat(entered.getLast()).isEqualTo("fine");
        type("\u0000\u0001a\u0006\u000eb\u00ff\u0080\r");
        assertThat(entered.getLast()).isEqualTo("ab");
    }

    @Test
    void tabCompletesAsFarAsItIsClear() {
        type("b\t1\r");
        type("a\t\r");
        type("alphab\t\r");
        type("x\ty\r");
        type("\t\r");
        assertThat(entered).containsExactly("beta 1", "alpha", "alphabet ", "x y", "");
    }

    @Test
    void secondTabShowsTheChoice() {
        type("alpha\t");
        assertThat(screen.all).hasToString("alpha\r\nalpha  alphabet\r\n> alpha");
        type("\u0003\t");
        assertThat(screen.all.toString()).endsWith("\r\nalpha  alphabet  beta\r\n> ");
    }

    @Test
    void lineThatIsTooLongIsRefused() {
        type("x".repeat(255) + "\r");
        assertThat(entered).containsExactly("x".repeat(255));
        type("x".repeat(256) + "\r");
        assertThat(entered.getLast()).isEqualTo("(too long)");
        type("x".repeat(300) + "\u0015short\r");
        assertThat(entered.getLast()).isEqualTo("short");
    }

    @Test
    void terminalShowsTheLineWhateverIsTyped() {
        long seed = 0x11E_ED17;
        SplittableRandom random = new SplittableRandom(seed);
        String[] keys = {
            UP, DOWN, LEFT, RIGHT, HOME, END, DELETE, "\b", "\t", "\u0015", "\u0003", "a", "alp",
            "b ", "q", "\u001b", "\u001b[", "\u00c3"
        };
        for (int i = 0; i < 5_000; i++) {
            editor.prompt();
            for (int n = random.nextInt(40); n > 0; n--) {
                type(keys[random.nextInt(keys.length)]);
            }
            String shown = screen.line();
            type("\r");
            assertThat(shown.stripTrailing())
                    .as("seed %x, line %d", seed, i)
                    .isEqualTo(("> " + entered.getLast()).stripTrailing());
        }
    }

    private static List<String> words(String before) {
        return before.contains(" ")
                ? List.of()
                : WORDS.stream().filter(word -> word.startsWith(before)).toList();
    }

    private void type(String text) {
        for (int i = 0; i < text.length(); i++) {
            editor.type((byte) text.charAt(i))
                    .ifPresent(
                            end ->
                                    entered.add(
                                            switch (end) {
                                                case Entered.Line(String line) -> line;
                                                case Entered.TooLong() -> "(too long)";
                                            }));
        }
    }

    /// A terminal that can move its cursor left and write over what is there.
    private static final class Screen {
        final StringBuilder all = new StringBuilder();
        private final StringBuilder line = new StringBuilder();
        private int column;

        void print(String text) {
            all.append(text);
            for (int i = 0; i < text.length(); i++) {
                char character = text.charAt(i);
                switch (character) {
                    case '\b' -> {
                        assertThat(column).isPositive();
                        column--;
                    }
                    case '\r' -> column = 0;
                    case '\n' -> line.setLength(0);
                    case '\u0007' -> {}
                    default -> {
                        if (column == line.length()) {
                            line.append(character);
                        } else {
                            line.setCharAt(column, character);
                        }
                        column++;
                    }
                }
            }
        }

        String line() {
            return line.toString();
        }
    }
}
