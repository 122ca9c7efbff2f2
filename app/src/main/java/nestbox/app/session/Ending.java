package nestbox.app.session;

import nestbox.app.board.Outcome;

/// Why a session is over.
public sealed interface Ending {
    /// The guest, or the board under it, came to an end by itself.
    record ByGuest(Outcome outcome) implements Ending {}

    /// The console has shown the text that was waited for.
    record TextSeen() implements Ending {}

    /// The time limit came first.
    record TimeLimit() implements Ending {}

    /// The user typed the keys that leave.
    record Left() implements Ending {}

    /// What the guest sends can't be written any more.
    record OutputLost(String reason) implements Ending {}

    /// The trace can't be written any more.
    record TraceLost(String reason) implements Ending {}
}
