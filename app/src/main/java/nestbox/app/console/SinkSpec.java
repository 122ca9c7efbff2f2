package nestbox.app.console;

import java.nio.file.Path;

/// Where the output of a character device goes, if nothing can come back.
public sealed interface SinkSpec extends EndpointSpec {
    /// Nowhere.
    record None() implements SinkSpec {}

    /// To standard error.
    record StandardError() implements SinkSpec {}

    /// To a file, which is emptied first.
    record ToFile(Path path) implements SinkSpec {}
}
