package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.Subject;

/// `pt`: interrupts that are passed through to VMs.
record Pt() implements Command {
    static final Syntax SYNTAX =
            syntax("pt", "", "List the interrupts that are passed through.", _ -> new Pt());

    private static final String HEAD = "\r\nVM\tTYPE\tIRQ\tVEC\tDEST\tTM\tGSI\tVGSI\tBDF\tVBDF";

    @Override
    public Report run(Subject subject) {
        return Report.start()
                .words(HEAD)
                .table("interrupts", subject.passThrough().stream().map(Pt::row).toList())
                .words("\r\n")
                .done();
    }

    private static Line row(PassThroughEntry entry) {
        return Line.of(
                "\r\n%d\t%s\t%d\t0x%X\t0x%X\t%s\t%d\t%d\t%s\t%s",
                number("vm", entry.vm()),
                text("type", entry.source().name()),
                number("irq", entry.irq()),
                hex("vector", entry.vector()),
                hex("destination", entry.destination() & 0xFFFF_FFFFL),
                text("trigger", entry.levelTriggered() ? "level" : "edge"),
                number("gsi", entry.gsi()),
                number("virtual_gsi", entry.virtualGsi()),
                text("bdf", bdf(entry.bdf())),
                text("virtual_bdf", bdf(entry.virtualBdf())));
    }

    private static String bdf(int bdf) {
        return "%x:%x.%x".formatted(bdf >>> 8 & 0xFF, bdf >>> 3 & 0x1F, bdf & 7);
    }
}
