package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;

import java.util.ArrayList;
import java.util.List;

/// `help`: what commands there are.
record Help() implements Command {
    static final Syntax SYNTAX = syntax("help", "", "List all commands.", _ -> new Help());

    private static final int NAME_COLUMN = 16;
    private static final int PAGE = 10;

    /// Nothing is waited for: it is the layout that is kept.
    private static final String PAUSE = "<*** Hit any key to continue ***>\r\n";

    @Override
    public Report run(Subject subject) {
        List<Line> rows = new ArrayList<>();
        for (int i = 0; i < Commands.ALL.size(); i++) {
            boolean fullPage = (i + 1) % PAGE == 0;
            rows.add(row(Commands.ALL.get(i), fullPage ? PAUSE : ""));
        }
        return Report.start()
                .words("\r\nRegistered Commands:\r\n\r\n")
                .table("commands", rows)
                .words("\r\n")
                .done();
    }

    private static Line row(Syntax syntax, String before) {
        return Line.of(
                before + "  %-" + NAME_COLUMN + "s%s - %s\r\n",
                text("name", syntax.name()),
                text("parameters", syntax.parameters()),
                text("help", syntax.help()));
    }
}
