package nestbox.conformance.oracle;

import nestbox.x86.Branch;
import nestbox.x86.OpcodeRow;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Table rows that no case covers, each with the reason.
final class Exclusions {
    private static final String KERNEL = "enters the host's kernel";
    private static final String DESCRIPTORS = "depends on the host's descriptor tables";
    private static final String VARIES = "the result is the host's own";
    private static final String EMULATED = "UMIP: the host's kernel emulates it";

    private static final String EXTENSION = "not a feature of the emulated processor";

    private static final Map<String, String> BY_NAME =
            Map.ofEntries(
                    Map.entry("SYSCALL", KERNEL),
                    Map.entry("SYSENTER", KERNEL),
                    Map.entry("INT", KERNEL),
                    Map.entry("SYSEXIT", "#UD in 64-bit mode on AMD processors"),
                    Map.entry("INT1", "hypervisors under the host report another RIP"),
                    Map.entry("XSAVEOPT", EXTENSION),
                    Map.entry("XSAVEC", EXTENSION),
                    Map.entry("XSAVES", EXTENSION),
                    Map.entry("XRSTORS", EXTENSION),
                    Map.entry("IRET", DESCRIPTORS),
                    Map.entry("RET_FAR", DESCRIPTORS),
                    Map.entry("CALL_FAR_INDIRECT", DESCRIPTORS),
                    Map.entry("JMP_FAR_INDIRECT", DESCRIPTORS),
                    Map.entry("CALL_FAR", DESCRIPTORS),
                    Map.entry("JMP_FAR", DESCRIPTORS),
                    Map.entry("LOAD_FAR", DESCRIPTORS),
                    Map.entry("MOV_TO_SREG", DESCRIPTORS),
                    Map.entry("POP_SREG", DESCRIPTORS),
                    Map.entry("LAR", DESCRIPTORS),
                    Map.entry("LSL", DESCRIPTORS),
                    Map.entry("VERR", DESCRIPTORS),
                    Map.entry("VERW", DESCRIPTORS),
                    Map.entry("SGDT", EMULATED),
                    Map.entry("SIDT", EMULATED),
                    Map.entry("SLDT", EMULATED),
                    Map.entry("STR", EMULATED),
                    Map.entry("SMSW", EMULATED),
                    Map.entry("CPUID", VARIES),
                    Map.entry("RDTSC", VARIES),
                    Map.entry("RDTSCP", VARIES),
                    Map.entry("RDPMC", "CR4.PCE is the host's choice"),
                    Map.entry("RDPID", VARIES),
                    Map.entry("RDRAND", VARIES),
                    Map.entry("RDSEED", VARIES),
                    Map.entry("XGETBV", VARIES),
                    Map.entry(
                            "MONITOR",
                            "at CPL 3 MSRs of the host decide between #UD and execution"),
                    Map.entry(
                            "MWAIT", "at CPL 3 MSRs of the host decide between #UD and execution"),
                    Map.entry("INVPCID", "not on every host"),
                    Map.entry("UMONITOR", "WAITPKG: not on every host"),
                    Map.entry("UMWAIT", "WAITPKG: not on every host"),
                    Map.entry("TPAUSE", "WAITPKG: not on every host"),
                    Map.entry("GETSEC", "SMX: not on every host"));

    /// VT-x isn't an AMD processor's, and hypervisors under the host answer VMCALL themselves.
    private static final Set<String> VMX =
            Set.of(
                    "VMXON",
                    "VMXOFF",
                    "VMCALL",
                    "VMLAUNCH",
                    "VMRESUME",
                    "VMCLEAR",
                    "VMPTRLD",
                    "VMPTRST",
                    "VMREAD",
                    "VMWRITE",
                    "VMFUNC",
                    "INVEPT",
                    "INVVPID");

    private Exclusions() {}

    /// Rows whose only outcome at CPL 3 is an exception.
    private static final Set<String> REFUSED =
            Set.of(
                    "UD", "RSM", "CLAC", "STAC", "CLI", "STI", "IN", "OUT", "INS", "OUTS", "SYSRET",
                    "LLDT", "LTR", "XSETBV");

    /// Whether it always ends in #UD or #GP here.
    static boolean isRefused(OpcodeRow row) {
        return row.isPrivileged() || REFUSED.contains(row.op().name());
    }

    static Optional<String> reason(OpcodeRow row, boolean mode64) {
        if (mode64 ? row.isInvalidIn64() : row.isOnly64()) {
            return Optional.of("not an instruction of this mode");
        }
        if (VMX.contains(row.op().name())) {
            return Optional.of("VT-x: not an instruction of every host");
        }
        if (row.op() == Branch.SYSRET && !mode64) {
            return Optional.of("AMD: defined outside 64-bit mode");
        }
        if (row.opcode() == 0x0D && row.map() == 1 && row.mod() == OpcodeRow.Mod.REGISTER) {
            return Optional.of("#UD on AMD processors");
        }
        return Optional.ofNullable(BY_NAME.get(row.op().name()));
    }
}
