package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.hexes;
import static nestbox.console.report.Field.number;
import static nestbox.console.subject.Register.*;

import nestbox.console.report.Field;
import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.GuestRead;
import nestbox.console.subject.Register;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// `vcpu_dumpreg`: registers of L1 and the top of its stack.
record VcpuDumpreg(int vm, int vcpu) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "vcpu_dumpreg",
                    "<vm id, vcpu id>",
                    "Print the registers and the stack of a vCPU.",
                    VcpuDumpreg::parse);

    private static final int STACK_ROWS = 8;

    private static VcpuDumpreg parse(Arguments arguments) {
        if (arguments.count() != 2) {
            throw new InvalidArguments("Please enter cmd with <vm_id, vcpu_id>\r\n");
        }
        return new VcpuDumpreg(arguments.decimal(), arguments.decimal());
    }

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Choice choice = new Choice(subject, report);
        Optional<Vcpu> chosen = choice.vcpu(vm, vcpu);
        if (chosen.isEmpty()) {
            return report.invalid();
        }
        Vcpu processor = chosen.get();
        report.line(
                "=  VM ID %d ==== CPU ID %d========================\r\n",
                number("vm", choice.vmId()), number("vcpu", processor.id()));
        registers(report, processor);
        stack(report, choice.vmId(), processor);
        return report.done();
    }

    private static void registers(Report.Builder report, Vcpu vcpu) {
        // spotless:off
        line(report, vcpu, "=  RIP=0x%016x  RSP=0x%016x RFLAGS=0x%016x\r\n", RIP, RSP, RFLAGS);
        line(report, vcpu, "=  CR0=0x%016x  CR2=0x%016x\r\n", CR0, CR2);
        line(report, vcpu, "=  CR3=0x%016x  CR4=0x%016x\r\n", CR3, CR4);
        line(report, vcpu, "=  RAX=0x%016x  RBX=0x%016x RCX=0x%016x\r\n", RAX, RBX, RCX);
        line(report, vcpu, "=  RDX=0x%016x  RDI=0x%016x RSI=0x%016x\r\n", RDX, RDI, RSI);
        line(report, vcpu, "=  RBP=0x%016x  R8=0x%016x R9=0x%016x\r\n", RBP, R8, R9);
        line(report, vcpu, "=  R10=0x%016x  R11=0x%016x R12=0x%016x\r\n", R10, R11, R12);
        line(report, vcpu, "=  R13=0x%016x  R14=0x%016x  R15=0x%016x\r\n", R13, R14, R15);
        // spotless:on
    }

    private static void line(
            Report.Builder report, Vcpu vcpu, String format, Register... registers) {
        Field[] fields = new Field[registers.length];
        for (int i = 0; i < registers.length; i++) {
            String name = registers[i].name().toLowerCase(Locale.ROOT);
            fields[i] = hex(name, vcpu.register(registers[i]));
        }
        report.line(format, fields);
    }

    private static void stack(Report.Builder report, int vm, Vcpu vcpu) {
        long rsp = vcpu.register(RSP);
        switch (vcpu.read(rsp, STACK_ROWS * Quadwords.ROW_BYTES)) {
            case GuestRead.Fault _ -> report.message("Cannot handle user gva yet!\r\n");
            case GuestRead.Bytes(byte[] bytes) -> {
                List<Long> words = Quadwords.of(bytes);
                List<Line> rows = new ArrayList<>();
                for (int i = 0; i < words.size(); i += Quadwords.PER_ROW) {
                    rows.add(
                            Line.of(
                                    "=  0x%016x  0x%016x 0x%016x  0x%016x\r\n",
                                    hexes("words", words.subList(i, i + Quadwords.PER_ROW))));
                }
                report.words("\r\nDump RSP for vm %d, from gva 0x%016x\r\n".formatted(vm, rsp));
                report.table("stack", rows);
            }
        }
    }
}
