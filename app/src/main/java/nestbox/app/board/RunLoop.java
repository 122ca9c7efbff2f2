package nestbox.app.board;

import nestbox.cpu.Processor;
import nestbox.devices.uart.Uart;
import nestbox.platform.Clock;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;

/// Gives the processors their turns, lets time pass, and brings in what comes from other threads.
final class RunLoop {
    private static final long NANOS_PER_MILLI = 1_000_000;

    /// How long the host thread sleeps at most when the guest is idle.
    private static final long LONGEST_WAIT = 50 * NANOS_PER_MILLI;

    private final Board board;
    private final ClockMode mode;
    private final List<Uart> uarts;

    // Guarded by this.
    private final List<Queue<Byte>> input;
    private boolean woken;

    private volatile boolean hasInput;
    private volatile boolean stopped;
    private long hostStart;

    RunLoop(Board board, ClockMode mode, List<Uart> uarts) {
        this.board = board;
        this.mode = mode;
        this.uarts = uarts;
        input = uarts.stream().<Queue<Byte>>map(uart -> new ArrayDeque<>()).toList();
    }

    synchronized void serialInput(int port, byte[] bytes) {
        for (byte value : bytes) {
            input.get(port).add(value);
        }
        wake();
    }

    synchronized int serialBacklog(int port) {
        return input.get(port).size();
    }

    /// Something outside has changed: look at it, and don't sleep.
    synchronized void wake() {
        hasInput = true;
        woken = true;
        notifyAll();
    }

    synchronized void stop() {
        stopped = true;
        notifyAll();
    }

    Outcome run() {
        hostStart = System.nanoTime() - board.clock().nanos();
        while (true) {
            Optional<Outcome> outcome = turn();
            if (outcome.isPresent()) {
                return outcome.get();
            }
        }
    }

    Optional<Outcome> runFor(long nanos) {
        hostStart = System.nanoTime() - board.clock().nanos();
        long end = board.clock().nanos() + nanos;
        Clock.Alarm limit = board.clock().alarm(() -> {});
        limit.at(end);
        Optional<Outcome> outcome = Optional.empty();
        while (outcome.isEmpty() && board.clock().nanos() < end) {
            outcome = turn();
        }
        limit.cancel();
        return outcome;
    }

    private Optional<Outcome> turn() {
        boolean ran = board.processors().turn();
        Optional<Outcome> end = end();
        if (end.isPresent()) {
            return end;
        }
        takeInput();
        if (mode == ClockMode.HOST) {
            board.clock().advanceTo(hostNanos());
        }
        return ran ? Optional.empty() : idle();
    }

    private Optional<Outcome> end() {
        if (board.control().request().isPresent()) {
            return board.control().request();
        }
        for (Processor processor : board.processors().all()) {
            if (processor.isShutDown()) {
                return Optional.of(new Outcome.Crashed(crash(processor)));
            }
        }
        return stopped ? Optional.of(new Outcome.Stopped()) : Optional.empty();
    }

    private static String crash(Processor processor) {
        return "The guest crashed with a triple fault: %s.%n%s"
                .formatted(processor.shutdownReason(), processor.dump());
    }

    private long hostNanos() {
        return System.nanoTime() - hostStart;
    }

    private void takeInput() {
        if (!hasInput) {
            return;
        }
        synchronized (this) {
            hasInput = false;
            for (int i = 0; i < uarts.size(); i++) {
                Queue<Byte> queue = input.get(i);
                while (!queue.isEmpty() && uarts.get(i).canReceive()) {
                    uarts.get(i).receive(queue.remove());
                }
                hasInput |= !queue.isEmpty();
            }
        }
        board.poll();
    }

    /// All processors wait: time goes on to the next alarm.
    private Optional<Outcome> idle() {
        long deadline = board.clock().nextDeadline();
        if (deadline == Long.MAX_VALUE) {
            Optional<Outcome> standstill = board.standstill();
            if (standstill.isPresent()) {
                return standstill;
            }
            sleep(LONGEST_WAIT);
            return Optional.empty();
        }
        if (mode == ClockMode.HOST) {
            sleep(Math.min(LONGEST_WAIT, deadline - hostNanos()));
            board.clock().advanceTo(hostNanos());
        } else {
            board.clock().advanceTo(deadline);
        }
        return Optional.empty();
    }

    /// Waits for so long, or until [#wake] or [#stop].
    private synchronized void sleep(long nanos) {
        long end = System.nanoTime() + nanos;
        try {
            for (long left = nanos; left > 0 && !woken && !stopped; ) {
                wait(left / NANOS_PER_MILLI, (int) (left % NANOS_PER_MILLI));
                left = end - System.nanoTime();
            }
        } catch (InterruptedException e) {
            stopped = true;
            Thread.currentThread().interrupt();
        }
        woken = false;
    }
}
