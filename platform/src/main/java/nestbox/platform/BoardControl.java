package nestbox.platform;

/// What a device can ask of the board it sits on. Takes effect when the processor that runs has
/// finished its instruction.
public interface BoardControl {
    /// All processors and devices start anew, RAM keeps its contents.
    void reset();

    /// The power goes off: ACPI S5.
    void powerOff();

    /// A guest program ends the run with an exit code of its own (the test port 0xF4).
    void exit(int code);
}
