package nestbox.app.console;

import java.io.IOException;
import java.util.Optional;

/// The end of a cable at which a thread of its own serves whoever listens.
///
/// @param end ends the thread, after it has sent what there is to send
record CableEndpoint(String place, Cable cable, Runnable end) implements Endpoint {
    @Override
    public void write(byte value) {
        cable.write(value);
    }

    @Override
    public boolean hasInput() {
        return cable.hasInput();
    }

    @Override
    public byte read() {
        return cable.read();
    }

    @Override
    public void onInput(Runnable wake) {
        cable.onInput(wake);
    }

    /// Whoever wanted the output and left has no use for it any more: that is no failure.
    @Override
    public Optional<IOException> finish() {
        end.run();
        return Optional.empty();
    }
}
