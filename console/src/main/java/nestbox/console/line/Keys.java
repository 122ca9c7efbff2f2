package nestbox.console.line;

/// Tells keys from the bytes that a terminal sends for them: ECMA-48 control sequences, and the
/// single shifts of a VT100.
///
/// A sequence that means nothing here is swallowed whole, since its rest would look like text. A
/// control character ends any sequence, so a broken one takes no more than itself.
final class Keys {
    private static final int ESCAPE = 0x1B;
    private static final int LONGEST_SEQUENCE = 16;

    private enum State {
        GROUND,
        ESCAPED,
        SEQUENCE,
        SHIFTED
    }

    private State state = State.GROUND;
    private boolean afterReturn;
    private final StringBuilder parameters = new StringBuilder();

    Key next(int value) {
        boolean lineFeedOfReturn = afterReturn && value == '\n';
        afterReturn = value == '\r';
        if (lineFeedOfReturn) {
            return Key.NONE;
        }
        if (value == ESCAPE) {
            state = State.ESCAPED;
            parameters.setLength(0);
            return Key.NONE;
        }
        if (value < 0x20 || value == 0x7F) {
            state = State.GROUND;
            return control(value);
        }
        return switch (state) {
            case GROUND -> value < 0x7F ? Key.CHARACTER : Key.NONE;
            case ESCAPED -> escaped(value);
            case SEQUENCE -> sequence(value);
            case SHIFTED -> {
                state = State.GROUND;
                yield letter(value);
            }
        };
    }

    private static Key control(int value) {
        return switch (value) {
            case '\r', '\n' -> Key.ENTER;
            case '\b', 0x7F -> Key.BACKSPACE;
            case '\t' -> Key.TAB;
            case 0x03 -> Key.CANCEL;
            case 0x15 -> Key.ERASE_LINE;
            default -> Key.NONE;
        };
    }

    private Key escaped(int value) {
        state =
                switch (value) {
                    case '[' -> State.SEQUENCE;
                    case 'O' -> State.SHIFTED;
                    default -> State.GROUND;
                };
        return Key.NONE;
    }

    private Key sequence(int value) {
        boolean last = value >= 0x40;
        if (!last && parameters.length() < LONGEST_SEQUENCE) {
            parameters.append((char) value);
            return Key.NONE;
        }
        state = State.GROUND;
        if (!last) {
            return Key.NONE;
        }
        return value == '~' ? numbered() : letter(value);
    }

    private static Key letter(int value) {
        return switch (value) {
            case 'A' -> Key.UP;
            case 'B' -> Key.DOWN;
            case 'C' -> Key.RIGHT;
            case 'D' -> Key.LEFT;
            case 'H' -> Key.HOME;
            case 'F' -> Key.END;
            default -> Key.NONE;
        };
    }

    private Key numbered() {
        return switch (parameters.toString()) {
            case "1", "7" -> Key.HOME;
            case "3" -> Key.DELETE;
            case "4", "8" -> Key.END;
            default -> Key.NONE;
        };
    }
}
