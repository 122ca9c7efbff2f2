package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VmcsDump;
import nestbox.console.subject.VmcsKind;
import nestbox.x86.vmx.VmcsField;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `vmcs`: every field of a VMCS. L1 is described by VMCS01, L2 by VMCS12 as L1 wants it and by
/// VMCS02 as L0 runs it.
record DumpVmcs(int vm, int vcpu, VmcsKind kind) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "vmcs",
                    "<vm id, vcpu id> 01|12|02",
                    "Print a VMCS: L0's for L1, L1's for L2, or L0's for L2.",
                    arguments ->
                            new DumpVmcs(
                                    arguments.decimal(),
                                    arguments.decimal(),
                                    kind(arguments.word())));

    private static VmcsKind kind(String digits) {
        return Arrays.stream(VmcsKind.values())
                .filter(kind -> kind.digits().equals(digits))
                .findFirst()
                .orElseThrow(() -> new InvalidArguments("Choose the VMCS: 01, 12 or 02.\r\n"));
    }

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Choice choice = new Choice(subject, report);
        Optional<Vcpu> chosen = choice.vcpu(vm, vcpu);
        if (chosen.isEmpty()) {
            return report.invalid();
        }
        Optional<VmcsDump> dump = chosen.get().vmcs(kind);
        if (dump.isEmpty()) {
            return report.message("vcpu %d of VM %d has no %s now.\r\n", vcpu, choice.vmId(), kind)
                    .done();
        }
        List<Line> rows = dump.get().fields().entrySet().stream().map(DumpVmcs::row).toList();
        return report.line(
                        "\r\n%s of VM %d, vcpu %d, at 0x%016x\r\n\r\n",
                        text("vmcs", kind.name()),
                        number("vm", choice.vmId()),
                        number("vcpu", vcpu),
                        hex("address", dump.get().address()))
                .words("ENCODING  VALUE               FIELD\r\n")
                .words("========  ==================  =====\r\n")
                .table("fields", rows)
                .done();
    }

    private static Line row(Map.Entry<VmcsField, Long> entry) {
        VmcsField field = entry.getKey();
        int digits = 2 * field.width().bytes();
        long value = digits == 16 ? entry.getValue() : entry.getValue() & (1L << 4 * digits) - 1;
        int padding = 16 - digits;
        return Line.of(
                "0x%04x    0x%0" + digits + "x" + " ".repeat(padding) + "  %s\r\n",
                hex("encoding", field.encoding()),
                hex("value", value),
                text("field", field.name()));
    }
}
