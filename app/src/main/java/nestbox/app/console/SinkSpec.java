package nestbox.app.console;

import java.nio.file.Path;

/// Where the output of a character device goes.
public sealed interface SinkSpec {
    /// Nowhere.
    record None() implements SinkSpec {}

    /// To standard error.
    record StandardError() implements SinkSpec {}

    /// To a file, which is emptied first.
    record ToFile(Path path) implements SinkSpec {}
}
