package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

/// `reboot`: the whole host starts again, whatever its VMs do.
record Reboot() implements Command {
    static final Syntax SYNTAX = syntax("reboot", "", "Reset the host at once.", _ -> new Reboot());

    @Override
    public Report run(Subject subject) {
        subject.reboot();
        return Report.start().done();
    }
}
