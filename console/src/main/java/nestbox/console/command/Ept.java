package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.number;
import static nestbox.console.report.Field.text;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmcsKind;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.VmcsField;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// `ept`: what becomes of a guest-physical address. With a vCPU, the address is one of L2, and the
/// tables are those that L0 keeps for it.
record Ept(int vm, long guestPhysical, OptionalInt vcpu) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "ept",
                    "<vm id, gpa> [vcpu id]",
                    "Walk EPT for an address of L1, or of L2 on this vCPU.",
                    Ept::parse);

    private static Ept parse(Arguments arguments) {
        int vm = arguments.decimal();
        long guestPhysical = arguments.hex();
        return new Ept(
                vm,
                guestPhysical,
                arguments.isEmpty() ? OptionalInt.empty() : OptionalInt.of(arguments.decimal()));
    }

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Choice choice = new Choice(subject, report);
        OptionalLong pointer;
        if (vcpu.isPresent()) {
            Optional<Vcpu> chosen = choice.vcpu(vm, vcpu.getAsInt());
            if (chosen.isEmpty()) {
                return report.invalid();
            }
            pointer = shadow(chosen.get());
        } else {
            Optional<Vm> chosen = choice.vm(vm);
            if (chosen.isEmpty()) {
                return report.message("No vm found in the input <vm_id>\r\n").invalid();
            }
            pointer = chosen.get().eptPointer();
        }
        if (pointer.isEmpty()) {
            return report.message("There are no tables for it now.\r\n").done();
        }
        return walk(report, subject, pointer.getAsLong());
    }

    private static OptionalLong shadow(Vcpu vcpu) {
        return vcpu.vmcs(VmcsKind.VMCS02).stream()
                .flatMap(
                        dump ->
                                Optional.ofNullable(dump.fields().get(VmcsField.EPT_POINTER))
                                        .stream())
                .mapToLong(Long::longValue)
                .findFirst();
    }

    private Report walk(Report.Builder report, Subject subject, long eptPointer) {
        EptWalk walk = EptWalk.of(subject, eptPointer, guestPhysical);
        EptPointer pointer = EptPointer.of(eptPointer);
        report.line(
                "\r\nEPTP 0x%016x, %d levels, accessed and dirty flags %s\r\n\r\n",
                hex("eptp", eptPointer),
                number("levels", pointer.walkLength()),
                text("accessed_dirty", pointer.accessedDirty() ? "on" : "off"));
        report.words("LEVEL  ENTRY AT            ENTRY               ALLOWS\r\n");
        report.words("=====  ==================  ==================  ======\r\n");
        report.table("entries", walk.steps().stream().map(Ept::row).toList());
        if (walk.host().isPresent()) {
            report.line(
                    "GPA 0x%016x is HPA 0x%016x: %s\r\n",
                    hex("gpa", guestPhysical),
                    hex("hpa", walk.host().getAsLong()),
                    text("outcome", walk.outcome()));
        } else {
            report.line(
                    "GPA 0x%016x is not mapped: %s\r\n",
                    hex("gpa", guestPhysical), text("outcome", walk.outcome()));
        }
        return report.done();
    }

    private static Line row(EptWalk.Step step) {
        return Line.of(
                "%-5s  0x%016x  0x%016x  %s\r\n",
                text("level", step.level()),
                hex("address", step.address()),
                hex("entry", step.entry()),
                text("allows", step.permissions()));
    }
}
