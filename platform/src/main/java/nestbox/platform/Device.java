package nestbox.platform;

/// Anything on a board that has state.
public interface Device {
    /// For traces and the inspect tree: `uart0`, `ioapic`.
    String name();

    /// Back to the state after power-on.
    void reset();
}
