package nestbox.app.console;

import nestbox.platform.ByteSink;

import java.io.IOException;
import java.util.Optional;

/// The other end of a serial line, outside of the board. Only the board's thread calls it.
public interface Endpoint extends ByteSink {
    /// Where it is, for the user.
    String place();

    /// Whether something has come in that [#read] gives.
    boolean hasInput();

    /// The next byte that has come in.
    byte read();

    /// @param wake called, from any thread, when something has come in
    void onInput(Runnable wake);

    /// Ends it, when all that was written has been taken or nobody wants to take it.
    ///
    /// @return why something could not be written
    Optional<IOException> finish();
}
