package nestbox.bench.comparison;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The table of VM exits that Nestbox prints with `--stats`.
///
/// @param all how many there were
record ExitTable(long all) {
    private static final Pattern LAST_ROW =
            Pattern.compile("^  all +([0-9,]+) +100\\.0 %", Pattern.MULTILINE);

    /// @param errors what Nestbox has written to standard error
    static ExitTable of(String errors) {
        Matcher row = LAST_ROW.matcher(errors);
        if (!row.find()) {
            throw new BenchException(
                    "Nestbox has not said how many VM exits there were:\n" + errors);
        }
        return new ExitTable(Long.parseLong(row.group(1).replace(",", "")));
    }
}
