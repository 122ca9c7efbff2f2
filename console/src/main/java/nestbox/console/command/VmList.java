package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;

import java.util.List;
import java.util.UUID;

/// `vm_list`: the VMs that are not powered off. The UUID column is there until v2.6, whose VMs have
/// UUIDs.
record VmList() implements Command {
    static final Syntax SYNTAX =
            syntax("vm_list", "", "List the VMs that are not powered off.", _ -> new VmList());

    private static final String HEAD = "VM_ID VM_NAME                          VM_STATE\r\n";
    private static final String RULE = "===== ================================ ========\r\n";
    private static final String UUID_HEAD = "VM_UUID                          ";
    private static final String UUID_RULE = "================================ ";

    @Override
    public Report run(Subject subject) {
        List<Vm> vms =
                subject.vms().stream().filter(vm -> vm.state() != VmState.POWERED_OFF).toList();
        boolean identified = subject.vms().stream().anyMatch(vm -> vm.uuid().isPresent());
        return Report.start()
                .words("\r\n" + (identified ? UUID_HEAD : "") + HEAD)
                .words((identified ? UUID_RULE : "") + RULE)
                .table(
                        "vms",
                        vms.stream().map(vm -> identified ? identified(vm) : row(vm)).toList())
                .done();
    }

    private static Line row(Vm vm) {
        return Line.of(
                "  %-3d %-32s %-8s\r\n",
                number("vm", vm.id()), text("name", vm.name()), text("state", vm.state().text()));
    }

    private static Line identified(Vm vm) {
        String digits = vm.uuid().map(UUID::toString).orElse("").replace("-", "");
        return Line.of(
                "%-32s   %-3d %-32s %-8s\r\n",
                text("uuid", digits),
                number("vm", vm.id()),
                text("name", vm.name()),
                text("state", vm.state().text()));
    }
}
