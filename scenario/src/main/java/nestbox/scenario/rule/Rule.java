package nestbox.scenario.rule;

import nestbox.scenario.Scenario;
import nestbox.scenario.Severity;
import nestbox.scenario.board.Board;

/// One thing that a good scenario keeps to; the list of them is also the documentation.
///
/// @param title what holds when the rule is kept, in one sentence
/// @param check looks for what breaks the rule
public record Rule(String id, Severity severity, String title, Check check) {
    /// Looks at a whole scenario and reports each place that breaks a rule.
    @FunctionalInterface
    public interface Check {
        void check(Scenario scenario, Board board, Report report);
    }

    static Rule rule(String id, Severity severity, String title, Check check) {
        return new Rule(id, severity, title, check);
    }

    /// A rule that the reader itself checks while it makes records of a file.
    static Rule form(String id, Severity severity, String title) {
        return new Rule(id, severity, title, (scenario, board, report) -> {});
    }
}
