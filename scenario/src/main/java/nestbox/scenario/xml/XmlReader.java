package nestbox.scenario.xml;

import nestbox.scenario.Findings;
import nestbox.scenario.Position;
import nestbox.scenario.rule.FormRules;
import nestbox.scenario.rule.Rule;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads an XML file to elements that know where they stand.
///
/// The parsers of the JDK name the place where an element's start tag ends, and need care to keep
/// them from fetching and expanding what a document type declares. Configuration files need a small
/// part of XML: elements, attributes, text, CDATA, comments, processing instructions, character
/// references and the five predefined entities, in UTF-8. This reader knows just that. A document
/// type is refused, and size, depth and number of elements are bounded, so that no file takes more
/// than a moment and a few times its size in memory.
public final class XmlReader {
    /// A large board file has 2 MB.
    public static final int MAX_BYTES = 8 << 20;

    public static final int MAX_DEPTH = 64;
    public static final int MAX_ELEMENTS = 200_000;
    public static final int MAX_ATTRIBUTES = 64;

    private static final Pattern ENCODING =
            Pattern.compile("\\sencoding\\s*=\\s*[\"']([^\"']*)[\"']");

    private final String text;
    private final Deque<Open> open = new ArrayDeque<>();
    private Optional<Element> root = Optional.empty();
    private int at;
    private int elements;
    private int countedTo;
    private int line = 1;
    private int column = 1;

    private XmlReader(String text) {
        this.text = text;
    }

    /// The root element, or nothing but a finding if the file isn't well-formed.
    public static Optional<Element> read(InputStream in, Findings findings) throws IOException {
        byte[] bytes = in.readNBytes(MAX_BYTES + 1);
        if (bytes.length > MAX_BYTES) {
            findings.add(
                    FormRules.LIMIT,
                    Position.START,
                    "The file is larger than %d MB. Is it a scenario or board file at all?"
                            .formatted(MAX_BYTES >> 20));
            return Optional.empty();
        }
        return decode(bytes, findings).flatMap(text -> read(text, findings));
    }

    public static Optional<Element> read(String text, Findings findings) {
        XmlReader reader = new XmlReader(text);
        try {
            reader.document();
            return reader.root;
        } catch (Malformed e) {
            findings.add(e.rule, e.position, e.getMessage());
            return Optional.empty();
        }
    }

    private static Optional<String> decode(byte[] bytes, Findings findings) {
        CharsetDecoder decoder =
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT);
        CharBuffer chars = CharBuffer.allocate(bytes.length + 1);
        CoderResult result = decoder.decode(ByteBuffer.wrap(bytes), chars, true);
        String text = chars.flip().toString();
        if (result.isError()) {
            XmlReader reader = new XmlReader(text);
            findings.add(
                    FormRules.SYNTAX,
                    reader.position(text.length()),
                    "This is not UTF-8. Save the file in UTF-8.");
            return Optional.empty();
        }
        return Optional.of(text.startsWith("\uFEFF") ? text.substring(1) : text);
    }

    /// An element whose end tag has not come yet.
    private static final class Open {
        final String name;
        final Position position;
        final List<Element.Attribute> attributes;
        final List<Element> children = new ArrayList<>();
        final StringBuilder text = new StringBuilder();
        Optional<Position> textPosition = Optional.empty();

        Open(String name, Position position, List<Element.Attribute> attributes) {
            this.name = name;
            this.position = position;
            this.attributes = attributes;
        }

        Element close() {
            return new Element(
                    name,
                    position,
                    List.copyOf(attributes),
                    List.copyOf(children),
                    text.toString(),
                    textPosition.orElse(position));
        }
    }

    /// Ends the reading; there is one finding, because what follows a mistake can't be trusted.
    private static final class Malformed extends RuntimeException {
        private static final long serialVersionUID = 1;

        final transient Rule rule;
        final transient Position position;

        Malformed(Rule rule, Position position, String message) {
            super(message, null, false, false);
            this.rule = rule;
            this.position = position;
        }
    }

    private Malformed malformed(int where, String message, Object... arguments) {
        return new Malformed(FormRules.SYNTAX, position(where), message.formatted(arguments));
    }

    private void document() {
        declaration();
        while (at < text.length()) {
            if (text.charAt(at) == '<') {
                markup();
            } else {
                characters();
            }
        }
        if (!open.isEmpty()) {
            Open last = open.peek();
            throw malformed(
                    at,
                    "The file ends, but <%s> of line %d has no end tag. Add </%s>.",
                    last.name,
                    last.position.line(),
                    last.name);
        }
        if (root.isEmpty()) {
            throw malformed(at, "The file has no element.");
        }
    }

    private void declaration() {
        if (!text.startsWith("<?xml") || text.length() < 6 || !isBlank(text.charAt(5))) {
            return;
        }
        int end = endOf("?>", "the XML declaration");
        Matcher encoding = ENCODING.matcher(text.substring(0, end));
        if (encoding.find()) {
            String name = encoding.group(1).toUpperCase(Locale.ROOT);
            if (!name.equals("UTF-8") && !name.equals("US-ASCII")) {
                throw malformed(
                        encoding.start(1),
                        "The encoding %s is not supported. Save the file in UTF-8.",
                        printable(name));
            }
        }
        at = end;
    }

    private void markup() {
        if (text.startsWith("<!--", at)) {
            comment();
        } else if (text.startsWith("<![CDATA[", at)) {
            cdata();
        } else if (text.startsWith("<!", at)) {
            throw new Malformed(
                    FormRules.DOCTYPE,
                    position(at),
                    "Document types and entity declarations are refused. Remove this declaration"
                            + " and write the text out.");
        } else if (text.startsWith("<?", at)) {
            at = endOf("?>", "the processing instruction");
        } else if (text.startsWith("</", at)) {
            endTag();
        } else {
            startTag();
        }
    }

    private void comment() {
        int end = text.indexOf("--", at + 4);
        if (end < 0 || end + 2 >= text.length()) {
            throw malformed(at, "The comment has no end. Add -->.");
        }
        if (text.charAt(end + 2) != '>') {
            throw malformed(end, "A comment may not contain two hyphens in a row.");
        }
        at = end + 3;
    }

    private void cdata() {
        if (open.isEmpty()) {
            throw malformed(at, "Text stands outside the root element.");
        }
        int start = at + 9;
        int end = endOf("]]>", "the CDATA section");
        for (int i = start; i < end - 3; i++) {
            character(i, text.charAt(i));
        }
        at = end;
    }

    private int endOf(String mark, String what) {
        int end = text.indexOf(mark, at);
        if (end < 0) {
            throw malformed(at, "%s has no end. Add %s.", capital(what), mark);
        }
        return end + mark.length();
    }

    private static String capital(String words) {
        return Character.toUpperCase(words.charAt(0)) + words.substring(1);
    }

    private void startTag() {
        int start = at++;
        Position position = position(start);
        if (open.isEmpty() && root.isPresent()) {
            throw malformed(start, "A second root element stands here. Remove it.");
        }
        if (open.size() >= MAX_DEPTH) {
            throw new Malformed(
                    FormRules.LIMIT, position, "Elements nest deeper than " + MAX_DEPTH + ".");
        }
        if (++elements > MAX_ELEMENTS) {
            throw new Malformed(
                    FormRules.LIMIT,
                    position,
                    "There are more than " + MAX_ELEMENTS + " elements.");
        }
        String name = name(start, "an element");
        List<Element.Attribute> attributes = attributes(name, position);
        boolean empty = at < text.length() && text.charAt(at) == '/';
        if (empty) {
            at++;
        }
        if (at >= text.length() || text.charAt(at) != '>') {
            throw malformed(at, "The start tag of <%s> has no end. Add >.", name);
        }
        at++;
        open.push(new Open(name, position, attributes));
        if (empty) {
            close();
        }
    }

    private List<Element.Attribute> attributes(String element, Position position) {
        List<Element.Attribute> attributes = new ArrayList<>();
        while (true) {
            int before = at;
            skipBlanks();
            if (at >= text.length() || text.charAt(at) == '>' || text.charAt(at) == '/') {
                return attributes;
            }
            if (at == before) {
                throw malformed(at, "A blank is missing before this.");
            }
            int start = at;
            Position where = position(start);
            String name = name(start, "an attribute");
            skipBlanks();
            if (at >= text.length() || text.charAt(at) != '=') {
                throw malformed(at, "The attribute %s has no value. Write %s=\"…\".", name, name);
            }
            at++;
            skipBlanks();
            String value = attributeValue(name);
            if (attributes.stream().anyMatch(a -> a.name().equals(name))) {
                throw malformed(start, "<%s> has the attribute %s twice.", element, name);
            }
            if (attributes.size() >= MAX_ATTRIBUTES) {
                throw new Malformed(
                        FormRules.LIMIT,
                        position,
                        "An element has more than " + MAX_ATTRIBUTES + " attributes.");
            }
            attributes.add(new Element.Attribute(name, value, where));
        }
    }

    private String attributeValue(String name) {
        if (at >= text.length() || (text.charAt(at) != '"' && text.charAt(at) != '\'')) {
            throw malformed(at, "The value of %s must stand in quotation marks.", name);
        }
        char quote = text.charAt(at++);
        StringBuilder value = new StringBuilder();
        while (true) {
            if (at >= text.length() || text.charAt(at) == '<') {
                throw malformed(at, "The value of %s has no closing quotation mark.", name);
            }
            char c = text.charAt(at);
            if (c == quote) {
                at++;
                return value.toString();
            }
            if (c == '&') {
                value.appendCodePoint(reference());
            } else {
                value.append(isBlank(c) ? ' ' : valid(at, c));
                at++;
            }
        }
    }

    private void endTag() {
        int start = at;
        at += 2;
        String name = name(start, "an end tag");
        skipBlanks();
        if (at >= text.length() || text.charAt(at) != '>') {
            throw malformed(at, "The end tag </%s> has no end. Add >.", name);
        }
        at++;
        if (open.isEmpty()) {
            throw malformed(start, "</%s> ends an element that was not begun.", name);
        }
        Open last = open.peek();
        if (!last.name.equals(name)) {
            throw malformed(
                    start,
                    "</%s> stands where <%s> of line %d must end. Write </%s> first.",
                    name,
                    last.name,
                    last.position.line(),
                    last.name);
        }
        close();
    }

    private void close() {
        Element element = open.pop().close();
        if (open.isEmpty()) {
            root = Optional.of(element);
        } else {
            open.peek().children.add(element);
        }
    }

    private void characters() {
        while (at < text.length() && text.charAt(at) != '<') {
            int start = at;
            if (text.charAt(at) == '&') {
                outside(start);
                int codePoint = reference();
                open.peek().text.appendCodePoint(codePoint);
                begin(start);
            } else {
                if (text.startsWith("]]>", at)) {
                    throw malformed(at, "]]> may not stand in text. Write ]]&gt;.");
                }
                character(at, text.charAt(at));
                at++;
            }
        }
    }

    private void character(int where, char c) {
        if (!isBlank(c)) {
            outside(where);
            begin(where);
        }
        if (!open.isEmpty()) {
            open.peek().text.append(valid(where, c));
        }
    }

    private void outside(int where) {
        if (open.isEmpty()) {
            throw malformed(where, "Text stands outside the root element.");
        }
    }

    private void begin(int where) {
        Open last = open.peek();
        if (last.textPosition.isEmpty()) {
            last.textPosition = Optional.of(position(where));
        }
    }

    private char valid(int where, char c) {
        if ((c < ' ' && !isBlank(c)) || c == '\uFFFE' || c == '\uFFFF') {
            throw malformed(where, "The character U+%04X may not stand in XML.", (int) c);
        }
        return c;
    }

    private int reference() {
        int start = at;
        int end = text.indexOf(';', start);
        if (end < 0 || end - start > 12) {
            throw malformed(start, "Write &amp; for the character &.");
        }
        String name = text.substring(start + 1, end);
        at = end + 1;
        return switch (name) {
            case "lt" -> '<';
            case "gt" -> '>';
            case "amp" -> '&';
            case "apos" -> '\'';
            case "quot" -> '"';
            default -> number(start, name);
        };
    }

    private int number(int start, String name) {
        boolean hex = name.startsWith("#x");
        if (name.startsWith("#")) {
            try {
                int codePoint =
                        hex
                                ? Integer.parseUnsignedInt(name, 2, name.length(), 16)
                                : Integer.parseUnsignedInt(name, 1, name.length(), 10);
                if (Character.isValidCodePoint(codePoint)
                        && (codePoint >= ' ' || isBlank((char) codePoint))
                        && (codePoint < Character.MIN_SURROGATE
                                || codePoint > Character.MAX_SURROGATE)) {
                    return codePoint;
                }
            } catch (NumberFormatException e) {
                throw malformed(start, "&%s; is no character reference.", printable(name));
            }
        }
        throw malformed(
                start,
                "&%s; is not known. XML has &lt; &gt; &amp; &apos; and &quot;.",
                printable(name));
    }

    private String name(int start, String what) {
        int begin = at;
        while (at < text.length() && isNameCharacter(text.charAt(at))) {
            at++;
        }
        if (at == begin || !isNameStart(text.charAt(begin))) {
            throw malformed(
                    start, "The name of %s is missing. Write &lt; for the character <.", what);
        }
        return text.substring(begin, at);
    }

    private static boolean isNameStart(char c) {
        return c == '_' || c == ':' || Character.isLetter(c);
    }

    private static boolean isNameCharacter(char c) {
        return isNameStart(c) || c == '-' || c == '.' || Character.isDigit(c);
    }

    private static boolean isBlank(char c) {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
    }

    private void skipBlanks() {
        while (at < text.length() && isBlank(text.charAt(at))) {
            at++;
        }
    }

    private static String printable(String word) {
        return word.replaceAll("[^\\x21-\\x7E]", "?");
    }

    /// The line and column of an offset. Offsets come in ascending order but for a few characters,
    /// so that counting takes one pass over the file.
    private Position position(int offset) {
        if (offset < countedTo) {
            countedTo = 0;
            line = 1;
            column = 1;
        }
        for (; countedTo < offset; countedTo++) {
            char c = text.charAt(countedTo);
            boolean pair =
                    c == '\r'
                            && countedTo + 1 < text.length()
                            && text.charAt(countedTo + 1) == '\n';
            if (c == '\n' || (c == '\r' && !pair)) {
                line++;
                column = 1;
            } else if (!Character.isLowSurrogate(c)) {
                column++;
            }
        }
        return new Position(line, column);
    }
}
