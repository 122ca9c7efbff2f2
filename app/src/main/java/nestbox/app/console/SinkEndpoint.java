package nestbox.app.console;

import java.io.IOException;
import java.util.Optional;

/// A place for output, from which nothing ever comes.
///
/// @param writer what does the work, if the output goes anywhere
record SinkEndpoint(String place, Optional<OutputWriter> writer) implements Endpoint {
    @Override
    public void write(byte value) {
        writer.ifPresent(out -> out.write(value));
    }

    @Override
    public boolean hasInput() {
        return false;
    }

    @Override
    public byte read() {
        throw new IllegalStateException("nothing has come in");
    }

    @Override
    public void onInput(Runnable wake) {}

    @Override
    public Optional<IOException> finish() {
        writer.ifPresent(OutputWriter::close);
        return writer.flatMap(OutputWriter::failure).map(e -> lost(place, e));
    }

    /// An error that says where it happened.
    static IOException lost(String place, IOException e) {
        return new IOException("%s: %s".formatted(place, e.getMessage()), e);
    }
}
