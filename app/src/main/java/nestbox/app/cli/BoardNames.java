package nestbox.app.cli;

import nestbox.scenario.board.Boards;

import java.util.Iterator;

/// The built-in boards, for the help and for completion in a shell.
final class BoardNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
        return Boards.names().iterator();
    }
}
