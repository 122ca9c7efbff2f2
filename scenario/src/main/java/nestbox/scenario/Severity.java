package nestbox.scenario;

/// How bad a finding is, because a tool must know whether it may go on.
public enum Severity {
    /// The hypervisor would refuse the scenario, or do something else than it says.
    ERROR("error"),
    /// The scenario works, though probably not as its author hopes.
    WARNING("warning");

    private final String word;

    Severity(String word) {
        this.word = word;
    }

    /// The word that a finding is printed with.
    public String word() {
        return word;
    }
}
