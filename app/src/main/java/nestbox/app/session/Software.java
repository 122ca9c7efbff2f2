package nestbox.app.session;

import nestbox.app.board.Board;
import nestbox.app.console.Endpoint;
import nestbox.platform.ByteSink;

import java.util.Optional;

/// What a board runs: a guest, or a hypervisor with guests of its own.
@FunctionalInterface
public interface Software {
    /// Starts it on a board that has just been reset.
    void start(Board board, Consoles consoles);

    /// What gives the terminal to the next console, if there can be several; from any thread.
    default Optional<Runnable> nextConsole() {
        return Optional.empty();
    }

    /// Nothing can be typed any more; from any thread.
    default void inputEnded() {}

    /// What a session has for consoles other than the board's first serial port.
    @FunctionalInterface
    interface Consoles {
        /// Puts itself between a console and where its output goes, to look for the text that ends
        /// the session.
        ByteSink watched(ByteSink output);

        /// Where the user wants the console of a VM, if not on the terminal. It stays open when the
        /// board is reset.
        default Optional<Endpoint> elsewhere(int vm) {
            return Optional.empty();
        }
    }
}
