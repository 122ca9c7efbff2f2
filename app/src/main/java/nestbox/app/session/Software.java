package nestbox.app.session;

import nestbox.app.board.Board;
import nestbox.platform.ByteSink;

import java.util.Optional;

/// What a board runs: a guest, or a hypervisor with guests of its own.
@FunctionalInterface
public interface Software {
    /// Starts it on a board that has just been reset.
    ///
    /// @param watched looks for the text that ends the session in one more console's output
    void start(Board board, Watch watched);

    /// What gives the terminal to the next console, if there can be several; from any thread.
    default Optional<Runnable> nextConsole() {
        return Optional.empty();
    }

    /// Puts itself between a console and where its output goes.
    interface Watch {
        ByteSink on(ByteSink output);
    }
}
