package nestbox.app.session;

import nestbox.app.board.Board;
import nestbox.app.board.BoardConfiguration;
import nestbox.app.board.Outcome;
import nestbox.app.console.Console;
import nestbox.app.console.Endpoint;
import nestbox.app.console.EndpointSpec;
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
import java.util.HashMap;
import java.util.Map;
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
    /// @param vmConsoles of VMs whose console isn't to be on the terminal, by VM
    /// @param trace what to do with what VMX does
    public record Outputs(
            SinkSpec com2,
            SinkSpec debugConsole,
            Optional<SinkSpec> virtioConsole,
            Map<Integer, EndpointSpec> vmConsoles,
            Optional<Trace> trace) {
        public Outputs {
            vmConsoles = Map.copyOf(vmConsoles);
        }
    }

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
    private final Software.Consoles consoles = new AllConsoles();
    private final AtomicReference<Optional<Ending>> ending =
            new AtomicReference<>(Optional.empty());

    /// Set once the board exists: until then nothing runs that could be stopped.
    private volatile Runnable stop = () -> {};

    private final Map<Integer, Endpoint> vmConsoles = new HashMap<>();
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
            openConsoles(outputs.vmConsoles());
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
            SinkSpec spec = outputs.virtioConsole().get();
            virtio = Optional.of(console.open("the virtio console", spec));
        }
        return new Sinks(
                com1,
                console.open("the second serial port", outputs.com2()),
                console.open("the debug ports", outputs.debugConsole()),
                virtio);
    }

    private void openConsoles(Map<Integer, EndpointSpec> specs) throws IOException {
        for (Map.Entry<Integer, EndpointSpec> each : specs.entrySet()) {
            String device = "the console of VM %d".formatted(each.getKey());
            Endpoint endpoint = console.open(device, each.getValue());
            vmConsoles.put(each.getKey(), endpoint);
            if (each.getValue() instanceof EndpointSpec.PseudoTerminal) {
                console.say("nestbox: %s is %s".formatted(device, endpoint.place()));
            }
        }
    }

    private ByteSink watched(ByteSink output) {
        return limits.text()
                .<ByteSink>map(
                        text -> new TextWatch(text, output, () -> end(new Ending.TextSeen())))
                .orElse(output);
    }

    /// Starts the software and runs until the end.
    public Ending run() {
        software.start(board, consoles);
        console.connect(
                new Com1(), new Console.Keys(() -> end(new Ending.Left()), software.nextConsole()));
        limits.timeLimit().ifPresent(this::startTimer);
        Outcome outcome = board.run();
        while (outcome instanceof Outcome.Reset && limits.reboot()) {
            board.reset();
            software.start(board, consoles);
            outcome = board.run();
        }
        end(new Ending.ByGuest(outcome));
        return lostOutput().or(this::lostTrace).orElse(ending.get().orElseThrow());
    }

    /// Writes out the rest of all output: if that fails, the run has not given what was asked for.
    private Optional<Ending> lostOutput() {
        return console.finish().map(Session::outputEnding);
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

    private static Ending outputEnding(IOException e) {
        return new Ending.OutputLost(String.valueOf(e.getMessage()));
    }

    private void outputLost(IOException e) {
        end(outputEnding(e));
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

    private final class AllConsoles implements Software.Consoles {
        @Override
        public ByteSink watched(ByteSink output) {
            return Session.this.watched(output);
        }

        @Override
        public Optional<Endpoint> elsewhere(int vm) {
            return Optional.ofNullable(vmConsoles.get(vm));
        }
    }

    /// The guest's first serial port, as the console sees it.
    private final class Com1 implements SerialInput {
        @Override
        public void send(byte[] bytes) {
            board.serialInput(COM1, bytes);
        }

        @Override
        public void end() {
            software.inputEnded();
        }

        @Override
        public int backlog() {
            return board.serialBacklog(COM1);
        }
    }
}
