package nestbox.scenario.schema;

import java.util.List;
import java.util.Optional;

/// A row of a format's table: an element, how often it stands, and what it contains.
///
/// @param value what its text may be; a group has none
public record Shape(
        String name,
        int least,
        int most,
        Optional<Value> value,
        List<Attribute> attributes,
        List<Shape> children) {
    /// An attribute of an element.
    public record Attribute(String name, boolean required, Value value) {}

    /// An element with a value, which may be left out.
    static Shape item(String name, Value value) {
        return new Shape(name, 0, 1, Optional.of(value), List.of(), List.of());
    }

    /// More of one thing than any machine needs; rules may compare each with each.
    public static final int MANY = 256;

    /// An element with a value that may stand many times.
    static Shape items(String name, Value value) {
        return item(name, value).times(0, MANY);
    }

    /// An element with other elements in any order, which may be left out.
    static Shape group(String name, Shape... children) {
        return new Shape(name, 0, 1, Optional.empty(), List.of(), List.of(children));
    }

    Shape times(int least, int most) {
        return new Shape(name, least, most, value, attributes, children);
    }

    /// The same, but it must be there.
    Shape required() {
        return times(1, most);
    }

    Shape many() {
        return times(least, MANY);
    }

    Shape with(Attribute... rows) {
        return new Shape(name, least, most, value, List.of(rows), children);
    }
}
