package nestbox.console.subject;

/// Up to which severity a message gets into each log: 1 fatal, 3 error, 6 debug.
///
/// @param npk the level of the trace hub
public record LogLevels(int console, int memory, int npk) {
    /// More than this makes no difference.
    public static final int HIGHEST = 7;
}
