package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.ExitCount;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;
import nestbox.x86.vmx.ExitReason;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// `exits`: how often VMs have exited and why, which is the first thing that one wants to know of a
/// slow guest.
record Exits(OptionalInt vm) implements Command {
    static final Syntax SYNTAX =
            syntax("exits", "[vm id]", "Count VM exits by reason.", Exits::parse);

    private static final String HEAD =
            """
            \r
            VM ID  EXIT REASON                                    FROM L1       FROM L2       REFLECTED\r
            =====  =============================================  ============  ============  ============\r
            """;

    private static Exits parse(Arguments arguments) {
        return new Exits(
                arguments.isEmpty() ? OptionalInt.empty() : OptionalInt.of(arguments.decimal()));
    }

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        List<Vm> vms;
        if (vm.isPresent()) {
            Optional<Vm> chosen = new Choice(subject, report).vm(vm.getAsInt());
            if (chosen.isEmpty()) {
                return report.message("No vm found in the input <vm_id>\r\n").invalid();
            }
            vms = List.of(chosen.get());
        } else {
            vms = subject.vms().stream().filter(v -> v.state() != VmState.POWERED_OFF).toList();
        }
        List<Line> rows = new ArrayList<>();
        vms.forEach(each -> rows(each, rows));
        return report.words(HEAD).table("exits", rows).done();
    }

    private static void rows(Vm vm, List<Line> rows) {
        Map<ExitReason, ExitCount> sums = new EnumMap<>(ExitReason.class);
        for (Vcpu vcpu : vm.vcpus()) {
            vcpu.exits().forEach(count -> sums.merge(count.reason(), count, ExitCount::plus));
        }
        sums.values().forEach(count -> rows.add(row(vm, count)));
    }

    private static Line row(Vm vm, ExitCount count) {
        return Line.of(
                "  %-5d%-45s  %-12d  %-12d  %-12d\r\n",
                number("vm", vm.id()),
                text("reason", count.reason().title()),
                number("from_l1", count.fromL1()),
                number("from_l2", count.fromL2()),
                number("reflected", count.reflected()));
    }
}
