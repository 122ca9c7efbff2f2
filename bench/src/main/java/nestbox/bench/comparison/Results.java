package nestbox.bench.comparison;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.ToDoubleFunction;

/// Seconds that every emulator took for every task, and what they say.
final class Results {
    /// Which time counts.
    enum Clock {
        /// What a user waits for.
        WALL,
        /// What all threads of an emulator take: for a machine that has other work to do, too.
        PROCESSOR
    }

    private final Clock clock;
    private final List<String> emulators;
    private final SequencedMap<String, Map<String, List<Double>>> tasks = new LinkedHashMap<>();

    /// @param emulators their names; ratios are those of the first to the others
    Results(Clock clock, List<String> emulators) {
        this.clock = clock;
        this.emulators = List.copyOf(emulators);
    }

    /// @throws BenchException when the emulator was gone before its time could be read
    void add(String task, Emulator emulator, Run.Moment begin, Run.Moment end) {
        long nanos =
                switch (clock) {
                    case WALL -> end.nanos() - begin.nanos();
                    case PROCESSOR -> end.processorNanos() - begin.processorNanos();
                };
        if (nanos <= 0) {
            throw new BenchException(
                    "%s ended before its time could be read: start again."
                            .formatted(emulator.name()));
        }
        tasks.computeIfAbsent(task, _ -> new LinkedHashMap<>())
                .computeIfAbsent(emulator.name(), _ -> new ArrayList<>())
                .add(nanos / 1e9);
    }

    /// Medians and their ratios: how many times longer the first emulator takes than another.
    String table() {
        StringBuilder table = new StringBuilder();
        List<String> others = emulators.subList(1, emulators.size());
        row(table, "seconds, median", emulators, others.stream().map("/ "::concat).toList());
        tasks.forEach(
                (task, seconds) ->
                        row(
                                table,
                                task,
                                emulators.stream()
                                        .map(name -> cell("%.3f", median(seconds, name)))
                                        .toList(),
                                others.stream()
                                        .map(name -> cell("%.2f", ratio(seconds, name)))
                                        .toList()));
        return table.toString();
    }

    /// The mean of the ratios of all tasks, as another line of the table.
    String mean() {
        StringBuilder table = new StringBuilder();
        row(
                table,
                "geometric mean",
                emulators.stream().map(_ -> "").toList(),
                emulators.stream().skip(1).map(name -> cell("%.2f", meanRatio(name))).toList());
        return table.toString();
    }

    /// Every single time, so that a reader sees how much they differ.
    String details() {
        StringBuilder lines = new StringBuilder();
        tasks.forEach(
                (task, seconds) ->
                        seconds.forEach(
                                (name, times) ->
                                        row(
                                                lines,
                                                task,
                                                List.of(name),
                                                times.stream()
                                                        .map(time -> cell("%.3f", time))
                                                        .toList())));
        return lines.toString();
    }

    /// The seconds that an emulator took for a task; NaN if it hasn't done it.
    double median(String task, String emulator) {
        return median(tasks.getOrDefault(task, Map.of()), emulator);
    }

    private static double median(Map<String, List<Double>> seconds, String emulator) {
        return median(seconds.getOrDefault(emulator, List.of()));
    }

    private double ratio(Map<String, List<Double>> seconds, String other) {
        return median(seconds, emulators.getFirst()) / median(seconds, other);
    }

    private double meanRatio(String other) {
        return geometricMean(
                tasks.values().stream().map(seconds -> ratio(seconds, other)).toList());
    }

    /// The first line of another table with a column for each emulator.
    void header(StringBuilder table) {
        row(table, "", emulators, List.of());
    }

    /// A line of such a table.
    ///
    /// @param value what follows from the times of the emulator with this name, or NaN
    void row(StringBuilder table, String title, String format, ToDoubleFunction<String> value) {
        List<String> cells =
                emulators.stream().map(name -> cell(format, value.applyAsDouble(name))).toList();
        row(table, title, cells, List.of());
    }

    private static void row(
            StringBuilder table, String title, List<String> left, List<String> right) {
        table.append("%-21s".formatted(title));
        left.forEach(cell -> table.append(" %10s".formatted(cell)));
        right.forEach(cell -> table.append(" %10s".formatted(cell)));
        table.append(System.lineSeparator());
    }

    /// A number, or a dash for none.
    static String cell(String format, double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
    }

    static double median(List<Double> values) {
        if (values.isEmpty()) {
            return Double.NaN;
        }
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1
                ? sorted.get(middle)
                : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    static double geometricMean(List<Double> values) {
        return Math.exp(values.stream().mapToDouble(Math::log).average().orElseThrow());
    }
}
