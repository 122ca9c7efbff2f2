package nestbox.app.board;

/// How a board's run ended.
public sealed interface Outcome {
    /// The guest switched the power off.
    record PoweredOff() implements Outcome {}

    /// The guest asked for a reset.
    record Reset() implements Outcome {}

    /// A guest program wrote to the exit port.
    record GuestExit(int status) implements Outcome {}

    /// A triple fault.
    ///
    /// @param message where and why, with the registers; several lines
    record Crashed(String message) implements Outcome {}

    /// All processors are halted for good: nothing is left that could wake one.
    record Deadlocked(String message) implements Outcome {}

    /// Someone called [Board#stop].
    record Stopped() implements Outcome {}
}
