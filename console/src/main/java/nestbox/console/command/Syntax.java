package nestbox.console.command;

/// How a command is typed, and what it is for: help, completion and reading come from here.
///
/// @param parameters as people write them, empty if there are none
/// @param help one line
/// @param parser makes a command of what was typed behind the name
public record Syntax(String name, String parameters, String help, Parser parser) {
    /// Reads parameters.
    @FunctionalInterface
    public interface Parser {
        Command parse(Arguments arguments);
    }

    static Syntax syntax(String name, String parameters, String help, Parser parser) {
        return new Syntax(name, parameters, help, parser);
    }
}
