package nestbox.scenario;

import nestbox.scenario.board.Board;
import nestbox.scenario.rule.Report;
import nestbox.scenario.rule.Rule;
import nestbox.scenario.rule.Rules;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Checks a scenario against all rules at once.
public final class Checker {
    private Checker() {}

    /// Every rule that there is, with those that the reader itself checks.
    public static List<Rule> rules() {
        return Rules.ALL;
    }

    /// What breaks a rule, in the order of the file.
    public static List<Finding> check(Scenario scenario, Board board) {
        Findings findings = new Findings(scenario.locations().file());
        for (Rule rule : Rules.ALL) {
            rule.check().check(scenario, board, new Report(rule, scenario.locations(), findings));
        }
        return findings.sorted();
    }

    /// What the reader found and what breaks a rule, in the order of the file.
    public static List<Finding> check(ParseResult result, Board board) {
        List<Finding> all = new ArrayList<>(result.findings());
        Optional<Scenario> scenario = result.scenario();
        scenario.ifPresent(s -> all.addAll(check(s, board)));
        all.sort(Finding.ORDER);
        return List.copyOf(all);
    }
}
