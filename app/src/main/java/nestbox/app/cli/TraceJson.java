package nestbox.app.cli;

import nestbox.console.report.Json;
import nestbox.platform.trace.TraceEvent;
import nestbox.platform.trace.TraceField;

import java.util.ArrayList;
import java.util.List;

/// Events of a trace as JSON, one object each. The guide documents the names.
final class TraceJson {
    private TraceJson() {}

    static String line(TraceEvent event) {
        List<Json.Member> members = new ArrayList<>();
        members.add(Json.member("time", Json.of(event.nanos())));
        members.add(Json.member("processor", Json.of(event.processor())));
        members.add(Json.member("source", Json.of(event.source())));
        members.add(Json.member("kind", Json.of(event.kind())));
        members.add(Json.member("name", Json.of(event.name())));
        for (TraceField field : event.fields()) {
            members.add(Json.member(field.name(), value(field)));
        }
        return Json.object(members).toString();
    }

    /// Registers and the like have 64 bits, which numbers in JSON need not have.
    private static Json value(TraceField field) {
        return switch (field) {
            case TraceField.Bits(_, long bits) -> Json.of("0x" + Long.toHexString(bits));
            case TraceField.Number(_, long number) -> Json.of(number);
            case TraceField.Text(_, String text) -> Json.of(text);
        };
    }
}
