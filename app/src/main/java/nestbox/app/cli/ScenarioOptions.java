package nestbox.app.cli;

import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.nio.file.Path;
import java.util.Optional;

/// What says which scenario to run, and on which board.
final class ScenarioOptions {
    @Parameters(paramLabel = "SCENARIO", description = "The scenario file.")
    Path file = Path.of("");

    @Option(
            names = "--board",
            paramLabel = "BOARD",
            completionCandidates = BoardNames.class,
            description = {
                "A board file, or one of ${COMPLETION-CANDIDATES}.",
                "Default: the board that the scenario names, if it is one of these, else the first."
            })
    Optional<String> board = Optional.empty();
}
