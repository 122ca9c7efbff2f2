package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

import java.util.OptionalInt;
import java.util.OptionalLong;

/// `rdmsr`: a model-specific register of a pCPU.
record Rdmsr(Msr msr) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "rdmsr",
                    "[-p<pcpu_id>]\t<msr_index>",
                    "Read an MSR of a pCPU, its index hexadecimal.",
                    arguments -> new Rdmsr(Msr.parse(arguments)));

    @Override
    public Report run(Subject subject) {
        OptionalInt processor = msr.processor(subject);
        if (processor.isEmpty()) {
            return Msr.outOfRange();
        }
        OptionalLong value = subject.readMsr(processor.getAsInt(), msr.index());
        if (value.isEmpty()) {
            return msr.fault(processor.getAsInt());
        }
        return Report.start()
                .line(
                        "rdmsr(0x%x):0x%x\n",
                        hex("msr", Integer.toUnsignedLong(msr.index())),
                        hex("value", value.getAsLong()))
                .done();
    }
}
