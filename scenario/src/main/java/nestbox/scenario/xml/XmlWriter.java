package nestbox.scenario.xml;

/// Writes elements with the indentation that configuration files have.
public final class XmlWriter {
    private final StringBuilder out =
            new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    private int depth;

    /// An element that contains what the body writes.
    public XmlWriter group(String name, Runnable body) {
        return group(name, "", body);
    }

    /// An element with attributes, which are written as they are given.
    public XmlWriter group(String name, String attributes, Runnable body) {
        indent().append('<').append(name);
        if (!attributes.isEmpty()) {
            out.append(' ').append(attributes);
        }
        out.append(">\n");
        depth++;
        body.run();
        depth--;
        indent().append("</").append(name).append(">\n");
        return this;
    }

    public XmlWriter item(String name, Object value) {
        String text = String.valueOf(value);
        indent().append('<').append(name);
        if (text.isEmpty()) {
            out.append("/>\n");
        } else {
            out.append('>').append(escape(text)).append("</").append(name).append(">\n");
        }
        return this;
    }

    public XmlWriter item(String name, boolean value) {
        return item(name, value ? "y" : "n");
    }

    public XmlWriter hex(String name, long value) {
        return item(name, value == 0 ? "0" : "0x%x".formatted(value));
    }

    private StringBuilder indent() {
        return out.repeat("  ", depth);
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    @Override
    public String toString() {
        return out.toString();
    }
}
