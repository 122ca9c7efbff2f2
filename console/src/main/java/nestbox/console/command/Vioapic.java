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
import nestbox.console.subject.Vm;

import java.util.Optional;

/// `vioapic`: a VM's I/O APIC.
record Vioapic(int vm) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "vioapic",
                    "<vm id>",
                    "Print the redirection table of a VM's I/O APIC.",
                    arguments -> new Vioapic(arguments.decimal(0)));

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Choice choice = new Choice(subject, report);
        Optional<Vm> chosen = choice.vm(vm);
        if (chosen.isEmpty()) {
            return report.message("\r\nvm is not exist for vmid %d", choice.vmId())
                    .words("\r\n")
                    .done();
        }
        return report.words("\r\nPIN\tVEC\tDM\tDEST\tTM\tDELM\tIRR\tMASK")
                .table("pins", chosen.get().vioapic().stream().map(Vioapic::row).toList())
                .words("\r\n")
                .done();
    }

    private static Line row(IoapicPin pin) {
        return Line.of(
                "\r\n%d\t0x%X\t%s\t0x%X\t%s\t%d\t%d\t%d",
                number("pin", pin.pin()),
                hex("vector", pin.vector()),
                text("destination_mode", pin.logicalDestination() ? "logic" : "phys"),
                hex("destination", pin.destination()),
                text("trigger", pin.levelTriggered() ? "level" : "edge"),
                number("delivery_mode", pin.deliveryMode()),
                flag("irr", pin.remoteIrr()),
                flag("masked", pin.masked()));
    }
}
