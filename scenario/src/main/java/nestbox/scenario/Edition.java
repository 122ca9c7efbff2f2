package nestbox.scenario;

/// The releases whose names and limits a scenario file keeps to, as far as the file shows it.
public enum Edition {
    /// `SOS_VM` and its relatives.
    V2_5("v2.5"),
    /// The old format with `SERVICE_VM` in the place of `SOS_VM`.
    V2_7("v2.7"),
    /// The format with `load_order`.
    V3("v3.x");

    private final String release;

    Edition(String release) {
        this.release = release;
    }

    public String release() {
        return release;
    }
}
