package nestbox.bench.comparison;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// An emulator at work, and when its console has shown what.
final class Run implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofMinutes(40);
    private static final int SHOWN = 2000;

    /// @param nanos in the time of [System#nanoTime]
    /// @param processorNanos taken by all threads of the process so far
    record Moment(long nanos, long processorNanos) {}

    private final Emulator emulator;
    private final Path folder;
    private final Process process;

    private final long started;

    private final StringBuilder console = new StringBuilder();

    /// For every character of the console, when it came.
    private long[] times = new long[1 << 12];

    /// Likewise, what processor time the process had taken.
    private long[] processorTimes = new long[1 << 12];

    private boolean ended;

    private Run(Emulator emulator, Path folder, Process process, long started) {
        this.emulator = emulator;
        this.folder = folder;
        this.process = process;
        this.started = started;
    }

    static Run start(Emulator emulator, Guest guest) {
        try {
            Path folder = Files.createTempDirectory("nestbox-bench-run");
            ProcessBuilder builder =
                    new ProcessBuilder(emulator.command(guest, folder))
                            .directory(folder.toFile())
                            .redirectError(folder.resolve("stderr").toFile());
            long started = System.nanoTime();
            Run run = new Run(emulator, folder, builder.start(), started);
            run.process.outputWriter().append(emulator.input(guest)).flush();
            Thread.ofPlatform().daemon().start(run::read);
            return run;
        } catch (IOException e) {
            throw new BenchException("Can't start " + emulator.name() + ": " + e.getMessage(), e);
        }
    }

    private void read() {
        ProcessorClock processor = new ProcessorClock(process);
        byte[] chunk = new byte[1 << 12];
        try (InputStream in = process.getInputStream()) {
            for (int count; (count = in.read(chunk)) >= 0; ) {
                Moment now = new Moment(System.nanoTime(), processor.nanos());
                take(new String(chunk, 0, count, StandardCharsets.ISO_8859_1), now);
            }
        } catch (IOException _) {
            // The process has been ended.
        }
        synchronized (this) {
            ended = true;
            notifyAll();
        }
    }

    private synchronized void take(String text, Moment now) {
        int length = console.length() + text.length();
        if (length > times.length) {
            times = Arrays.copyOf(times, 2 * length);
            processorTimes = Arrays.copyOf(processorTimes, 2 * length);
        }
        Arrays.fill(times, console.length(), length, now.nanos);
        Arrays.fill(processorTimes, console.length(), length, now.processorNanos);
        console.append(text);
        notifyAll();
    }

    /// The memory that the emulator has now, and has had at most.
    Residence residence() {
        return Residence.of(process.pid());
    }

    Moment started() {
        return new Moment(started, 0);
    }

    /// Waits until the console has shown a text.
    ///
    /// @return when its last character came
    synchronized Moment await(String text) {
        int last = await(text, 0) + text.length() - 1;
        return new Moment(times[last], processorTimes[last]);
    }

    /// When the last character of a text came, if the console has shown it.
    synchronized Optional<Moment> find(String text) {
        return console.indexOf(text) < 0 ? Optional.empty() : Optional.of(await(text));
    }

    /// Waits for a line that starts with a text.
    synchronized String awaitLine(String start) {
        int from = await(start, 0);
        return console.substring(from, await("\n", from)).strip();
    }

    /// @return where the text is
    private synchronized int await(String text, int from) {
        long limit = System.nanoTime() + LIMIT.toNanos();
        int at;
        while ((at = console.indexOf(text, from)) < 0) {
            long left = limit - System.nanoTime();
            if (ended || left <= 0) {
                throw new BenchException(failure(text));
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new BenchException("Interrupted: start again.", e);
            }
        }
        return at;
    }

    /// Waits until the emulator ends because its guest has.
    ///
    /// @return what it has written to standard error
    String awaitEnd() {
        try {
            process.onExit().get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("Interrupted: start again.", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new BenchException(emulator.name() + " has not ended: start again.", e);
        }
        return errors();
    }

    private String errors() {
        try {
            return Files.readString(folder.resolve("stderr"), StandardCharsets.ISO_8859_1);
        } catch (IOException _) {
            // What it showed on its console has to do.
            return "";
        }
    }

    private String failure(String text) {
        return "%s has not shown \"%s\" but this:%n%s%n%s"
                .formatted(emulator.name(), text.strip(), tail(console.toString()), tail(errors()));
    }

    private static String tail(String text) {
        return text.substring(Math.max(0, text.length() - SHOWN));
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
        Folders.delete(folder);
    }
}
