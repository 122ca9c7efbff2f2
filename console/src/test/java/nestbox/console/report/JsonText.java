package nestbox.console.report;

import static org.assertj.core.api.Assertions.assertThat;

/// Reads JSON as RFC 8259 has it, to see whether a text is JSON at all.
public final class JsonText {
    private final String text;
    private int at;

    private JsonText(String text) {
        this.text = text;
    }

    public static void check(String text) {
        JsonText reader = new JsonText(text);
        reader.value();
        assertThat(reader.at).as(text).isEqualTo(text.length());
    }

    private void value() {
        switch (text.charAt(at)) {
            case '{' ->
                    list(
                            '}',
                            () -> {
                                string();
                                expect(':');
                                value();
                            });
            case '[' -> list(']', this::value);
            case '"' -> string();
            default -> word();
        }
    }

    private void list(char end, Runnable item) {
        at++;
        if (text.charAt(at) == end) {
            at++;
            return;
        }
        item.run();
        while (text.charAt(at) == ',') {
            at++;
            item.run();
        }
        expect(end);
    }

    private void string() {
        expect('"');
        while (text.charAt(at) != '"') {
            assertThat(text.charAt(at)).as(text).isGreaterThanOrEqualTo(' ');
            if (text.charAt(at) == '\\') {
                at++;
                assertThat("\"\\u").as(text).contains(text.substring(at, at + 1));
                if (text.charAt(at) == 'u') {
                    assertThat(text.substring(at + 1, at + 5)).matches("[0-9a-f]{4}");
                    at += 4;
                }
            }
            at++;
        }
        at++;
    }

    private void word() {
        int start = at;
        while (at < text.length() && "-truefalsn0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        assertThat(text.substring(start, at)).as(text).matches("true|false|-?(0|[1-9][0-9]*)");
    }

    private void expect(char character) {
        assertThat(text.charAt(at)).as("%s at %d", text, at).isEqualTo(character);
        at++;
    }
}
