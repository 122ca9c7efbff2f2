package nestbox.app.cli;

import nestbox.app.console.EndpointSpec;
import nestbox.app.console.SinkSpec;

import picocli.CommandLine.TypeConversionException;

import java.nio.file.Path;

/// Reads what is to be the other end of a character device.
final class EndpointConverter {
    private static final String FILE = "file:";
    private static final String SOCKET = "unix:";

    private EndpointConverter() {}

    static EndpointSpec read(String value) {
        if (value.startsWith(FILE) && value.length() > FILE.length()) {
            return new SinkSpec.ToFile(Path.of(value.substring(FILE.length())));
        }
        if (value.startsWith(SOCKET) && value.length() > SOCKET.length()) {
            return new EndpointSpec.Socket(Path.of(value.substring(SOCKET.length())));
        }
        return switch (value) {
            case "none" -> new SinkSpec.None();
            case "stderr" -> new SinkSpec.StandardError();
            case "pty" -> new EndpointSpec.PseudoTerminal();
            default ->
                    throw new TypeConversionException(
                            "'%s' is no place: write unix:PATH, pty, file:PATH, stderr or none"
                                    .formatted(value));
        };
    }
}
