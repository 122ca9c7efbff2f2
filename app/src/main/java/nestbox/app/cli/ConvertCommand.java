package nestbox.app.cli;

import nestbox.scenario.Conversion;
import nestbox.scenario.Converter;
import nestbox.scenario.Edition;
import nestbox.scenario.Finding;
import nestbox.scenario.Scenario;
import nestbox.scenario.board.Board;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/// `nestbox convert`: a scenario of the old format in the new one.
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        sortOptions = false,
        description = {
            "Converts an ACRN scenario file of v2.5 to v2.7 to the format of v3.x.",
            "What the new format can't say, or says in another way, is told on standard error."
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:converted",
            "1:not converted, since the file has errors, which are printed",
            "2:something to correct: an option, or a file that can't be read or written"
        })
final class ConvertCommand implements Callable<Integer> {
    private static final List<OpenOption> NEW_FILE =
            List.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    private static final List<OpenOption> ANY_FILE =
            List.of(
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE);

    @Parameters(paramLabel = "FILE", description = "The scenario file to convert.")
    private Path file;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "Where the result goes, rather than to standard output.")
    private Optional<Path> output;

    @Option(names = "--force", description = "Overwrite the output file if it is there.")
    private boolean force;

    @Option(
            names = "--board",
            paramLabel = "BOARD",
            completionCandidates = BoardNames.class,
            description = {
                "For what the old format leaves to the board: a board file, or one of",
                "${COMPLETION-CANDIDATES}. Default: as for check."
            })
    private Optional<String> board;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter err = spec.commandLine().getErr();
        ScenarioFile read = ScenarioFile.read(file, board);
        Optional<Scenario> scenario = read.scenario().scenario();
        if (scenario.isEmpty() || read.board().isEmpty() || read.scenario().hasErrors()) {
            read.boardFindings().forEach(err::println);
            read.scenario().findings().forEach(err::println);
            err.println("nestbox: Nothing was converted: correct the errors above first.");
            return ExitStatus.FINDINGS.code();
        }
        return convert(scenario.get(), read.board().get(), read.boardFindings());
    }

    private int convert(Scenario scenario, Board board, List<Finding> boardFindings) {
        PrintWriter err = spec.commandLine().getErr();
        boardFindings.forEach(err::println);
        if (scenario.edition() == Edition.V3) {
            err.println("nestbox: %s is in the format of v3.x already.".formatted(file));
        }
        Conversion conversion = Converter.toV3(scenario, board);
        conversion.notes().forEach(note -> err.println("nestbox: " + note));
        output.ifPresentOrElse(
                path -> write(path, conversion.xml()),
                () -> spec.commandLine().getOut().print(conversion.xml()));
        return Output.finish(spec.commandLine().getOut(), ExitStatus.SUCCESS);
    }

    private void write(Path path, String xml) {
        if (Files.isDirectory(path)) {
            throw new UserMistake("%s is a folder: name a file for the output.".formatted(path));
        }
        if (!force && Files.exists(path)) {
            throw new UserMistake("%s is there already: --force overwrites it.".formatted(path));
        }
        try {
            List<OpenOption> options = force ? ANY_FILE : NEW_FILE;
            Files.writeString(path, xml, options.toArray(OpenOption[]::new));
        } catch (IOException e) {
            throw UserMistake.of("Can't write %s".formatted(path), e);
        }
    }
}
