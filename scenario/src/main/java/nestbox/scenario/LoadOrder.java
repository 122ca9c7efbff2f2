package nestbox.scenario;

/// Who starts a VM, and when.
public enum LoadOrder {
    /// The hypervisor, before the Service VM; with its own memory and devices.
    PRE_LAUNCHED("pre-launched"),
    /// The hypervisor; it owns what no other VM owns.
    SERVICE("Service"),
    /// The device model in the Service VM.
    POST_LAUNCHED("post-launched");

    private final String word;

    LoadOrder(String word) {
        this.word = word;
    }

    public String word() {
        return word;
    }
}
