package nestbox.scenario.xml;

import nestbox.scenario.Position;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// An element of an XML file with the place where it stands, because findings must name it.
///
/// @param text what it contains beside other elements and comments, references replaced
/// @param textPosition where the first character of the text that is no blank stands, or else the
///     element
public record Element(
        String name,
        Position position,
        List<Attribute> attributes,
        List<Element> children,
        String text,
        Position textPosition) {

    /// An attribute and its place.
    public record Attribute(String name, String value, Position position) {}

    public Optional<Attribute> attribute(String wanted) {
        return attributes.stream().filter(a -> a.name().equals(wanted)).findFirst();
    }

    public Stream<Element> children(String wanted) {
        return children.stream().filter(child -> child.name().equals(wanted));
    }

    /// The first element at the end of a path such as `FEATURES/RDT`.
    public Optional<Element> find(String path) {
        int slash = path.indexOf('/');
        Optional<Element> first = children(slash < 0 ? path : path.substring(0, slash)).findFirst();
        return slash < 0 ? first : first.flatMap(e -> e.find(path.substring(slash + 1)));
    }

    /// The text without the blanks around it.
    public String value() {
        return text.strip();
    }
}
