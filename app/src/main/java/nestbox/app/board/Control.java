package nestbox.app.board;

import nestbox.platform.BoardControl;

import java.util.Optional;

/// Remembers what a device asked of the board until the run loop looks.
final class Control implements BoardControl {
    private final Runnable interrupt;
    private Optional<Outcome> request = Optional.empty();

    /// @param interrupt makes the processor that runs stop soon
    Control(Runnable interrupt) {
        this.interrupt = interrupt;
    }

    Optional<Outcome> request() {
        return request;
    }

    void clear() {
        request = Optional.empty();
    }

    void end(Outcome outcome) {
        if (request.isEmpty()) {
            request = Optional.of(outcome);
        }
        interrupt.run();
    }

    @Override
    public void reset() {
        end(new Outcome.Reset());
    }

    @Override
    public void powerOff() {
        end(new Outcome.PoweredOff());
    }

    @Override
    public void exit(int code) {
        end(new Outcome.GuestExit(code));
    }
}
