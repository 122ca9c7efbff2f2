package nestbox.app.cli;

import nestbox.console.report.Json;
import nestbox.scenario.rule.Rule;
import nestbox.scenario.rule.Rules;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;

/// `nestbox check`: everything that is wrong with a scenario file, at once.
@Command(
        name = "check",
        mixinStandardHelpOptions = true,
        versionProvider = Nestbox.Version.class,
        sortOptions = false,
        description = {
            "Checks an ACRN scenario file against its format, all rules, and the board.",
            "It takes files of v2.5 to v2.7 and of v3.x, and reports everything at once:",
            "file:line:column: severity [rule] what is wrong, and what to do about it."
        },
        exitCodeListHeading = "%nExit status:%n",
        exitCodeList = {
            "0:no errors; with --strict, no warnings either",
            "1:errors; with --strict, errors or warnings",
            "2:something to correct: an option, or a file that can't be read"
        })
final class CheckCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "FILE", description = "The scenario file.")
    private Optional<Path> file;

    @Option(
            names = "--board",
            paramLabel = "BOARD",
            completionCandidates = BoardNames.class,
            description = {
                "A board file, or one of ${COMPLETION-CANDIDATES}.",
                "Default: the board that the scenario names, if it is one of these, else the first."
            })
    private Optional<String> board;

    @Option(names = "--strict", description = "Warnings count like errors.")
    private boolean strict;

    @Option(names = "--json", description = "Print one JSON object, for programs.")
    private boolean json;

    @Option(names = "--list-rules", description = "Print all rules, and check nothing.")
    private boolean listRules;

    @Spec private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (listRules) {
            out.print(json ? rulesForPrograms() + "\n" : rules());
            return Output.finish(out, ExitStatus.SUCCESS);
        }
        Path path =
                file.orElseThrow(
                        () ->
                                new ParameterException(
                                        spec.commandLine(), "Which scenario file is to check?"));
        ScenarioFile read = ScenarioFile.read(path, board);
        Verdict verdict = Verdict.of(path, read);
        out.print(json ? verdict.forPrograms() + "\n" : verdict.text());
        boolean good = verdict.errors() == 0 && (!strict || verdict.warnings() == 0);
        return Output.finish(out, good ? ExitStatus.SUCCESS : ExitStatus.FINDINGS);
    }

    private static String rules() {
        int width = Rules.ALL.stream().mapToInt(rule -> rule.id().length()).max().orElse(0);
        StringBuilder table = new StringBuilder();
        for (Rules.Topic topic : Rules.TOPICS) {
            table.append(topic.title()).append('\n');
            for (Rule rule : topic.rules()) {
                table.append("  ").append(rule.id());
                table.append(" ".repeat(width - rule.id().length()));
                table.append("  %-7s  %s\n".formatted(rule.severity().word(), rule.title()));
            }
        }
        return table.toString();
    }

    private static Json rulesForPrograms() {
        return Json.array(
                Rules.ALL.stream()
                        .map(
                                rule ->
                                        Json.object(
                                                Json.member("rule", Json.of(rule.id())),
                                                Json.member(
                                                        "severity",
                                                        Json.of(rule.severity().word())),
                                                Json.member("title", Json.of(rule.title()))))
                        .toList());
    }
}
