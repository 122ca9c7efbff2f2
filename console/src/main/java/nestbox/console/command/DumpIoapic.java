package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.flag;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.Subject;

/// `dump_ioapic`: the host's I/O APICs.
record DumpIoapic() implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "dump_ioapic",
                    "",
                    "Print the redirection tables of the host's I/O APICs.",
                    _ -> new DumpIoapic());

    private static final String HEAD =
            "\r\nIRQ\tPIN\tRTE.HI32\tRTE.LO32\tVEC\tDST\tDM\tTM\tDELM\tIRR\tMASK";
    private static final String ROW =
            "\r\n%03d\t%03d\t0x%08X\t0x%08X\t0x%02X\t0x%02X\t%s\t%s\t%d\t%d\t%d";

    @Override
    public Report run(Subject subject) {
        return Report.start()
                .words(HEAD)
                .table("pins", subject.ioapic().stream().map(DumpIoapic::row).toList())
                .words("\r\n")
                .done();
    }

    private static Line row(IoapicPin pin) {
        return Line.of(
                ROW,
                number("irq", pin.irq()),
                number("pin", pin.pin()),
                hex("high", pin.high() & 0xFFFF_FFFFL),
                hex("low", pin.low() & 0xFFFF_FFFFL),
                hex("vector", pin.vector()),
                hex("destination", pin.destination()),
                text("destination_mode", pin.logicalDestination() ? "logic" : "phys"),
                text("trigger", pin.levelTriggered() ? "level" : "edge"),
                number("delivery_mode", pin.deliveryMode()),
                flag("irr", pin.remoteIrr()),
                flag("masked", pin.masked()));
    }
}
