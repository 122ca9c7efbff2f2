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
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final int FRACTION_DIGITS = 9;

    // What most events need, so that they stand in columns.
    private static final int SECOND_COLUMNS = 4;
    private static final int KIND_COLUMNS = 5;
    private static final int NAME_COLUMNS = 23;

    public TraceEvent {
        fields = List.copyOf(fields);
    }

    /// One line: source, seconds, processor, kind, name, and `name=value` for each field. Text with
    /// blanks in it is quoted.
    @Override
    public String toString() {
        StringBuilder line = new StringBuilder(160);
        line.append(source).append(' ');
        seconds(line);
        line.append(" cpu").append(processor).append(' ').append(kind);
        pad(line, KIND_COLUMNS - kind.length()).append(' ').append(name);
        pad(line, fields.isEmpty() ? 0 : NAME_COLUMNS - name.length());
        for (TraceField field : fields) {
            line.append(' ').append(field.name()).append('=').append(text(field));
        }
        return line.toString();
    }

    private void seconds(StringBuilder line) {
        String whole = Long.toString(nanos / NANOS_PER_SECOND);
        String fraction = Long.toString(nanos % NANOS_PER_SECOND);
        pad(line, SECOND_COLUMNS - whole.length()).append(whole).append('.');
        line.repeat('0', FRACTION_DIGITS - fraction.length()).append(fraction);
    }

    private static StringBuilder pad(StringBuilder line, int columns) {
        return line.repeat(' ', Math.max(columns, 0));
    }

    private static String text(TraceField field) {
        return switch (field) {
            case TraceField.Bits(_, long value) -> "0x" + Long.toHexString(value);
            case TraceField.Number(_, long value) -> Long.toString(value);
            case TraceField.Text(_, String value) ->
                    value.indexOf(' ') < 0 ? value : '"' + value.replace('"', '\'') + '"';
        };
    }
}
