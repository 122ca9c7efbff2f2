package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Version;

/// `version`: what hypervisor this is.
record ShowVersion() implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "version",
                    "",
                    "Print the versions of the hypervisor and its API.",
                    _ -> new ShowVersion());

    @Override
    public Report run(Subject subject) {
        Version version = subject.version();
        return Report.start()
                .line(
                        "HV %s-%s-%s %s (daily tag: %s) %s@%s build by %s%s\n",
                        text("release", version.release()),
                        text("built", version.built()),
                        text("commit", version.commit()),
                        text("type", version.debug() ? "DBG" : "REL"),
                        text("tag", version.tag()),
                        text("scenario", version.scenario()),
                        text("board", version.board()),
                        text("user", version.user()),
                        text("tools", version.tools()))
                .line(
                        "API %d.%d\r\n",
                        number("api_major", version.apiMajor()),
                        number("api_minor", version.apiMinor()))
                .done();
    }
}
