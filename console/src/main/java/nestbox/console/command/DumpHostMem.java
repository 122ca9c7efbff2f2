package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.hexes;
import static nestbox.console.report.Field.number;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.Subject;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `dump_host_mem`: memory as the hypervisor sees it.
record DumpHostMem(long address, int length) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "dump_host_mem",
                    "<addr, length>",
                    "Print host memory: hexadecimal address, decimal length.",
                    arguments -> new DumpHostMem(arguments.hex(), Quadwords.length(arguments)));

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        int rows = Quadwords.rows(length);
        Optional<byte[]> bytes = subject.hostMemory(address, rows * Quadwords.ROW_BYTES);
        if (bytes.isEmpty()) {
            return report.message("Not all of this is RAM.\r\n").invalid();
        }
        List<Long> words = Quadwords.of(bytes.get());
        List<Line> lines = new ArrayList<>(rows);
        for (int row = 0; row < rows; row++) {
            int first = row * Quadwords.PER_ROW;
            lines.add(
                    Line.of(
                            "HVA(0x%x): 0x%016x  0x%016x  0x%016x  0x%016x\r\n",
                            hex("address", address + (long) row * Quadwords.ROW_BYTES),
                            hexes("words", words.subList(first, first + Quadwords.PER_ROW))));
        }
        return report.line(
                        "Dump physical memory addr: 0x%016x, length %d:\r\n",
                        hex("address", address), number("length", length))
                .table("memory", lines)
                .done();
    }
}
