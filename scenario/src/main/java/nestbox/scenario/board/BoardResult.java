package nestbox.scenario.board;

import nestbox.scenario.Finding;

import java.util.List;
import java.util.Optional;

/// What came of reading a board file.
public record BoardResult(Optional<Board> board, List<Finding> findings) {
    public BoardResult {
        findings = List.copyOf(findings);
    }

    public boolean hasErrors() {
        return findings.stream().anyMatch(Finding::isError);
    }
}
