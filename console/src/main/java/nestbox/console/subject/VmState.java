package nestbox.console.subject;

/// Where a VM is in its life, with the text that the list of VMs has for it.
public enum VmState {
    POWERED_OFF("Off"),
    CREATED("Created"),
    RUNNING("Running"),
    READY_TO_POWER_OFF("Unknown"),
    PAUSED("Paused");

    private final String text;

    VmState(String text) {
        this.text = text;
    }

    public String text() {
        return text;
    }
}
