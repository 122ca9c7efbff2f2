package nestbox.console;

import nestbox.console.command.Commands;
import nestbox.console.command.Syntax;
import nestbox.console.line.LineEditor;
import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/// The hypervisor's shell on a terminal: lines in, answers out.
public final class Shell {
    public static final String PROMPT = "ACRN:\\>";

    private static final String TOO_LONG =
            "\r\nError: The line has more than %d characters.\r\n"
                    .formatted(LineEditor.LONGEST_LINE);

    private final Subject subject;
    private final Consumer<String> out;
    private final LineEditor editor;

    /// @param out gets what the terminal shows, with `\r\n` where a line ends
    public Shell(Subject subject, Consumer<String> out) {
        this.subject = subject;
        this.out = out;
        editor = new LineEditor(PROMPT, out, Shell::completions);
    }

    /// Shows that the next line is awaited.
    public void prompt() {
        editor.prompt();
    }

    /// Takes a byte that was typed, and runs a command if it ends a line.
    ///
    /// @return the VM whose console takes over; there is no prompt then
    public OptionalInt type(byte value) {
        return editor.type(value).map(this::run).orElse(OptionalInt.empty());
    }

    private OptionalInt run(LineEditor.Entered entered) {
        Report report =
                switch (entered) {
                    case LineEditor.Entered.TooLong() ->
                            Report.start().message("%s", TOO_LONG).done();
                    case LineEditor.Entered.Line(String text) -> Commands.run(text, subject);
                };
        out.accept(report.text());
        if (report.console().isEmpty()) {
            prompt();
        }
        return report.console();
    }

    /// Names of commands; what follows a name can only be typed.
    private static List<String> completions(String before) {
        String word = before.stripLeading();
        return word.contains(" ")
                ? List.of()
                : Commands.ALL.stream()
                        .map(Syntax::name)
                        .filter(name -> name.startsWith(word))
                        .toList();
    }
}
