package nestbox.scenario.schema;

import nestbox.scenario.Findings;
import nestbox.scenario.Position;
import nestbox.scenario.rule.FormRules;
import nestbox.scenario.xml.Element;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Compares a file with the table of its format, and tells what stands where it doesn't belong.
public final class Conformance {
    private final Schema schema;
    private final Findings findings;
    private final Map<String, String> homes = new HashMap<>();

    private Conformance(Schema schema, Findings findings) {
        this.schema = schema;
        this.findings = findings;
        home(schema.root(), "");
    }

    public static void check(Element root, Schema schema, Findings findings) {
        new Conformance(schema, findings).element(root, schema.root());
    }

    /// Notes under which group each element belongs, to point at it when it is misplaced.
    private void home(Shape shape, String path) {
        for (Shape child : shape.children()) {
            homes.putIfAbsent(child.name(), path.isEmpty() ? shape.name() : path);
            home(child, path.isEmpty() ? child.name() : path + "/" + child.name());
        }
    }

    private void element(Element element, Shape shape) {
        attributes(element, shape);
        if (shape.value().isPresent()) {
            value(element, shape.value().get());
        } else {
            group(element, shape);
        }
    }

    private void value(Element element, Value value) {
        for (Element child : element.children()) {
            findings.add(
                    FormRules.ELEMENT,
                    child.position(),
                    "<%s> stands in <%s>, which takes text only. Move it out."
                            .formatted(child.name(), element.name()));
        }
        if (element.children().isEmpty()) {
            check(value, element.name(), element.text(), element.textPosition());
        }
    }

    private void check(Value value, String name, String text, Position at) {
        if (!value.accepts(text)) {
            findings.add(value.rule(), at, () -> value.problem(name, text));
        }
    }

    private void group(Element element, Shape shape) {
        if (!element.value().isEmpty()) {
            findings.add(
                    FormRules.TEXT,
                    element.textPosition(),
                    "The text \"%s\" stands in <%s>, which takes elements only. Remove it."
                            .formatted(Value.printable(element.value()), element.name()));
        }
        Map<String, Integer> count = new HashMap<>();
        for (Element child : element.children()) {
            Optional<Shape> row =
                    shape.children().stream()
                            .filter(s -> s.name().equals(child.name()))
                            .findFirst();
            if (row.isEmpty()) {
                findings.add(
                        FormRules.ELEMENT, child.position(), () -> unknown(child, element, shape));
            } else {
                if (count.merge(child.name(), 1, Integer::sum) == row.get().most() + 1) {
                    repeated(child, element, row.get());
                }
                element(child, row.get());
            }
        }
        for (Shape row : shape.children()) {
            int found = count.getOrDefault(row.name(), 0);
            if (found < row.least()) {
                findings.add(
                        FormRules.MISSING,
                        element.position(),
                        row.least() == 1
                                ? "<%s> has no <%s>. Add it.".formatted(element.name(), row.name())
                                : "<%s> has %d <%s> where %d are needed. Add the others."
                                        .formatted(element.name(), found, row.name(), row.least()));
            }
        }
    }

    private void repeated(Element child, Element parent, Shape row) {
        findings.add(
                FormRules.REPEATED,
                child.position(),
                row.most() == 1
                        ? "<%s> has <%s> twice. Remove one.".formatted(parent.name(), child.name())
                        : "<%s> has more than %d <%s>. Remove the others."
                                .formatted(parent.name(), row.most(), child.name()));
    }

    private String unknown(Element child, Element parent, Shape shape) {
        String name = Value.printable(child.name());
        Optional<String> advice = Optional.ofNullable(schema.foreign().get(child.name()));
        if (advice.isPresent()) {
            return "<%s> is not part of %s scenarios. %s"
                    .formatted(name, schema.releases(), advice.get());
        }
        if (homes.containsKey(child.name())) {
            return "<%s> stands in <%s>. Move it to %s."
                    .formatted(name, parent.name(), homes.get(child.name()));
        }
        List<String> names = shape.children().stream().map(Shape::name).toList();
        return "<%s> is not known in <%s>.%s"
                .formatted(
                        name,
                        parent.name(),
                        Suggestion.of(child.name(), names)
                                .or(() -> Suggestion.of(child.name(), homes.keySet()))
                                .map(" Did you mean <%s>?"::formatted)
                                .orElse(" Remove it."));
    }

    private static String unknown(Element.Attribute attribute, Element element, Shape shape) {
        List<String> names = shape.attributes().stream().map(Shape.Attribute::name).toList();
        return "<%s> has no attribute %s.%s"
                .formatted(
                        element.name(),
                        Value.printable(attribute.name()),
                        Suggestion.of(attribute.name(), names)
                                .map(" Did you mean %s?"::formatted)
                                .orElse(" Remove it."));
    }

    private void attributes(Element element, Shape shape) {
        for (Element.Attribute attribute : element.attributes()) {
            Optional<Shape.Attribute> row =
                    shape.attributes().stream()
                            .filter(a -> a.name().equals(attribute.name()))
                            .findFirst();
            if (row.isEmpty()) {
                findings.add(
                        FormRules.ATTRIBUTE,
                        attribute.position(),
                        () -> unknown(attribute, element, shape));
            } else {
                Value value = row.get().value();
                check(value, attribute.name(), attribute.value(), attribute.position());
            }
        }
        for (Shape.Attribute row : shape.attributes()) {
            if (row.required() && element.attribute(row.name()).isEmpty()) {
                findings.add(
                        FormRules.MISSING,
                        element.position(),
                        "<%s> has no attribute %s. Add %s=\"…\"."
                                .formatted(element.name(), row.name(), row.name()));
            }
        }
    }
}
