package nestbox.app.console;

import java.nio.file.Path;

/// What a user has named as the other end of a character device.
public sealed interface EndpointSpec
        permits SinkSpec, EndpointSpec.Socket, EndpointSpec.PseudoTerminal {
    /// A UNIX stream socket, which clients connect to.
    record Socket(Path path) implements EndpointSpec {}

    /// A pseudo-terminal, which the host names.
    record PseudoTerminal() implements EndpointSpec {}

    /// As users write it.
    default String text() {
        return switch (this) {
            case SinkSpec.None() -> "none";
            case SinkSpec.StandardError() -> "stderr";
            case SinkSpec.ToFile(Path path) -> "file:" + path;
            case Socket(Path path) -> "unix:" + path;
            case PseudoTerminal() -> "pty";
        };
    }
}
