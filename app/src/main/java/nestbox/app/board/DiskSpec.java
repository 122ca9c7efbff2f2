package nestbox.app.board;

import java.nio.file.Path;

/// A disk of the board, and what may happen to its file.
public record DiskSpec(Path file, Access access) {
    public enum Access {
        READ_WRITE,
        READ_ONLY,
        /// The guest can write; the file stays as it is and the changes are gone at the end.
        OVERLAY
    }
}
