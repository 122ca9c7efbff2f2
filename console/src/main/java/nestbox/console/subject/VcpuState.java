package nestbox.console.subject;

/// Where a vCPU is in its life, with the text that the list of vCPUs has for it.
public enum VcpuState {
    /// Not created, or removed: not listed.
    OFFLINE("Unknown"),
    /// Reset; an AP waits for its startup IPI.
    INIT("Init"),
    RUNNING("Running"),
    /// Stopped for good, until it is reset.
    ZOMBIE("Zombie");

    private final String text;

    VcpuState(String text) {
        this.text = text;
    }

    public String text() {
        return text;
    }
}
