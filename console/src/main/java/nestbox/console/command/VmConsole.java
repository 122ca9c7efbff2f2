package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vm;

import java.util.Optional;

/// `vm_console`: the terminal becomes that of a VM.
public record VmConsole(int vm) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "vm_console",
                    "<vm id>",
                    "Go to the console of a VM; Ctrl+Space comes back.",
                    arguments -> new VmConsole(arguments.decimal(0)));

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Optional<Vm> chosen = new Choice(subject, report).vm(vm);
        if (chosen.isEmpty()) {
            return report.message("VM is not valid \n").invalid();
        }
        Optional<String> elsewhere = chosen.get().consoleElsewhere();
        if (elsewhere.isPresent()) {
            String answer = "The console of VM %d is elsewhere: %s \n";
            return report.message(answer.formatted(vm, elsewhere.get())).done();
        }
        if (!chosen.get().hasConsole()) {
            return report.message("vuart console is not active \n").done();
        }
        int id = chosen.get().id();
        return report.words(entering(id)).enters(id);
    }

    /// What the line shows when the console of a VM gets it.
    public static String entering(int vm) {
        return "\r\n----- Entering VM %d Shell -----\r\n".formatted(vm);
    }
}
