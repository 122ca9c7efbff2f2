package nestbox.console.command;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;

import java.util.Optional;
import java.util.OptionalInt;

/// Which MSR `rdmsr` and `wrmsr` mean.
///
/// @param pcpu the processor that was named, if any
record Msr(OptionalInt pcpu, int index) {
    private static final String OPTION = "-p";

    static Msr parse(Arguments arguments) {
        Optional<String> pcpu = arguments.option(OPTION);
        return new Msr(
                pcpu.isPresent()
                        ? OptionalInt.of(Arguments.decimal(pcpu.get()))
                        : OptionalInt.empty(),
                arguments.hex32());
    }

    /// The processor, unless there is none of that number.
    OptionalInt processor(Subject subject) {
        int processor = pcpu.orElseGet(subject::consoleProcessor);
        return processor < subject.processors() ? OptionalInt.of(processor) : OptionalInt.empty();
    }

    static Report outOfRange() {
        return Report.start().message("pcpu id is out of range!\n").invalid();
    }

    /// The processor has refused the access.
    Report fault(int processor) {
        return Report.start().message("MSR 0x%x of pCPU %d: #GP\n", index, processor).failed();
    }
}
