package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;

import java.util.ArrayList;
import java.util.List;

/// `vcpu_list`: the vCPUs of all VMs.
record VcpuList() implements Command {
    static final Syntax SYNTAX =
            syntax("vcpu_list", "", "List the vCPUs of all VMs.", _ -> new VcpuList());

    private static final String HEAD =
            """
            \r
            VM ID    PCPU ID    VCPU ID    VCPU ROLE    VCPU STATE    THREAD STATE\r
            =====    =======    =======    =========    ==========    ==========\r
            """;

    @Override
    public Report run(Subject subject) {
        List<Line> rows = new ArrayList<>();
        for (Vm vm : subject.vms()) {
            if (vm.state() != VmState.POWERED_OFF) {
                vm.vcpus().stream()
                        .filter(vcpu -> vcpu.state() != VcpuState.OFFLINE)
                        .forEach(vcpu -> rows.add(row(vm, vcpu)));
            }
        }
        return Report.start().words(HEAD).table("vcpus", rows).done();
    }

    private static Line row(Vm vm, Vcpu vcpu) {
        return Line.of(
                "  %-9d %-10d %-7d %-12s %-16s %-16s\r\n",
                number("vm", vm.id()),
                number("pcpu", vcpu.pcpu()),
                number("vcpu", vcpu.id()),
                text("role", vcpu.id() == 0 ? "PRIMARY" : "SECONDARY"),
                text("state", vcpu.state().text()),
                text("thread", vcpu.thread().name()));
    }
}
