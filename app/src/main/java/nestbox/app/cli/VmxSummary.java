package nestbox.app.cli;

import nestbox.cpu.ExitTally;
import nestbox.cpu.VmEntryFailures;
import nestbox.x86.vmx.ExitReason;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What is said about VMX at the end of a run. All texts are empty where there is nothing to say.
final class VmxSummary {
    private static final String HEADING =
            "nestbox: VM exits, and what the processors did from each to the next VM entry\n";
    private static final String COLUMNS = "  %-28s %12s %7s %17s %12s %12s%n";

    private VmxSummary() {}

    /// A table, the most frequent reason first.
    static String exits(Map<ExitReason, ExitTally> exits) {
        if (exits.isEmpty()) {
            return "";
        }
        ExitTally all = exits.values().stream().reduce(new ExitTally(0, 0, 0), ExitTally::plus);
        StringBuilder table = new StringBuilder(HEADING);
        table.append(row("reason", "exits", "share", "instructions", "per exit", "guest's s"));
        exits.entrySet().stream()
                .sorted(
                        Map.Entry.<ExitReason, ExitTally>comparingByValue(
                                        Comparator.comparingLong(ExitTally::count).reversed())
                                .thenComparing(Map.Entry.comparingByKey()))
                .forEach(entry -> table.append(row(entry.getKey().name(), entry.getValue(), all)));
        return table.append(row("all", all, all)).toString();
    }

    private static String row(String name, ExitTally tally, ExitTally all) {
        return row(
                name,
                number("%,d", tally.count()),
                number("%.1f %%", 100.0 * tally.count() / all.count()),
                number("%,d", tally.instructions()),
                number("%,.0f", (double) tally.instructions() / tally.count()),
                number("%.3f", tally.nanos() / 1e9));
    }

    private static String row(Object... cells) {
        return COLUMNS.formatted(cells);
    }

    private static String number(String format, Object value) {
        return String.format(Locale.ROOT, format, value);
    }

    /// How many VM entries failed, and why the last that needs an explanation.
    static String failures(List<VmEntryFailures> failures) {
        long count = failures.stream().mapToLong(VmEntryFailures::count).sum();
        String many = count == 1 ? "A VM entry failed" : "%d VM entries failed".formatted(count);
        return failures.stream()
                .max(Comparator.comparingLong(VmEntryFailures::nanos))
                .map(notable -> "nestbox: %s. %s%n".formatted(many, sentence(notable)))
                .orElse("");
    }

    private static String sentence(VmEntryFailures notable) {
        return "%s s, processor %d: %s."
                .formatted(
                        number("%.9f", notable.nanos() / 1e9), notable.processor(), notable.what());
    }
}
