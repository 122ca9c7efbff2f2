package nestbox.console.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/// The answer of a command as a value, which is text for people and JSON for programs.
///
/// Layouts are what people and scripts know from ACRN to the byte, so each part has the format
/// string that it is printed with; the names of the fields are for programs.
///
/// @param console the VM whose console the user goes to
public record Report(List<Part> parts, Status status, OptionalInt console) {
    public Report {
        parts = List.copyOf(parts);
    }

    /// How a command ended, with what the shell prints behind its answer.
    public enum Status {
        DONE("done", ""),
        UNKNOWN_COMMAND("unknown command", "\r\nError: Invalid command.\r\n"),
        INVALID_PARAMETERS("invalid parameters", "\r\nError: Invalid parameters.\r\n"),
        FAILED("failed", "\r\nCommand launch failed.\r\n");

        private final String word;
        private final String text;

        Status(String word, String text) {
            this.word = word;
            this.text = text;
        }
    }

    /// A piece of an answer.
    public sealed interface Part {
        String text();
    }

    /// What only people need, such as the head of a table.
    public record Words(String text) implements Part {}

    /// A sentence for people and programs.
    public record Message(String text) implements Part {}

    /// Values and how they are printed.
    public record Line(String format, List<Field> fields) implements Part {
        public Line {
            fields = List.copyOf(fields);
        }

        public static Line of(String format, Field... fields) {
            return new Line(format, Arrays.asList(fields));
        }

        @Override
        public String text() {
            Object[] arguments = fields.stream().flatMap(Field::arguments).toArray();
            return String.format(Locale.ROOT, format, arguments);
        }

        List<Json.Member> members() {
            return fields.stream().map(field -> Json.member(field.name(), field.json())).toList();
        }
    }

    /// Lines of one kind.
    public record Table(String name, List<Line> rows) implements Part {
        public Table {
            rows = List.copyOf(rows);
        }

        @Override
        public String text() {
            return rows.stream().map(Line::text).collect(Collectors.joining());
        }
    }

    /// What a terminal shows.
    public String text() {
        return parts.stream().map(Part::text).collect(Collectors.joining()) + status.text;
    }

    /// One object: the status, the messages, and every value by its name.
    public Json json() {
        List<Json.Member> members = new ArrayList<>();
        List<Json> messages = new ArrayList<>();
        members.add(Json.member("status", Json.of(status.word)));
        for (Part part : parts) {
            switch (part) {
                case Words _ -> {}
                case Message message -> messages.add(Json.of(message.text().strip()));
                case Line line -> members.addAll(line.members());
                case Table(String name, List<Line> rows) ->
                        members.add(Json.member(name, rows(rows)));
            }
        }
        console.ifPresent(vm -> members.add(Json.member("console", Json.of(vm))));
        if (!messages.isEmpty()) {
            members.add(Json.member("messages", Json.array(messages)));
        }
        return Json.object(members);
    }

    private static Json rows(List<Line> rows) {
        return Json.array(rows.stream().map(row -> Json.object(row.members())).toList());
    }

    public static Builder start() {
        return new Builder();
    }

    /// Gathers the parts of an answer.
    public static final class Builder {
        private final List<Part> parts = new ArrayList<>();

        private Builder() {}

        public Builder words(String text) {
            parts.add(new Words(text));
            return this;
        }

        public Builder message(String format, Object... arguments) {
            parts.add(new Message(String.format(Locale.ROOT, format, arguments)));
            return this;
        }

        public Builder line(String format, Field... fields) {
            parts.add(Line.of(format, fields));
            return this;
        }

        public Builder table(String name, List<Line> rows) {
            parts.add(new Table(name, rows));
            return this;
        }

        public Report done() {
            return ended(Status.DONE);
        }

        public Report invalid() {
            return ended(Status.INVALID_PARAMETERS);
        }

        public Report failed() {
            return ended(Status.FAILED);
        }

        public Report unknownCommand() {
            return ended(Status.UNKNOWN_COMMAND);
        }

        public Report enters(int vm) {
            return new Report(parts, Status.DONE, OptionalInt.of(vm));
        }

        private Report ended(Status status) {
            return new Report(parts, status, OptionalInt.empty());
        }
    }
}
