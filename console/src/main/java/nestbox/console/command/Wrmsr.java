package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

import java.util.OptionalInt;

/// `wrmsr`: sets a model-specific register of a pCPU.
record Wrmsr(Msr msr, long value) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "wrmsr",
                    "[-p<pcpu_id>]\t<msr_index> <value>",
                    "Write an MSR of a pCPU, index and value hexadecimal.",
                    arguments -> new Wrmsr(Msr.parse(arguments), arguments.hex()));

    @Override
    public Report run(Subject subject) {
        OptionalInt processor = msr.processor(subject);
        if (processor.isEmpty()) {
            return Msr.outOfRange();
        }
        return subject.writeMsr(processor.getAsInt(), msr.index(), value)
                ? Report.start().done()
                : msr.fault(processor.getAsInt());
    }
}
