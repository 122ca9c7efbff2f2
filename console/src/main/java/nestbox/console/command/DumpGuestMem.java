package nestbox.console.command;

import static nestbox.console.command.Syntax.syntax;
import static nestbox.console.report.Field.hex;
import static nestbox.console.report.Field.hexes;

import nestbox.console.report.Report;
import nestbox.console.report.Report.Line;
import nestbox.console.subject.GuestRead;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `dump_guest_mem`: guest-virtual memory, through the page tables of the VM's BSP.
record DumpGuestMem(int vm, long address, int length) implements Command {
    static final Syntax SYNTAX =
            syntax(
                    "dump_guest_mem",
                    "<vm_id, addr, length>",
                    "Print a VM's virtual memory: hexadecimal address, decimal length.",
                    arguments ->
                            new DumpGuestMem(
                                    arguments.decimal(),
                                    arguments.hex(),
                                    Quadwords.length(arguments)));

    @Override
    public Report run(Subject subject) {
        Report.Builder report = Report.start();
        Optional<Vcpu> bsp =
                new Choice(subject, report)
                        .vm(vm)
                        .flatMap(chosen -> chosen.vcpus().stream().findFirst());
        if (bsp.isEmpty()) {
            return report.message("No vm found in the input <vm_id>\r\n").invalid();
        }
        List<Line> rows = new ArrayList<>();
        for (int row = 0; row < Quadwords.rows(length); row++) {
            long at = address + (long) row * Quadwords.ROW_BYTES;
            switch (bsp.get().read(at, Quadwords.ROW_BYTES)) {
                case GuestRead.Bytes(byte[] bytes) ->
                        rows.add(
                                Line.of(
                                        "GVA(0x%x):  0x%016x  0x%016x  0x%016x  0x%016x\r\n",
                                        hex("address", at), hexes("words", Quadwords.of(bytes))));
                case GuestRead.Fault(int errorCode, long faultAddress) -> {
                    return report.table("memory", rows)
                            .line(
                                    "copy_from_gva error! err_code=0x%x fault_addr=0x%x\r\n",
                                    hex("error_code", errorCode & 0xFFFF_FFFFL),
                                    hex("fault_address", faultAddress))
                            .done();
                }
            }
        }
        return report.table("memory", rows).done();
    }
}
