package nestbox.app.console;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;

/// Where a command reads and writes: the process's own streams, without buffers, or a test's.
///
/// @param mayBeTerminal whether the input could be a terminal, whose mode is then changed
public record StandardStreams(
        InputStream in, OutputStream out, OutputStream err, boolean mayBeTerminal) {

    public static StandardStreams ofProcess() {
        return new StandardStreams(
                new FileInputStream(FileDescriptor.in),
                new FileOutputStream(FileDescriptor.out),
                new FileOutputStream(FileDescriptor.err),
                true);
    }

    /// Streams that are no terminal.
    public static StandardStreams of(InputStream in, OutputStream out, OutputStream err) {
        return new StandardStreams(in, out, err, false);
    }
}
