package nestbox.console.line;

/// What a key means for a line that is being edited.
enum Key {
    ENTER,
    BACKSPACE,
    DELETE,
    UP,
    DOWN,
    LEFT,
    RIGHT,
    HOME,
    END,
    TAB,
    CANCEL,
    ERASE_LINE,
    /// A printable character.
    CHARACTER,
    /// Nothing, or nothing yet.
    NONE
}
