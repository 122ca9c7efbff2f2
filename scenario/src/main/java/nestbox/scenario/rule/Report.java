package nestbox.scenario.rule;

import nestbox.scenario.Findings;
import nestbox.scenario.Locations;

/// Where the check of one rule says what it found.
public final class Report {
    private final Rule rule;
    private final Locations locations;
    private final Findings findings;

    public Report(Rule rule, Locations locations, Findings findings) {
        this.rule = rule;
        this.locations = locations;
        this.findings = findings;
    }

    /// Reports a part of the scenario, with advice.
    ///
    /// @param path as in [Locations]
    public void at(String path, String advice, Object... arguments) {
        findings.add(rule, locations.of(path), advice.formatted(arguments));
    }
}
