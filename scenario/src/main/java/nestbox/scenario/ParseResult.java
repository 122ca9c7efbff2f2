package nestbox.scenario;

import java.util.List;
import java.util.Optional;

/// What came of reading a scenario file: the scenario, if the file could be read at all, and what
/// the reader found on the way.
public record ParseResult(Optional<Scenario> scenario, List<Finding> findings) {
    public ParseResult {
        findings = List.copyOf(findings);
    }

    public boolean hasErrors() {
        return findings.stream().anyMatch(Finding::isError);
    }
}
