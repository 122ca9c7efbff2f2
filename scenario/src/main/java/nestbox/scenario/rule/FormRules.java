package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.form;

import java.util.List;

/// What a file must look like before anyone can ask what it means. The readers check these.
public final class FormRules {
    public static final Rule SYNTAX =
            form("xml.syntax", ERROR, "The file is well-formed XML in UTF-8.");
    public static final Rule DOCTYPE =
            form("xml.doctype", ERROR, "The file declares no document type and no entities.");
    public static final Rule LIMIT =
            form("xml.limit", ERROR, "Size, depth and number of elements stay within bounds.");
    public static final Rule ROOT =
            form("xml.root", ERROR, "The root element is <acrn-config>, with at least one <vm>.");
    public static final Rule ELEMENT =
            form("xml.element", ERROR, "Every element is one that the format has at its place.");
    public static final Rule REPEATED =
            form("xml.repeated", ERROR, "An element stands only as often as the format allows.");
    public static final Rule MISSING =
            form(
                    "xml.missing",
                    ERROR,
                    "Every element and attribute that the format asks for is there.");
    public static final Rule ATTRIBUTE =
            form("xml.attribute", ERROR, "Every attribute is one that the element has.");
    public static final Rule TEXT =
            form("xml.text", ERROR, "Text stands only in elements that have a value.");
    public static final Rule CHOICE =
            form("value.choice", ERROR, "A value from a list is one of the list.");
    public static final Rule NUMBER =
            form("value.number", ERROR, "A number is a number and in its range.");
    public static final Rule HEX =
            form("value.hex", ERROR, "An address, size or mask is written 0x1000, or 0.");
    public static final Rule WORD =
            form("value.text", ERROR, "A name, device or list is written in its form.");
    public static final Rule BOARD_CPUS =
            form("board.cpus", ERROR, "A board file names the board and lists its pCPUs.");
    public static final Rule BOARD_LINE =
            form(
                    "board.line",
                    WARNING,
                    "Every line of a board file's known sections is understood.");

    static final List<Rule> RULES =
            List.of(
                    SYNTAX,
                    DOCTYPE,
                    LIMIT,
                    ROOT,
                    ELEMENT,
                    REPEATED,
                    MISSING,
                    ATTRIBUTE,
                    TEXT,
                    CHOICE,
                    NUMBER,
                    HEX,
                    WORD,
                    BOARD_CPUS,
                    BOARD_LINE);

    private FormRules() {}
}
