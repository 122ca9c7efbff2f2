package nestbox.console.command;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

/// Something that can be asked of a hypervisor, its parameters read and in range as far as that can
/// be told without one.
public interface Command {
    Report run(Subject subject);
}
