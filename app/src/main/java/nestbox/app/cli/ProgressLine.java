package nestbox.app.cli;

import java.io.PrintWriter;
import java.util.Timer;
import java.util.TimerTask;

/// Says how far a long command is: on a terminal in one line that shows the time, otherwise a line
/// for each step.
final class ProgressLine implements AutoCloseable {
    private static final int PERIOD_MILLIS = 500;

    /// Goes to the first column and clears the line.
    private static final String CLEAR = "\r\033[K";

    private final PrintWriter err;
    private final boolean terminal;
    private final Timer timer = new Timer("progress", true);
    private final long start = System.nanoTime();
    private String doing = "";
    private boolean closed;

    /// @param terminal whether `err` is one
    ProgressLine(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
        if (terminal) {
            TimerTask show =
                    new TimerTask() {
                        @Override
                        public void run() {
                            show();
                        }
                    };
            timer.schedule(show, PERIOD_MILLIS, PERIOD_MILLIS);
        }
    }

    /// Says what is being done from now on.
    synchronized void doing(String what) {
        doing = what;
        if (closed) {
            return;
        }
        if (terminal) {
            show();
        } else {
            err.println("nestbox: %s %s".formatted(time(), what));
            err.flush();
        }
    }

    private synchronized void show() {
        if (!closed) {
            err.print("%snestbox: %s %s".formatted(CLEAR, time(), doing));
            err.flush();
        }
    }

    private String time() {
        long seconds = (System.nanoTime() - start) / 1_000_000_000;
        return "%d:%02d".formatted(seconds / 60, seconds % 60);
    }

    @Override
    public void close() {
        end();
    }

    /// Takes the line away; nothing more is said.
    synchronized void end() {
        if (!closed && terminal) {
            err.print(CLEAR);
            err.flush();
        }
        closed = true;
        timer.cancel();
    }
}
