package nestbox.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

class EscapeKeysTest {
    private final List<String> commands = new ArrayList<>();
    private final EscapeKeys keys =
            new EscapeKeys(() -> commands.add("leave"), () -> commands.add("help"));

    @Test
    void everythingButCommandsIsForTheGuest() {
        assertThat(type("ls\r\003\004\033[A")).isEqualTo("ls\r\003\004\033[A");
        assertThat(commands).isEmpty();
    }

    @Test
    void commandsAreNotForTheGuest() {
        assertThat(type("a\001hb\001xc\001?d")).isEqualTo("abcd");
        assertThat(commands).containsExactly("help", "leave", "help");
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
