package nestbox.scenario;

import java.util.Comparator;

/// What is wrong at one place of a file and what to do about it, so that an editor can jump there.
public record Finding(
        String file, int line, int column, String ruleId, Severity severity, String message) {
    static final Comparator<Finding> ORDER =
            Comparator.comparing(Finding::file)
                    .thenComparing(Finding::line)
                    .thenComparing(Finding::column)
                    .thenComparing(Finding::severity)
                    .thenComparing(Finding::ruleId)
                    .thenComparing(Finding::message);

    public boolean isError() {
        return severity == Severity.ERROR;
    }

    /// `file:line:column: error [rule.id] message`.
    @Override
    public String toString() {
        return "%s:%d:%d: %s [%s] %s"
                .formatted(file, line, column, severity.word(), ruleId, message);
    }
}
