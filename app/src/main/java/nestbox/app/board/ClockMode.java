package nestbox.app.board;

/// What makes the board's time pass.
public enum ClockMode {
    /// The instructions that the processors retire: every run is the same.
    VIRTUAL,
    /// The host's clock: a second is a second, for interactive use.
    HOST
}
