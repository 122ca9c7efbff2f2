package nestbox.app.session;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.app.console.Console;
import nestbox.app.console.OutputWriter;
import nestbox.app.console.SerialInput;
import nestbox.app.console.SinkSpec;
import nestbox.app.console.StandardStreams;
import nestbox.app.console.TextWatch;
import nestbox.platform.ByteSink;
import nestbox.platform.trace.TraceEvent;
import nestbox.platform.trace.TraceListener;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/// One run of a machine from power-on until something ends it: the guest, the user, a text, a time.
///
/// Whatever comes first decides; it may come from any thread.
public final class Session implements AutoCloseable {
    /// When a session ends.
    ///
    /// @param text the console shows this
    /// @param timeLimit this much of the host's time has passed
    /// @param reboot a reset starts the software again instead of ending the session
    public record Limits(Optional<String> text, Optional<Duration> timeLimit, boolean reboot) {}

    /// Where the guest's other outputs go.
    ///
    /// @param virtioConsole without it the board has no virtio console
    /// @param trace what to do with what VMX does
    public record Outputs(
            SinkSpec com2,
            SinkSpec debugConsole,
            Optional<SinkSpec> virtioConsole,
            Optional<Trace> trace) {}

    /// Events as lines.
    ///
    /// @param file where to; without it, standard error
    /// @param format makes a line of an event
    public record Trace(Optional<Path> file, Function<TraceEvent, String> format) {}

    /// The serial outputs of a board that is to be built.
    public record Sinks(
            ByteSink com1,
            ByteSink com2,
            ByteSink debugConsole,
            Optional<ByteSink> virtioConsole) {}

    private static final int COM1 = 0;

    private final Software software;
    private final Limits limits;
    private final Console console;
    private final Timer timer = new Timer("time-limit", true);
    private final Board board;
    private final AtomicReference<Optional<Ending>> ending =
            new AtomicReference<>(Optional.empty());

    /// Set once the board exists: until then nothing runs that could be stopped.
    private volatile Runnable stop = () -> {};

    private Optional<OutputWriter> trace = Optional.empty();

    /// @param configuration the board's, given where its serial ports lead
    /// @throws IOException when a file or socket can't be opened
    public Session(
            StandardStreams streams,
            Software software,
            Limits limits,
            Outputs outputs,
            Function<Sinks, BoardConfiguration> configuration)
            throws IOException {
        this.software = software;
        this.limits = limits;
        console = new Console(streams, this::outputLost);
        try {
            Sinks sinks = sinks(outputs);
            if (outputs.trace().isPresent()) {
                trace = Optional.of(console.open(outputs.trace().get().file(), this::traceLost));
            }
            board = new Board(configuration.apply(sinks));
        } catch (IOException | RuntimeException | Error e) {
            timer.cancel();
            console.close();
            throw e;
        }
        stop = board::stop;
        trace.ifPresent(writer -> board.trace(lines(writer, outputs.trace().get().format())));
    }

    private static TraceListener lines(OutputWriter out, Function<TraceEvent, String> format) {
        return event -> out.write((format.apply(event) + "\n").getBytes(StandardCharsets.UTF_8));
    }

    private Sinks sinks(Outputs outputs) throws IOException {
        ByteSink com1 = watched(console.output());
        Optional<ByteSink> virtio = Optional.empty();
        if (outputs.virtioConsole().isPresent()) {
            virtio = Optional.of(console.open(outputs.virtioConsole().get()));
        }
        return new Sinks(
                com1, console.open(outputs.com2()), console.open(outputs.debugConsole()), virtio);
    }

    private ByteSink watched(ByteSink output) {
        return limits.text()
                .<ByteSink>map(
                        text -> new TextWatch(text, output, () -> end(new Ending.TextSeen())))
                .orElse(output);
    }

    /// Starts the software and runs until the end.
    public Ending run() {
        software.start(board, this::watched);
        console.connect(
                new Com1(), new Console.Keys(() -> end(new Ending.Left()), software.nextConsole()));
        limits.timeLimit().ifPresent(this::startTimer);
        Outcome outcome = board.run();
        while (outcome instanceof Outcome.Reset && limits.reboot()) {
            board.reset();
            software.start(board, this::watched);
            outcome = board.run();
        }
        end(new Ending.ByGuest(outcome));
        return lostTrace().orElse(ending.get().orElseThrow());
    }

    /// Writes the end of the trace: if that fails, the run has not given what was asked for.
    private Optional<Ending> lostTrace() {
        trace.ifPresent(OutputWriter::close);
        return trace.flatMap(OutputWriter::failure).map(Session::traceEnding);
    }

    private static Ending traceEnding(IOException e) {
        return new Ending.TraceLost(String.valueOf(e.getMessage()));
    }

    /// What the run has taken.
    public Board.Statistics statistics() {
        return board.statistics();
    }

    private void startTimer(Duration limit) {
        TimerTask task =
                new TimerTask() {
                    @Override
                    public void run() {
                        end(new Ending.TimeLimit());
                    }
                };
        timer.schedule(task, limit.toMillis());
    }

    private void traceLost(IOException e) {
        end(traceEnding(e));
    }

    private void outputLost(IOException e) {
        end(new Ending.OutputLost(String.valueOf(e.getMessage())));
    }

    private void end(Ending reason) {
        if (ending.compareAndSet(Optional.empty(), Optional.of(reason))) {
            stop.run();
        }
    }

    /// Releases everything; all output is written when it returns.
    @Override
    public void close() throws IOException {
        timer.cancel();
        try {
            console.close();
        } finally {
            board.close();
        }
    }

    /// The guest's first serial port, as the console sees it.
    private final class Com1 implements SerialInput {
        @Override
        public void send(byte[] bytes) {
            board.serialInput(COM1, bytes);
        }

        @Override
        public int backlog() {
            return board.serialBacklog(COM1);
        }
    }
}
