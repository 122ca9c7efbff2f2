package nestbox.console.report;

import java.util.List;
import java.util.stream.Stream;

/// A named value of an answer. People see it through a format string, programs by its name.
public sealed interface Field {
    String name();

    /// What a format string gets for it.
    Stream<Object> arguments();

    Json json();

    static Field number(String name, long value) {
        return new Number(name, value);
    }

    static Field hex(String name, long value) {
        return new Hex(name, value);
    }

    static Field text(String name, String value) {
        return new Text(name, value);
    }

    static Field flag(String name, boolean value) {
        return new Flag(name, value);
    }

    static Field numbers(String name, List<Long> values) {
        return new Many(name, values.stream().map(value -> number(name, value)).toList());
    }

    static Field hexes(String name, List<Long> values) {
        return new Many(name, values.stream().map(value -> hex(name, value)).toList());
    }

    /// A count or an id.
    record Number(String name, long value) implements Field {
        @Override
        public Stream<Object> arguments() {
            return Stream.of(value);
        }

        @Override
        public Json json() {
            return Json.of(value);
        }
    }

    /// Bits: an address, a register. Many readers of JSON have no room for 64 bits in a number, so
    /// it is a text there.
    record Hex(String name, long value) implements Field {
        @Override
        public Stream<Object> arguments() {
            return Stream.of(value);
        }

        @Override
        public Json json() {
            return Json.of("0x" + Long.toHexString(value));
        }
    }

    /// A text. What came from a file may hold characters that would garble a terminal.
    record Text(String name, String value) implements Field {
        @Override
        public Stream<Object> arguments() {
            return Stream.of(value.replaceAll("[\\p{Cc}&&[^\\t]]", "?"));
        }

        @Override
        public Json json() {
            return Json.of(value);
        }
    }

    /// Yes or no, which people see as 1 or 0.
    record Flag(String name, boolean value) implements Field {
        @Override
        public Stream<Object> arguments() {
            return Stream.of(value ? 1 : 0);
        }

        @Override
        public Json json() {
            return Json.of(value);
        }
    }

    /// Several values of one kind.
    record Many(String name, List<Field> values) implements Field {
        public Many {
            values = List.copyOf(values);
        }

        @Override
        public Stream<Object> arguments() {
            return values.stream().flatMap(Field::arguments);
        }

        @Override
        public Json json() {
            return Json.array(values.stream().map(Field::json).toList());
        }
    }
}
