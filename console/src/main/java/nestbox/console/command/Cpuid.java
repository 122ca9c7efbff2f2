package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;

import nestbox.console.report.Report;
import nestbox.console.subject.CpuidResult;
import nestbox.console.subject.Subject;

/// `cpuid`: what the pCPU of the shell says of itself.
record Cpuid(int leaf, int subleaf) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "cpuid",
                    "<leaf> [subleaf]",
                    "Print a CPUID leaf of the physical processor, all numbers hexadecimal.",
                    Cpuid::parse);

    private static final String USAGE = "Please enter correct cmd with cpuid <leaf> [subleaf]\r\n";

    private static Cpuid parse(Arguments arguments) {
        if (arguments.isEmpty() || arguments.count() > 2) {
            throw new InvalidArguments(USAGE);
        }
        int leaf = arguments.hex32();
        return new Cpuid(leaf, arguments.isEmpty() ? 0 : arguments.hex32());
    }

    @Override
    public Report run(Subject subject) {
        CpuidResult result = subject.cpuid(subject.consoleProcessor(), leaf, subleaf);
        return Report.start()
                .line(
                        "cpuid leaf: 0x%x, subleaf: 0x%x, 0x%x:0x%x:0x%x:0x%x\r\n",
                        hex("leaf", Integer.toUnsignedLong(leaf)),
                        hex("subleaf", Integer.toUnsignedLong(subleaf)),
                        hex("eax", Integer.toUnsignedLong(result.eax())),
                        hex("ebx", Integer.toUnsignedLong(result.ebx())),
                        hex("ecx", Integer.toUnsignedLong(result.ecx())),
                        hex("edx", Integer.toUnsignedLong(result.edx())))
                .done();
    }
}
