package nestbox.scenario.schema;

import nestbox.scenario.rule.FormRules;
import nestbox.scenario.rule.Rule;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// What may stand in an element or attribute, and how to say so to someone who wrote another thing.
///
/// @param accepted what a message calls the accepted values
/// @param choices the accepted values, if they can be listed
/// @param exact whether blanks around the value are a mistake too; the configuration tools compare
///     such values without taking blanks away
public record Value(
        Rule rule, String accepted, List<String> choices, boolean exact, Predicate<String> test) {
    private static final Pattern INTEGER = Pattern.compile("[+-]?[0-9]{1,18}");
    private static final Pattern HEX = Pattern.compile("0[Xx][0-9A-Fa-f]+|0");
    private static final int PRINTED = 40;
    private static final int LONGEST = 2000;

    static final Value BOOLEAN = choice("y", "n");
    static final Value HEXADECIMAL =
            new Value(
                    FormRules.HEX,
                    "a hexadecimal number such as 0x1000, or 0",
                    List.of(),
                    true,
                    text -> hex(text).isPresent());
    static final Value ANY = text("any text", text -> true);

    static Value choice(String... choices) {
        List<String> list = List.of(choices);
        String accepted =
                list.size() == 1
                        ? list.getFirst()
                        : String.join(", ", list.subList(0, list.size() - 1))
                                + " or "
                                + list.getLast();
        return new Value(FormRules.CHOICE, accepted, list, true, list::contains);
    }

    static Value number(long min, long max) {
        return new Value(
                FormRules.NUMBER,
                "a whole number from " + min + " to " + max,
                List.of(),
                true,
                text -> {
                    OptionalLong number = integer(text);
                    return number.isPresent()
                            && number.getAsLong() >= min
                            && number.getAsLong() <= max;
                });
    }

    static Value length(int min, int max) {
        return text(
                "a text of " + min + " to " + max + " characters",
                text -> text.length() >= min && text.length() <= max);
    }

    static Value pattern(String accepted, String regex) {
        Pattern pattern = Pattern.compile(regex);
        // Longer texts match nothing, as a match takes stack for each round of a group.
        return text(accepted, text -> text.length() <= LONGEST && pattern.matcher(text).matches());
    }

    static Value text(String accepted, Predicate<String> test) {
        return new Value(FormRules.WORD, accepted, List.of(), false, test);
    }

    /// The same, or nothing.
    Value orEmpty() {
        return new Value(rule, accepted + ", or nothing", choices, exact, test.or(String::isEmpty));
    }

    /// The same, or one of these words, which messages don't mention.
    Value alias(String... words) {
        List<String> list = Arrays.asList(words);
        return new Value(rule, accepted, choices, exact, test.or(list::contains));
    }

    /// A number of either notation.
    static Value hexOrNumber(long min, long max) {
        Value number = number(min, max);
        return new Value(
                FormRules.NUMBER,
                number.accepted() + ", decimal or hexadecimal",
                List.of(),
                true,
                number.test()
                        .or(
                                text -> {
                                    OptionalLong hex = hex(text);
                                    return hex.isPresent()
                                            && hex.getAsLong() >= min
                                            && hex.getAsLong() <= max;
                                }));
    }

    boolean accepts(String text) {
        String stripped = text.strip();
        return test.test(stripped) && (!exact || stripped.isEmpty() || stripped.equals(text));
    }

    /// What is wrong with a text that is not accepted, and what to write.
    String problem(String name, String text) {
        String stripped = text.strip();
        if (test.test(stripped)) {
            return "%s has blanks around its value. Write %s and nothing else."
                    .formatted(name, printable(stripped));
        }
        String wrong =
                stripped.isEmpty()
                        ? "%s is empty.".formatted(name)
                        : "%s can't be \"%s\".".formatted(name, printable(stripped));
        String hint =
                Suggestion.of(stripped, choices).map(" Did you mean %s?"::formatted).orElse("");
        return "%s Write %s.%s".formatted(wrong, accepted, hint);
    }

    /// A value of a file as it can stand in a message.
    public static String printable(String text) {
        String line = text.replaceAll("\\s+", " ").replaceAll("\\p{Cntrl}", "?");
        return line.codePointCount(0, line.length()) <= PRINTED
                ? line
                : line.substring(0, line.offsetByCodePoints(0, PRINTED)) + "…";
    }

    public static OptionalLong integer(String text) {
        return INTEGER.matcher(text).matches()
                ? OptionalLong.of(Long.parseLong(text))
                : OptionalLong.empty();
    }

    /// A number written 0x1000, or 0, that fits in 63 bits.
    public static OptionalLong hex(String text) {
        if (!HEX.matcher(text).matches()) {
            return OptionalLong.empty();
        }
        String digits = text.equals("0") ? text : text.substring(2).replaceFirst("^0+(?=.)", "");
        if (digits.length() > 16 || (digits.length() == 16 && digits.charAt(0) > '7')) {
            return OptionalLong.empty();
        }
        return OptionalLong.of(Long.parseLong(digits, 16));
    }

    /// A number of either notation.
    public static OptionalLong either(String text) {
        OptionalLong number = integer(text);
        return number.isPresent() ? number : hex(text);
    }
}
