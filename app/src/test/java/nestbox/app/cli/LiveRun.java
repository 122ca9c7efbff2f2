package nestbox.app.cli;

import nestbox.app.console.StandardStreams;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A command line that runs while a test does something else.
final class LiveRun {
    private static final int POLL_MILLIS = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final FutureTask<Integer> status;

    private final PipedOutputStream keyboard = new PipedOutputStream();

    private LiveRun(String... arguments) throws IOException {
        StandardStreams streams = StandardStreams.of(new PipedInputStream(keyboard), out, err);
        status = new FutureTask<>(() -> Nestbox.run(streams, arguments));
    }

    static LiveRun start(String... arguments) throws IOException {
        LiveRun run = new LiveRun(arguments);
        Thread.ofPlatform().daemon().start(run.status);
        return run;
    }

    void type(String text) throws IOException {
        keyboard.write(text.getBytes(StandardCharsets.UTF_8));
        keyboard.flush();
    }

    void closeInput() throws IOException {
        keyboard.close();
    }

    /// Waits for something to appear on standard output.
    void out(String text) throws InterruptedException {
        find(out, Pattern.compile(Pattern.quote(text)));
    }

    /// Waits for something to appear on standard error.
    ///
    /// @return the first group of the pattern
    String err(Pattern pattern) throws InterruptedException {
        return find(err, pattern).group(1);
    }

    private Matcher find(ByteArrayOutputStream stream, Pattern pattern)
            throws InterruptedException {
        while (true) {
            boolean over = status.isDone();
            Matcher found = pattern.matcher(stream.toString(StandardCharsets.UTF_8));
            if (found.find()) {
                return found;
            }
            if (over) {
                throw new AssertionError("the run is over: " + out + err);
            }
            Thread.sleep(POLL_MILLIS);
        }
    }

    /// Waits for the end.
    Run end() throws InterruptedException, ExecutionException {
        int code = status.get();
        return new Run(
                code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
