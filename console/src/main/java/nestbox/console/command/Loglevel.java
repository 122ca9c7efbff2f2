package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;

import nestbox.console.report.Report;
import nestbox.console.subject.LogLevels;
import nestbox.console.subject.Subject;

import java.util.List;
import java.util.stream.Stream;

/// `loglevel`: how much the hypervisor tells, and where.
///
/// @param levels new ones for the console, the memory and the trace hub, as many as were given
record Loglevel(List<Integer> levels) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "loglevel",
                    "[<console_loglevel> [<mem_loglevel> [npk_loglevel]]]",
                    "Print or set the log levels.",
                    Loglevel::parse);

    private static final int LOGS = 3;

    private static Loglevel parse(Arguments arguments) {
        List<Integer> levels =
                Stream.generate(arguments::decimal)
                        .limit(Math.min(arguments.count(), LOGS))
                        .toList();
        if (levels.stream().anyMatch(level -> level > LogLevels.HIGHEST)) {
            throw new InvalidArguments(
                    "A log level can be from 0 to %d.\r\n".formatted(LogLevels.HIGHEST));
        }
        return new Loglevel(levels);
    }

    @Override
    public Report run(Subject subject) {
        LogLevels now = subject.logLevels();
        if (levels.isEmpty()) {
            return Report.start()
                    .line(
                            "console_loglevel: %d, mem_loglevel: %d, npk_loglevel: %d\r\n",
                            number("console", now.console()),
                            number("memory", now.memory()),
                            number("npk", now.npk()))
                    .done();
        }
        subject.logLevels(
                new LogLevels(
                        level(0, now.console()), level(1, now.memory()), level(2, now.npk())));
        return Report.start().done();
    }

    private int level(int index, int now) {
        return index < levels.size() ? levels.get(index) : now;
    }
}
