package nestbox.app.console;

import nestbox.platform.ByteSink;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// The process's standard streams as the cables of a guest's serial ports.
///
/// On a terminal, COM1 is the terminal itself; otherwise plain bytes go in and out, whatever they
/// are.
public final class Console implements AutoCloseable {
    private static final String WELCOME = "nestbox: Ctrl-A x leaves, Ctrl-A h helps";

    private final Consumer<IOException> onFailure;
    private final StandardStreams streams;
    private final List<OutputWriter> writers = new ArrayList<>();
    private final List<OutputStream> files = new ArrayList<>();
    private final List<Endpoint> endpoints = new ArrayList<>();
    private Optional<RawTerminal> terminal = Optional.empty();

    /// @param onFailure told, on another thread, when output can't be written any more
    public Console(StandardStreams streams, Consumer<IOException> onFailure) {
        this.streams = streams;
        this.onFailure = onFailure;
    }

    /// What is written here appears on standard output.
    public ByteSink output() {
        return writer("console-output", streams.out());
    }

    /// Opens what a user has named as the other end of a device.
    ///
    /// @param device what it is for, such as "the second serial port"
    public Endpoint open(String device, EndpointSpec spec) throws EndpointException {
        try {
            Endpoint endpoint = open(spec);
            endpoints.add(endpoint);
            return endpoint;
        } catch (IOException e) {
            throw new EndpointException(device, spec, e);
        }
    }

    private Endpoint open(EndpointSpec spec) throws IOException {
        return switch (spec) {
            case SinkSpec.None() -> new SinkEndpoint(spec.text(), Optional.empty());
            case SinkSpec.StandardError() -> sink(spec, streams.err());
            case SinkSpec.ToFile(var path) -> {
                OutputStream file = Files.newOutputStream(path);
                files.add(file);
                yield sink(spec, file);
            }
            case EndpointSpec.Socket socket -> SocketServer.open(socket);
            case EndpointSpec.PseudoTerminal() -> TerminalServer.open();
        };
    }

    private Endpoint sink(EndpointSpec spec, OutputStream out) {
        Consumer<IOException> onLost = e -> onFailure.accept(SinkEndpoint.lost(spec.text(), e));
        OutputWriter writer = new OutputWriter("endpoint-output", out, onLost);
        return new SinkEndpoint(spec.text(), Optional.of(writer));
    }

    /// Ends what [#open(String, EndpointSpec)] has opened; all output is out when it returns.
    ///
    /// @return why some of it is lost, if it is
    public Optional<IOException> finish() {
        List<IOException> failures =
                endpoints.stream().flatMap(endpoint -> endpoint.finish().stream()).toList();
        endpoints.clear();
        return failures.stream().findFirst();
    }

    /// Opens a place for lines about the run: a file, which is emptied first, or standard error.
    ///
    /// @param onLost told once, on another thread, when nothing more can be written there
    public OutputWriter open(Optional<Path> file, Consumer<IOException> onLost) throws IOException {
        OutputStream out = streams.err();
        if (file.isPresent()) {
            out = Files.newOutputStream(file.get());
            files.add(out);
        }
        OutputWriter writer = new OutputWriter("lines-output", out, onLost);
        writers.add(writer);
        return writer;
    }

    /// What keys on a terminal do, behind Ctrl-A.
    ///
    /// @param next gives the terminal to the next console
    public record Keys(Runnable leave, Optional<Runnable> next) {}

    /// Starts to bring standard input to a serial port.
    ///
    /// @param commands run, on another thread, when the user types the keys for them
    public void connect(SerialInput port, Keys commands) {
        terminal = streams.mayBeTerminal() ? RawTerminal.open() : Optional.empty();
        terminal.ifPresent(_ -> say(WELCOME));
        Optional<EscapeKeys> keys = terminal.map(_ -> new EscapeKeys(commands, this::say));
        new InputReader(streams.in(), keys, port).start();
    }

    /// Tells the user something that no guest says.
    public void say(String text) {
        try {
            streams.err().write((text + System.lineSeparator()).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // Nobody listens, which is fine for a hint.
        }
    }

    private OutputWriter writer(String name, OutputStream out) {
        OutputWriter writer = new OutputWriter(name, out, onFailure);
        writers.add(writer);
        return writer;
    }

    /// Writes out all output and gives the terminal back.
    @Override
    public void close() throws IOException {
        writers.forEach(OutputWriter::close);
        finish();
        terminal.ifPresent(
                raw -> {
                    // The guest may have left the cursor in the middle of a line.
                    say("");
                    raw.close();
                });
        for (OutputStream file : files) {
            file.close();
        }
    }
}
