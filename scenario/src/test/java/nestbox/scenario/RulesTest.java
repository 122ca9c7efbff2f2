package nestbox.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.scenario.board.Board;
import nestbox.scenario.board.Boards;
import nestbox.scenario.rule.Rule;
import nestbox.scenario.rule.Rules;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Every rule has a file that keeps it and one that breaks it, in `rules/<id>`.
///
/// `bad.xml` breaks that rule only, and `bad.txt` has what is found in it. Run with
/// `-Daccept=true` to write these files, and the page of rules, anew.
class RulesTest {
    private static final Path FOLDER = Path.of("src/test/resources/rules");
    private static final Path PAGE = Path.of("../docs/scenario-rules.md");
    private static final boolean ACCEPT = Boolean.getBoolean("accept");

    @TestFactory
    Stream<DynamicTest> goodFilesKeepEveryRule() {
        return Checker.rules().stream()
                .map(Rule::id)
                .map(
                        id ->
                                DynamicTest.dynamicTest(
                                        id, () -> assertThat(found(id, "good.xml")).isEmpty()));
    }

    @TestFactory
    Stream<DynamicTest> badFilesBreakTheirRule() {
        return Checker.rules().stream()
                .map(rule -> DynamicTest.dynamicTest(rule.id(), () -> bad(rule)));
    }

    private static void bad(Rule rule) throws IOException {
        List<Finding> findings = found(rule.id(), "bad.xml");
        assertThat(findings).isNotEmpty();
        assertThat(findings).extracting(Finding::ruleId).containsOnly(rule.id());
        assertThat(findings).extracting(Finding::severity).containsOnly(rule.severity());
        String text =
                findings.stream()
                        .map(Finding::toString)
                        .map(line -> line.substring(line.indexOf("bad.xml:")) + "\n")
                        .collect(Collectors.joining());
        Path expected = FOLDER.resolve(rule.id()).resolve("bad.txt");
        if (ACCEPT) {
            Files.writeString(expected, text);
        }
        assertThat(text).isEqualTo(Files.readString(expected));
    }

    @Test
    void onlyRulesHaveFolders() throws IOException {
        Set<String> ids = Checker.rules().stream().map(Rule::id).collect(Collectors.toSet());
        assertThat(ids).hasSameSizeAs(Checker.rules());
        try (Stream<Path> folders = Files.list(FOLDER)) {
            assertThat(folders.map(folder -> folder.getFileName().toString()))
                    .containsExactlyInAnyOrderElementsOf(ids);
        }
    }

    @Test
    void pageOfRulesIsUpToDate() throws IOException {
        if (ACCEPT) {
            Files.writeString(PAGE, Rules.markdown());
        }
        assertThat(Files.readString(PAGE)).isEqualTo(Rules.markdown());
    }

    private static List<Finding> found(String id, String file) throws IOException {
        Path folder = FOLDER.resolve(id);
        if (id.startsWith("board.")) {
            return Boards.parse(folder.resolve(file)).findings();
        }
        ParseResult result = Scenarios.parse(folder.resolve(file));
        return Checker.check(result, board(folder, result));
    }

    /// The board beside the file, or the built-in one that the file names.
    private static Board board(Path folder, ParseResult result) throws IOException {
        Path file = folder.resolve("board.xml");
        if (Files.exists(file)) {
            return Boards.parse(file).board().orElseThrow();
        }
        return result.scenario().flatMap(s -> Boards.builtIn(s.board())).orElse(Boards.standard());
    }
}
