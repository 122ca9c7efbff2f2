package nestbox.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

class EscapeKeysTest {
    private final List<String> commands = new ArrayList<>();
    private final EscapeKeys keys =
            new EscapeKeys(
                    new Console.Keys(
                            () -> commands.add("leave"), Optional.of(() -> commands.add("next"))),
                    commands::add);

    @Test
    void everythingButCommandsIsForTheGuest() {
        assertThat(type("ls\r\003\004\033[A")).isEqualTo("ls\r\003\004\033[A");
        assertThat(commands).isEmpty();
    }

    @Test
    void commandsAreNotForTheGuest() {
        assertThat(type("a\001sb\001xc")).isEqualTo("abc");
        assertThat(commands).containsExactly("next", "leave");
    }

    @Test
    void helpNamesTheCommandsThatThereAre() {
        assertThat(type("\001h\001?")).isEmpty();
        assertThat(commands).hasSize(2).allMatch(help -> help.contains("Ctrl-A s"));
        EscapeKeys single =
                new EscapeKeys(new Console.Keys(() -> {}, Optional.empty()), commands::add);
        single.filter(new byte[] {1, 's', 1, 'h'}, 4);
        assertThat(commands).hasSize(3);
        assertThat(commands.getLast()).contains("Ctrl-A x").doesNotContain("Ctrl-A s");
    }

    @Test
    void commandMayBeTypedInTwoPieces() {
        assertThat(type("a\001")).isEqualTo("a");
        assertThat(type("xb")).isEqualTo("b");
        assertThat(commands).containsExactly("leave");
    }

    @Test
    void escapeTypedTwiceIsSentOnce() {
        assertThat(type("\001\001")).isEqualTo("\001");
        assertThat(type("\001a")).isEqualTo("\001");
    }

    @Test
    void unknownCommandsAreSwallowed() {
        assertThat(type("\001zq")).isEqualTo("q");
        assertThat(commands).isEmpty();
    }

    private String type(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        return new String(keys.filter(bytes, bytes.length), StandardCharsets.ISO_8859_1);
    }
}
