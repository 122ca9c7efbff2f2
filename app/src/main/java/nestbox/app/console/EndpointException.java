package nestbox.app.console;

import java.io.IOException;

/// What a user has named as the other end of a device can't be opened.
public final class EndpointException extends IOException {
    private static final long serialVersionUID = 1L;

    private final IOException reason;

    /// @param device what it is for, such as "the second serial port"
    EndpointException(String device, EndpointSpec spec, IOException reason) {
        super("%s can't be opened for %s".formatted(spec.text(), device), reason);
        this.reason = reason;
    }

    /// What the host says.
    public IOException reason() {
        return reason;
    }
}
