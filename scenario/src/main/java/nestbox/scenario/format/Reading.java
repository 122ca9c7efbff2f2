package nestbox.scenario.format;

import nestbox.scenario.Locations;
import nestbox.scenario.schema.Shape;
import nestbox.scenario.schema.Value;
import nestbox.scenario.xml.Element;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// Takes values out of an element and notes where they stand.
///
/// What is missing or malformed becomes the default. The comparison with the format's table has
/// told about it already, and the rules then see as much of the scenario as there is.
final class Reading {
    /// No release has room for more VMs.
    static final int MOST_VMS = 64;

    private final Collection<Element> elements;
    private final String path;
    private final Locations.Builder where;

    /// @param elements the element, or none if the file leaves it out
    /// @param path its path in [Locations]
    Reading(Collection<Element> elements, String path, Locations.Builder where) {
        this.elements = elements;
        this.path = path;
        this.where = where;
        elements.stream().findFirst().ifPresent(e -> where.put(path, e.position()));
    }

    private Optional<Element> find(String name) {
        return elements.stream().findFirst().flatMap(e -> e.find(name));
    }

    String key(String part) {
        return path.isEmpty() ? part : path + "/" + part;
    }

    boolean present() {
        return !elements.isEmpty();
    }

    boolean has(String name) {
        return find(name).isPresent();
    }

    /// Notes where an element stands that has this part of a record.
    Reading locate(String name, String part) {
        find(name).ifPresent(e -> where.put(key(part), e.position()));
        return this;
    }

    /// Gives the element another path beside its own.
    void at(String other) {
        elements.stream().findFirst().ifPresent(e -> where.put(other, e.position()));
    }

    Reading group(String name, String part) {
        return new Reading(find(name).stream().toList(), key(part), where);
    }

    /// All elements of a name, numbered from 0, up to the bound that the tables have.
    List<Reading> all(String name, String part) {
        List<Element> found =
                elements.stream()
                        .findFirst()
                        .map(e -> e.children(name).limit(Shape.MANY).toList())
                        .orElse(List.of());
        Reading[] readings = new Reading[found.size()];
        for (int i = 0; i < readings.length; i++) {
            readings[i] = new Reading(List.of(found.get(i)), key(part + "/" + i), where);
        }
        return Arrays.asList(readings);
    }

    String value() {
        return elements.stream().findFirst().map(Element::value).orElse("");
    }

    /// The value of an element, with its place noted under the name of its part.
    String text(String name, String part, String otherwise) {
        locate(name, part);
        return find(name).map(Element::value).orElse(otherwise);
    }

    boolean yes(String name, String part, boolean otherwise) {
        return switch (text(name, part, "")) {
            case "y" -> true;
            case "n" -> false;
            default -> otherwise;
        };
    }

    int number(String name, String part, int otherwise) {
        OptionalLong value = Value.either(text(name, part, ""));
        return value.isPresent() ? narrow(value.getAsLong(), otherwise) : otherwise;
    }

    long hex(String name, String part, long otherwise) {
        return Value.hex(text(name, part, "")).orElse(otherwise);
    }

    OptionalLong address(String name, String part) {
        return Value.hex(text(name, part, ""));
    }

    /// The numbers that are in a list of elements.
    List<Integer> numbers(String name, String part) {
        return all(name, part).stream()
                .map(reading -> Value.integer(reading.value()))
                .filter(OptionalLong::isPresent)
                .map(value -> narrow(value.getAsLong(), 0))
                .toList();
    }

    int attribute(String name, int otherwise) {
        return elements.stream()
                .findFirst()
                .flatMap(e -> e.attribute(name))
                .map(a -> Value.integer(a.value().strip()))
                .filter(OptionalLong::isPresent)
                .map(value -> narrow(value.getAsLong(), otherwise))
                .orElse(otherwise);
    }

    static int narrow(long value, int otherwise) {
        return value == (int) value ? (int) value : otherwise;
    }
}
