package nestbox.scenario;

import nestbox.scenario.rule.Rule;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// Collects what is found in one file, so that everything is reported at once.
///
/// A hostile file could have a mistake in each byte, so there is a limit; the last
/// finding then says that there are more.
public final class Findings {
    /// No reader wants more than this.
    public static final int LIMIT = 1000;

    private static final int LONGEST = 1000;

    private final String file;
    private final List<Finding> list = new ArrayList<>();
    private int left;

    public Findings(String file) {
        this.file = file;
    }

    public void add(Rule rule, Position at, String message) {
        add(rule, at, () -> message);
    }

    /// @param message worked out only if there is room for it
    public void add(Rule rule, Position at, Supplier<String> message) {
        if (list.size() < LIMIT) {
            list.add(
                    new Finding(
                            file,
                            at.line(),
                            at.column(),
                            rule.id(),
                            rule.severity(),
                            oneLine(message.get())));
        } else {
            left++;
        }
    }

    /// Words of the file could have line ends and other things that would garble the output.
    private static String oneLine(String message) {
        String line = message.replaceAll("\\s+", " ").replaceAll("\\p{Cntrl}", "?");
        return line.codePointCount(0, line.length()) <= LONGEST
                ? line
                : line.substring(0, line.offsetByCodePoints(0, LONGEST)) + "…";
    }

    /// What was found, in the order of the file.
    public List<Finding> sorted() {
        List<Finding> sorted = new ArrayList<>(list);
        sorted.sort(Finding.ORDER);
        if (left > 0) {
            Finding last = sorted.removeLast();
            sorted.add(
                    new Finding(
                            last.file(),
                            last.line(),
                            last.column(),
                            last.ruleId(),
                            last.severity(),
                            last.message() + " (And " + left + " more findings.)"));
        }
        return List.copyOf(sorted);
    }
}
