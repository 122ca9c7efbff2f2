package nestbox.hypervisor.emulate;

/// What became of an instruction that L0 was to carry out.
public sealed interface Emulated {
    /// It is carried out but for RIP, which goes on behind it.
    ///
    /// @param length of the instruction in bytes
    record Completed(int length) implements Emulated {}

    /// A repeated string instruction has given way between two iterations: it goes on at the same
    /// RIP, after a look at events.
    record Interrupted() implements Emulated {}

    /// Nothing has been done: L0 doesn't emulate such instructions.
    ///
    /// @param instruction for the user
    record Unsupported(String instruction) implements Emulated {}
}
