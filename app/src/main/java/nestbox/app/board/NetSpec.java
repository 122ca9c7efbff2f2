package nestbox.app.board;

import java.nio.file.Path;

/// Where the frames of the board's network card go.
public sealed interface NetSpec {
    /// Back to the card.
    record Loopback() implements NetSpec {}

    /// To a UNIX stream socket, each frame after its length in 4 bytes.
    ///
    /// @param listen whether to wait for the other side instead of connecting to it
    record UnixSocket(Path path, boolean listen) implements NetSpec {}
}
