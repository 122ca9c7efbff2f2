package nestbox.console.command;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// All commands, and how a line becomes one of them.
public final class Commands {
    /// In the order of the help.
    public static final List<Syntax> ALL =
            List.of(
                    Help.SYNTAX,
                    ShowVersion.SYNTAX,
                    VmList.SYNTAX,
                    VcpuList.SYNTAX,
                    VcpuDumpreg.SYNTAX,
                    DumpHostMem.SYNTAX,
                    DumpGuestMem.SYNTAX,
                    VmConsole.SYNTAX,
                    Int.SYNTAX,
                    Pt.SYNTAX,
                    Vioapic.SYNTAX,
                    DumpIoapic.SYNTAX,
                    Loglevel.SYNTAX,
                    Cpuid.SYNTAX,
                    Reboot.SYNTAX,
                    Rdmsr.SYNTAX,
                    Wrmsr.SYNTAX,
                    NestedList.SYNTAX,
                    DumpVmcs.SYNTAX,
                    Ept.SYNTAX,
                    Exits.SYNTAX);

    private Commands() {}

    public static Optional<Syntax> named(String name) {
        return ALL.stream().filter(syntax -> syntax.name().equals(name)).findFirst();
    }

    /// Runs what was typed. An empty line does nothing.
    public static Report run(String line, Subject subject) {
        List<String> words = words(line);
        if (words.isEmpty()) {
            return Report.start().done();
        }
        Optional<Syntax> syntax = named(words.getFirst());
        if (syntax.isEmpty()) {
            return Report.start().unknownCommand();
        }
        Command command;
        try {
            Arguments arguments = new Arguments(words.subList(1, words.size()));
            command = syntax.get().parser().parse(arguments);
            arguments.end();
        } catch (InvalidArguments e) {
            return e.getMessage().isEmpty()
                    ? Report.start().invalid()
                    : Report.start().message("%s", e.getMessage()).invalid();
        }
        return command.run(subject);
    }

    /// The documentation of all commands in Markdown.
    public static String markdown() {
        StringBuilder page =
                new StringBuilder(
                        """
                        # Commands of the hypervisor's shell

                        The shell's prompt is `ACRN:\\>`. Words are separated by spaces or commas. Ids and lengths
                        are decimal; addresses, CPUID leaves, MSR numbers and their values are hexadecimal, with
                        or without `0x`. A VM's console is left with Ctrl+Space.

                        Tab completes the name of a command, Up and Down bring earlier lines back, Ctrl-U erases
                        the line and Ctrl-C gives it up. A line that begins with `.` repeats the last one.

                        The first 17 commands print what those of ACRN v2.5 print. Those that follow are
                        Nestbox's own and are about nested virtualization.

                        This page is printed from the commands themselves.

                        | Command | Parameters | What it does |
                        |---|---|---|
                        """);
        for (Syntax syntax : ALL) {
            String parameters = syntax.parameters().replace('\t', ' ').replace("|", "\\|");
            page.append(
                    "| `%s` | %s | %s |\n"
                            .formatted(
                                    syntax.name(),
                                    parameters.isEmpty() ? "" : "`" + parameters + "`",
                                    syntax.help()));
        }
        return page.toString();
    }

    /// Spaces, tabs and commas are alike.
    private static List<String> words(String line) {
        return Arrays.stream(line.split("[ ,\\t]+")).filter(word -> !word.isEmpty()).toList();
    }
}
