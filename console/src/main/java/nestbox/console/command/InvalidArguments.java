package nestbox.console.command;

/// Ends the reading of parameters that make no command. It never leaves [Commands].
final class InvalidArguments extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /// @param message what the shell prints before its general complaint; may be empty
    InvalidArguments(String message) {
        super(message, null, false, false);
    }

    InvalidArguments() {
        this("");
    }
}
