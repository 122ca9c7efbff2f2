package nestbox.app.cli;

import nestbox.scenario.Finding;
import nestbox.scenario.ParseResult;
import nestbox.scenario.Scenario;
import nestbox.scenario.Scenarios;
import nestbox.scenario.board.Board;
import nestbox.scenario.board.BoardResult;
import nestbox.scenario.board.Boards;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// A scenario file as read from the disk, with the board that it is for.
///
/// The board is the one named on the command line, else the built-in one that the file names, else
/// the standard one.
///
/// @param board empty if its file could not be understood
/// @param boardFindings what is wrong with the board's file
record ScenarioFile(ParseResult scenario, Optional<Board> board, List<Finding> boardFindings) {
    private static final String NESTED = "nested.xml";

    /// The scenario that comes with the program: nested virtualization in the Service VM.
    static ScenarioFile nested() {
        try (InputStream in = ScenarioFile.class.getResourceAsStream(NESTED)) {
            ParseResult scenario = Scenarios.parse(Objects.requireNonNull(in, NESTED), NESTED);
            return new ScenarioFile(scenario, Optional.of(Boards.standard()), List.of());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// @param board the name of a built-in board or of a board file
    static ScenarioFile read(Path file, Optional<String> board) {
        ParseResult scenario = parse("scenario", file, Scenarios::parse);
        if (board.isEmpty()) {
            Board builtIn =
                    scenario.scenario()
                            .map(Scenario::board)
                            .flatMap(Boards::builtIn)
                            .orElseGet(Boards::standard);
            return new ScenarioFile(scenario, Optional.of(builtIn), List.of());
        }
        Optional<Board> builtIn = Boards.builtIn(board.get());
        if (builtIn.isPresent()) {
            return new ScenarioFile(scenario, builtIn, List.of());
        }
        BoardResult result = parse("board", boardFile(board.get()), Boards::parse);
        return new ScenarioFile(scenario, result.board(), result.findings());
    }

    private static Path boardFile(String name) {
        Path file = Path.of(name);
        if (Files.notExists(file)) {
            throw new UserMistake(
                    "There is no board %s: name a board file, or one of %s."
                            .formatted(name, String.join(", ", Boards.names())));
        }
        return file;
    }

    private interface Parser<T> {
        T parse(Path file) throws IOException;
    }

    private static <T> T parse(String kind, Path file, Parser<T> parser) {
        if (Files.isDirectory(file)) {
            throw new UserMistake("%s is a folder: name a %s file.".formatted(file, kind));
        }
        try {
            return parser.parse(file);
        } catch (IOException e) {
            throw UserMistake.of("Can't read the %s file %s".formatted(kind, file), e);
        }
    }
}
