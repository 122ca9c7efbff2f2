package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.NestedState;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/// `nested_list`: what the guests of guests do. Other lists have one row for a vCPU, whoever runs
/// on it.
record NestedList() implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "nested_list",
                    "",
                    "List the vCPUs of VMs that may nest, with their guests.",
                    _ -> new NestedList());

    private static final String HEAD =
            """
            \r
            VM ID  VCPU ID  VMX  IN L2  VMCS12              EPTP12              VMCS12S  SHADOW EPTS  L2 ENTRIES    REFLECTED EXITS\r
            =====  =======  ===  =====  ==================  ==================  =======  ===========  ============  ===============\r
            """;
    private static final String ROW =
            "  %-5d  %-6d  %-3s  %-5s  %-18s  %-18s  %-7d  %-11d  %-12d  %-15d\r\n";

    @Override
    public Report run(Subject subject) {
        List<Line> rows = new ArrayList<>();
        for (Vm vm : subject.vms()) {
            if (vm.state() != VmState.POWERED_OFF) {
                for (Vcpu vcpu : vm.vcpus()) {
                    if (vcpu.state() != VcpuState.OFFLINE) {
                        vcpu.nested().ifPresent(nested -> rows.add(row(vm, vcpu, nested)));
                    }
                }
            }
        }
        return Report.start().words(HEAD).table("vcpus", rows).done();
    }

    private static Line row(Vm vm, Vcpu vcpu, NestedState nested) {
        return Line.of(
                ROW,
                number("vm", vm.id()),
                number("vcpu", vcpu.id()),
                text("vmx", nested.vmxOperation() ? "on" : "off"),
                text("in_l2", nested.inL2() ? "yes" : "no"),
                text("vmcs12", address(nested.currentVmcs12())),
                text("eptp12", address(nested.eptPointer12())),
                number("cached_vmcs12s", nested.cachedVmcs12s()),
                number("shadow_epts", nested.shadowEpts()),
                number("l2_entries", nested.entries()),
                number("reflected_exits", nested.reflected()));
    }

    private static String address(OptionalLong address) {
        return address.isPresent() ? "0x%016x".formatted(address.getAsLong()) : "-";
    }
}
