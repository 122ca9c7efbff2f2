package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.ExitBitmaps;
import nestbox.cpu.entry.PhysicalMemory;
import nestbox.cpu.entry.VmcsView;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.ExitCondition;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

/// Whether L1 has asked for an exit of L2: what the processor would ask of VMCS12 if it ran on
/// that. Exits for which L1 hasn't asked are L0's.
final class Interest {
    private static final int RCX = 1;
    private static final long LMSW_BITS = 0xE;

    private final VmxRoot root;
    private final Operands operands;
    private final PhysicalMemory memory;
    private final VmxCapabilities capabilities;
    private final boolean virtualApic;

    Interest(
            Parent parent, Operands operands, PhysicalMemory memory, VmxCapabilities capabilities) {
        root = parent.root();
        this.operands = operands;
        this.memory = memory;
        this.capabilities = capabilities;
        virtualApic = parent.hasVirtualApic();
    }

    /// Whether the exit that VMCS02 describes is one of L1's, except for those that depend on L1's
    /// EPT tables and VM functions.
    boolean isWanted(ExitReason reason, VmcsView l1) {
        return switch (reason) {
            case EXCEPTION_OR_NMI -> exceptionOrNmi(l1);
            // Physical interrupts are those of whoever has the local APIC.
            case EXTERNAL_INTERRUPT -> !virtualApic && meets(reason, l1);
            case INIT_SIGNAL, IO_SMI, OTHER_SMI, MACHINE_CHECK_ON_ENTRY -> false;
            // L1 can also inject it.
            case MONITOR_TRAP -> true;
            case CONTROL_REGISTER_ACCESS -> controlRegister(l1);
            case IO_INSTRUCTION -> ports(l1);
            case RDMSR -> msr(l1, false);
            case WRMSR -> msr(l1, true);
            case PAUSE -> l1.isSet(PAUSE_EXITING) || l1.isSet(SecondaryControl.PAUSE_LOOP_EXITING);
            case TPR_BELOW_THRESHOLD -> l1.isSet(USE_TPR_SHADOW);
            case VIRTUALIZED_EOI -> l1.isSet(SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY);
            case VMREAD -> field(l1, VMREAD_BITMAP_ADDRESS);
            case VMWRITE -> field(l1, VMWRITE_BITMAP_ADDRESS);
            case XSAVES, XRSTORS -> supervisorState(l1);
            case TRIPLE_FAULT,
                    STARTUP_IPI,
                    INTERRUPT_WINDOW,
                    NMI_WINDOW,
                    TASK_SWITCH,
                    CPUID,
                    GETSEC,
                    HLT,
                    INVD,
                    INVLPG,
                    RDPMC,
                    RDTSC,
                    RSM,
                    VMCALL,
                    VMCLEAR,
                    VMLAUNCH,
                    VMPTRLD,
                    VMPTRST,
                    VMRESUME,
                    VMXOFF,
                    VMXON,
                    MOV_DR,
                    INVALID_GUEST_STATE,
                    MSR_LOADING,
                    MWAIT,
                    MONITOR,
                    APIC_ACCESS,
                    GDTR_IDTR_ACCESS,
                    LDTR_TR_ACCESS,
                    INVEPT,
                    RDTSCP,
                    PREEMPTION_TIMER_EXPIRED,
                    INVVPID,
                    WBINVD,
                    XSETBV,
                    APIC_WRITE,
                    RDRAND,
                    INVPCID,
                    RDSEED,
                    UMWAIT,
                    TPAUSE,
                    SEAMCALL,
                    TDCALL ->
                    meets(reason, l1);
            // L1 isn't offered what leads to these.
            case ENCLS,
                    ENCLV,
                    PCONFIG,
                    SPP_EVENT,
                    LOADIWKEY,
                    ENQCMD_TRANSLATION_FAILURE,
                    ENQCMDS_TRANSLATION_FAILURE,
                    BUS_LOCK,
                    INSTRUCTION_TIMEOUT_EXPIRED,
                    RDMSRLIST,
                    WRMSRLIST ->
                    false;
            case EPT_VIOLATION, EPT_MISCONFIGURATION, PAGE_MODIFICATION_LOG_FULL, VMFUNC ->
                    throw new IllegalArgumentException(reason.toString());
        };
    }

    /// The condition on the exit reason's row.
    private static boolean meets(ExitReason reason, VmcsView l1) {
        return switch (reason.condition()) {
            case ExitCondition.Always() -> true;
            case ExitCondition.AllOf(var controls) -> {
                for (VmxControl control : controls) {
                    if (!l1.isSet(control)) {
                        yield false;
                    }
                }
                yield true;
            }
            case ExitCondition.AnyOf(var controls) -> controls.stream().anyMatch(l1::isSet);
            case ExitCondition.Consult(var _) ->
                    throw new IllegalArgumentException(reason.toString());
        };
    }

    private boolean exceptionOrNmi(VmcsView l1) {
        InterruptionInformation event =
                InterruptionInformation.of(root.vmread(EXIT_INTERRUPTION_INFORMATION));
        if (event.type() == InterruptionType.NMI) {
            return !virtualApic && l1.isSet(PinControl.NMI_EXITING);
        }
        return isException(l1, event.vector(), (int) root.vmread(EXIT_INTERRUPTION_ERROR_CODE));
    }

    /// Whether an exception in L2 is a VM exit to L1.
    static boolean isException(VmcsView l1, int vector, int errorCode) {
        return ExitBitmaps.exception(
                l1.read(EXCEPTION_BITMAP),
                l1.read(PAGE_FAULT_ERROR_CODE_MASK),
                l1.read(PAGE_FAULT_ERROR_CODE_MATCH),
                vector,
                errorCode);
    }

    private boolean ports(VmcsView l1) {
        if (!l1.isSet(USE_IO_BITMAPS)) {
            return l1.isSet(UNCONDITIONAL_IO_EXITING);
        }
        IoQualification access = IoQualification.of(root.vmread(EXIT_QUALIFICATION));
        return ExitBitmaps.ports(
                memory, l1.read(IO_BITMAP_A), l1.read(IO_BITMAP_B), access.port(), access.bytes());
    }

    private boolean msr(VmcsView l1, boolean write) {
        return !l1.isSet(USE_MSR_BITMAPS)
                || ExitBitmaps.msr(memory, l1.read(MSR_BITMAPS), (int) root.register(RCX), write);
    }

    private boolean field(VmcsView l1, VmcsField bitmap) {
        return !l1.isSet(SecondaryControl.VMCS_SHADOWING)
                || ExitBitmaps.field(memory, l1.read(bitmap), operands.encoding());
    }

    private boolean supervisorState(VmcsView l1) {
        long mask = root.register(2) << 32 | root.register(0) & 0xFFFF_FFFFL;
        long xss = root.readMsr(Msr.IA32_XSS.number()).orElse(0);
        return (mask & xss & l1.read(XSS_EXITING_BITMAP)) != 0;
    }

    // Control registers. SDM Vol. 3C, "Instructions That Cause VM Exits Conditionally"

    private boolean controlRegister(VmcsView l1) {
        CrQualification access = CrQualification.of(root.vmread(EXIT_QUALIFICATION));
        return switch (access.access()) {
            case MOV_TO_CR ->
                    moveTo(l1, access.register(), operands.register(access.generalRegister()));
            case MOV_FROM_CR ->
                    access.register() == 3
                            ? l1.isSet(CR3_STORE_EXITING)
                            : l1.isSet(CR8_STORE_EXITING);
            case CLTS ->
                    (l1.read(CR0_GUEST_HOST_MASK) & l1.read(CR0_READ_SHADOW) & ControlBits.CR0_TS)
                            != 0;
            case LMSW -> lmsw(l1, access.lmswSource());
        };
    }

    private boolean moveTo(VmcsView l1, int register, long value) {
        return switch (register) {
            case 0 -> changes(l1, CR0_GUEST_HOST_MASK, CR0_READ_SHADOW, value);
            case 3 -> l1.isSet(CR3_LOAD_EXITING) && !isTarget(l1, value);
            case 4 -> changes(l1, CR4_GUEST_HOST_MASK, CR4_READ_SHADOW, value);
            default -> l1.isSet(CR8_LOAD_EXITING);
        };
    }

    private static boolean changes(VmcsView l1, VmcsField mask, VmcsField shadow, long value) {
        return ((value ^ l1.read(shadow)) & l1.read(mask)) != 0;
    }

    private boolean isTarget(VmcsView l1, long value) {
        long count = Math.min(l1.read(CR3_TARGET_COUNT), capabilities.cr3Targets());
        for (int i = 0; i < count; i++) {
            if (l1.read(CR3_TARGET_VALUE_0.plus(i)) == value) {
                return true;
            }
        }
        return false;
    }

    private static boolean lmsw(VmcsView l1, int source) {
        long mask = l1.read(CR0_GUEST_HOST_MASK);
        long shadow = l1.read(CR0_READ_SHADOW);
        boolean changes = ((source ^ shadow) & mask & LMSW_BITS) != 0;
        return changes || (source & ~shadow & mask & ControlBits.CR0_PE) != 0;
    }
}
