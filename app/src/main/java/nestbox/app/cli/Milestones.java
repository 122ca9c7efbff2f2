package nestbox.app.cli;

import nestbox.app.board.Board;
import nestbox.app.console.Endpoint;
import nestbox.app.console.TextWatch;
import nestbox.app.session.Software;
import nestbox.platform.ByteSink;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/// Software whose progress is told by what its consoles show.
final class Milestones implements Software {
    private final Software software;
    private final List<Step> steps;
    private final Consumer<List<Reached>> listener;
    private final List<Reached> reached = new ArrayList<>();
    private final long hostStart = System.nanoTime();

    /// @param text that a console shows when the step is done
    record Step(String name, String text) {}

    /// @param nanos of the board's time, `hostNanos` of the host's
    record Reached(String name, long instructions, long nanos, long hostNanos) {}

    /// @param steps in the order in which they are reached
    /// @param listener told of all steps so far after each, on the board's thread
    Milestones(Software software, List<Step> steps, Consumer<List<Reached>> listener) {
        this.software = software;
        this.steps = List.copyOf(steps);
        this.listener = listener;
    }

    /// The steps so far, power-on first.
    List<Reached> reached() {
        return List.copyOf(reached);
    }

    @Override
    public void start(Board board, Consoles consoles) {
        reached.clear();
        software.start(
                board,
                new Consoles() {
                    @Override
                    public ByteSink watched(ByteSink output) {
                        return consoles.watched(watch(board, output));
                    }

                    @Override
                    public Optional<Endpoint> elsewhere(int vm) {
                        return consoles.elsewhere(vm);
                    }
                });
        reach(board, "power-on, hypervisor started");
    }

    @Override
    public Optional<Runnable> nextConsole() {
        return software.nextConsole();
    }

    @Override
    public void inputEnded() {
        software.inputEnded();
    }

    private ByteSink watch(Board board, ByteSink output) {
        return new ByteSink() {
            private ByteSink next = expect(0);

            @Override
            public void write(byte value) {
                output.write(value);
                next.write(value);
            }

            /// Looks for the text of a step; every text counts for one step only.
            private ByteSink expect(int index) {
                return index == steps.size()
                        ? _ -> {}
                        : new TextWatch(
                                steps.get(index).text(),
                                _ -> {},
                                () -> {
                                    next = expect(index + 1);
                                    reach(board, steps.get(index).name());
                                });
            }
        };
    }

    private void reach(Board board, String name) {
        Board.Statistics now = board.statistics();
        reached.add(
                new Reached(name, now.instructions(), now.nanos(), System.nanoTime() - hostStart));
        listener.accept(reached());
    }
}
