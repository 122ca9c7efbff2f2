package nestbox.platform.trace;

import java.util.List;

/// Something that happened on a board, as it is told to a user who watches.
///
/// There is one type for all events, so that whoever shows them, as text, as JSON or otherwise,
/// needs to know nothing of what they are about.
///
/// @param nanos the board's time
/// @param processor the number of the one that it happened on
/// @param source who tells it, such as `vmx`
/// @param kind what happened, such as `exit`
/// @param name which of that kind, such as `EPT_VIOLATION`
/// @param fields what else is known, in the order to show it
public record TraceEvent(
        long nanos,
        int processor,
        String source,
        String kind,
        String name,
        List<TraceField> fields) {
    public TraceEvent {
        fields = List.copyOf(fields);
    }
}
