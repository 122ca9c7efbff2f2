package nestbox.app.cli;

import nestbox.console.report.Json;
import nestbox.scenario.Checker;
import nestbox.scenario.Edition;
import nestbox.scenario.Finding;
import nestbox.scenario.Scenario;
import nestbox.scenario.board.Board;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// What came of one check.
record Verdict(
        Path file, Optional<Edition> edition, Optional<Board> board, List<Finding> findings) {

    static Verdict of(Path file, ScenarioFile read) {
        List<Finding> findings = new ArrayList<>(read.boardFindings());
        findings.addAll(
                read.board()
                        .map(board -> Checker.check(read.scenario(), board))
                        .orElse(read.scenario().findings()));
        return new Verdict(
                file,
                read.scenario().scenario().map(Scenario::edition),
                read.board(),
                List.copyOf(findings));
    }

    long errors() {
        return findings.stream().filter(Finding::isError).count();
    }

    long warnings() {
        return findings.size() - errors();
    }

    String text() {
        StringBuilder text = new StringBuilder();
        findings.forEach(finding -> text.append(finding).append('\n'));
        text.append(
                "%s: %s, %s (%s, %s)\n"
                        .formatted(
                                file,
                                counted(errors(), "error"),
                                counted(warnings(), "warning"),
                                edition.map(Edition::release).orElse("format unknown"),
                                board.map(known -> "board " + known.name())
                                        .orElse("board unknown, so no rules were checked")));
        return text.toString();
    }

    private static String counted(long number, String what) {
        return number == 1
                ? "1 " + what
                : (number == 0 ? "no" : Long.toString(number)) + " " + what + "s";
    }

    Json forPrograms() {
        return Json.object(
                Json.member("file", Json.of(file.toString())),
                Json.member("format", Json.of(edition.map(Edition::release).orElse("unknown"))),
                Json.member("board", Json.of(board.map(Board::name).orElse("unknown"))),
                Json.member("errors", Json.of(errors())),
                Json.member("warnings", Json.of(warnings())),
                Json.member(
                        "findings",
                        Json.array(findings.stream().map(Verdict::forPrograms).toList())));
    }

    private static Json forPrograms(Finding finding) {
        return Json.object(
                Json.member("file", Json.of(finding.file())),
                Json.member("line", Json.of(finding.line())),
                Json.member("column", Json.of(finding.column())),
                Json.member("rule", Json.of(finding.ruleId())),
                Json.member("severity", Json.of(finding.severity().word())),
                Json.member("message", Json.of(finding.message())));
    }
}
