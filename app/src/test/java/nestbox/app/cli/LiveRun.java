package nestbox.app.cli;

import nestbox.app.console.StandardStreams;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
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

    private LiveRun(String... arguments) {
        StandardStreams streams = StandardStreams.of(InputStream.nullInputStream(), out, err);
        status = new FutureTask<>(() -> Nestbox.run(streams, arguments));
    }

    static LiveRun start(String... arguments) {
        LiveRun run = new LiveRun(arguments);
        Thread.ofPlatform().daemon().start(run.status);
        return run;
    }

    /// Waits for something to appear on standard error.
    ///
    /// @return the first group of the pattern
    String err(Pattern pattern) throws InterruptedException {
        while (true) {
            Matcher found = pattern.matcher(err.toString(StandardCharsets.UTF_8));
            if (found.find()) {
                return found.group(1);
            }
            if (status.isDone()) {
                throw new AssertionError("the run is over: " + err);
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
