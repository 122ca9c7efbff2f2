package nestbox.cpu.entry;

import nestbox.platform.trace.TraceField;

import java.util.List;

/// Why the processor couldn't do what a VMCS asks for. It is for users: programs see no more than
/// the manual says. As text it is one sentence without its full stop.
public sealed interface Explanation permits EntryFailure, MsrAreaFailure {
    /// The same for a trace.
    List<TraceField> fields();
}
