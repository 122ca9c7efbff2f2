package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.numbers;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.Subject;

/// `int`: how often the host's interrupts have come, by pCPU.
record Int() implements Command {
    static final Syntax SYNTAX = syntax("int", "", "Count the host's interrupts.", _ -> new Int());

    @Override
    public Report run(Subject subject) {
        StringBuilder head = new StringBuilder("\r\nIRQ\tVECTOR");
        for (int pcpu = 0; pcpu < subject.processors(); pcpu++) {
            head.append("\tCPU").append(pcpu);
        }
        return Report.start()
                .words(head.toString())
                .table("irqs", subject.irqs().stream().map(Int::row).toList())
                .words("\r\n")
                .done();
    }

    private static Line row(IrqCount irq) {
        return Line.of(
                "\r\n%d\t0x%X" + "\t%d".repeat(irq.counts().size()),
                number("irq", irq.irq()),
                hex("vector", irq.vector()),
                numbers("counts", irq.counts()));
    }
}
