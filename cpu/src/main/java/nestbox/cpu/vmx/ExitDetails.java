package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.platform.trace.TraceField;
import nestbox.platform.trace.TraceField.Bits;
import nestbox.platform.trace.TraceField.Number;
import nestbox.platform.trace.TraceField.Text;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ApicAccessQualification;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.DrQualification;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.SubPageEntry;

import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/// What a VM exit is about, in words and numbers that one would otherwise have to look up: the
/// qualification taken apart, and the registers that the instruction takes.
final class ExitDetails {
    private static final long LOW = 0xFFFF_FFFFL;

    private ExitDetails() {}

    /// Adds what belongs to an exit's reason.
    static void of(ExitInformation exit, Cpu cpu, List<TraceField> fields) {
        switch (exit.reason) {
            case CPUID -> {
                fields.add(new Bits("leaf", cpu.get64(Cpu.RAX) & LOW));
                fields.add(new Bits("subleaf", cpu.get64(Cpu.RCX) & LOW));
            }
            case RDMSR -> fields.add(new Bits("msr", cpu.get64(Cpu.RCX) & LOW));
            case WRMSR -> {
                fields.add(new Bits("msr", cpu.get64(Cpu.RCX) & LOW));
                fields.add(new Bits("value", highAndLow(cpu)));
            }
            case XSETBV -> fields.add(new Bits("value", highAndLow(cpu)));
            case VMCALL -> fields.add(new Bits("rax", cpu.get64(Cpu.RAX)));
            case IO_INSTRUCTION -> io(IoQualification.of(exit.qualification), cpu, fields);
            case CONTROL_REGISTER_ACCESS ->
                    controlRegister(CrQualification.of(exit.qualification), cpu, fields);
            case MOV_DR -> debugRegister(DrQualification.of(exit.qualification), cpu, fields);
            case EPT_VIOLATION -> {
                fields.add(new Bits("physical", exit.guestPhysical));
                EptViolationQualification access = EptViolationQualification.of(exit.qualification);
                if (access.hasLinearAddress()) {
                    fields.add(new Bits("linear", exit.guestLinear));
                }
                fields.add(new Text("access", access(access)));
            }
            case EPT_MISCONFIGURATION -> fields.add(new Bits("physical", exit.guestPhysical));
            case SPP_EVENT -> {
                fields.add(new Bits("physical", exit.guestPhysical));
                fields.add(new Bits("linear", exit.guestLinear));
                boolean miss = (exit.qualification & SubPageEntry.MISS) != 0;
                fields.add(new Text("tables", miss ? "miss" : "misconfiguration"));
            }
            case APIC_WRITE -> fields.add(new Bits("offset", exit.qualification));
            case APIC_ACCESS -> {
                ApicAccessQualification access = ApicAccessQualification.of(exit.qualification);
                fields.add(new Bits("offset", access.offset()));
                fields.add(new Text("access", words(access.access())));
            }
            default -> {
                // The reason and the qualification say it all.
            }
        }
    }

    /// Adds the contents of an interruption-information field, if it is valid.
    ///
    /// @param name of the field in words; the bits are next to it
    static void event(String name, long bits, long errorCode, List<TraceField> fields) {
        InterruptionInformation information = InterruptionInformation.of(bits);
        if (!information.valid()) {
            return;
        }
        int vector = information.vector();
        String text =
                switch (information.type()) {
                    case EXTERNAL_INTERRUPT -> "external interrupt %d".formatted(vector);
                    case SOFTWARE_INTERRUPT -> "INT %d".formatted(vector);
                    case NMI -> "NMI";
                    case HARDWARE_EXCEPTION, PRIVILEGED_SOFTWARE_EXCEPTION, SOFTWARE_EXCEPTION ->
                            Vector.name(vector);
                    case OTHER_EVENT -> "monitor trap flag";
                    case RESERVED -> "reserved";
                };
        fields.add(new Text(name, text));
        fields.add(new Bits(name + "Information", bits & LOW));
        if (information.errorCodeValid()) {
            fields.add(new Bits(name + "ErrorCode", errorCode & LOW));
        }
    }

    private static long highAndLow(Cpu cpu) {
        return cpu.get64(Cpu.RDX) << 32 | cpu.get64(Cpu.RAX) & LOW;
    }

    private static void io(IoQualification io, Cpu cpu, List<TraceField> fields) {
        String mnemonic = (io.input() ? "in" : "out") + (io.string() ? "s" : "");
        fields.add(new Text("access", io.repeated() ? "rep " + mnemonic : mnemonic));
        fields.add(new Bits("port", io.port()));
        fields.add(new Number("size", io.bytes()));
        if (!io.input() && !io.string()) {
            fields.add(new Bits("value", cpu.get64(Cpu.RAX) & LOW >>> 32 - 8 * io.bytes()));
        }
    }

    private static void controlRegister(CrQualification cr, Cpu cpu, List<TraceField> fields) {
        switch (cr.access()) {
            case MOV_TO_CR -> {
                fields.add(new Text("access", "write"));
                fields.add(new Text("register", "CR" + cr.register()));
                fields.add(new Bits("value", cpu.get64(8 * cr.generalRegister())));
            }
            case MOV_FROM_CR -> {
                fields.add(new Text("access", "read"));
                fields.add(new Text("register", "CR" + cr.register()));
            }
            case CLTS -> fields.add(new Text("access", "clts"));
            case LMSW -> {
                fields.add(new Text("access", "lmsw"));
                fields.add(new Bits("value", cr.lmswSource()));
            }
        }
    }

    private static void debugRegister(DrQualification dr, Cpu cpu, List<TraceField> fields) {
        fields.add(new Text("access", dr.read() ? "read" : "write"));
        fields.add(new Text("register", "DR" + dr.register()));
        if (!dr.read()) {
            fields.add(new Bits("value", cpu.get64(8 * dr.generalRegister())));
        }
    }

    private static String access(EptViolationQualification violation) {
        StringJoiner access = new StringJoiner(" ");
        if (violation.isRead()) {
            access.add("read");
        }
        if (violation.isWrite()) {
            access.add("write");
        }
        if (violation.isFetch()) {
            access.add("fetch");
        }
        return access.toString();
    }

    private static String words(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    }
}
