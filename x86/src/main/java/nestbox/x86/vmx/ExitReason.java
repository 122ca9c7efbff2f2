package nestbox.x86.vmx;

import static nestbox.x86.vmx.ExitCondition.*;
import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;
import static nestbox.x86.vmx.TertiaryControl.*;
import static nestbox.x86.vmx.VmcsField.*;

import java.util.Arrays;
import java.util.Optional;

/// Basic exit reasons, and what makes the processor exit for each of them. SDM Vol. 3D, "VMX Basic
/// Exit Reasons".
public enum ExitReason {
    // spotless:off
    EXCEPTION_OR_NMI(0, "Exception or NMI", consult(EXCEPTION_BITMAP, PAGE_FAULT_ERROR_CODE_MASK, PAGE_FAULT_ERROR_CODE_MATCH, PIN_BASED_CONTROLS)),
    EXTERNAL_INTERRUPT(1, "External interrupt", allOf(EXTERNAL_INTERRUPT_EXITING)),
    TRIPLE_FAULT(2, "Triple fault", always()),
    INIT_SIGNAL(3, "INIT signal", always()),
    STARTUP_IPI(4, "Start-up IPI", always()),
    IO_SMI(5, "I/O system-management interrupt", always()),
    OTHER_SMI(6, "Other SMI", always()),
    INTERRUPT_WINDOW(7, "Interrupt window", allOf(INTERRUPT_WINDOW_EXITING)),
    NMI_WINDOW(8, "NMI window", allOf(NMI_WINDOW_EXITING)),
    TASK_SWITCH(9, "Task switch", always()),
    CPUID(10, "CPUID", always()),
    GETSEC(11, "GETSEC", always()),
    HLT(12, "HLT", allOf(HLT_EXITING)),
    INVD(13, "INVD", always()),
    INVLPG(14, "INVLPG", allOf(INVLPG_EXITING)),
    RDPMC(15, "RDPMC", allOf(RDPMC_EXITING)),
    RDTSC(16, "RDTSC", allOf(RDTSC_EXITING)),
    RSM(17, "RSM", always()),
    VMCALL(18, "VMCALL", always()),
    VMCLEAR(19, "VMCLEAR", always()),
    VMLAUNCH(20, "VMLAUNCH", always()),
    VMPTRLD(21, "VMPTRLD", always()),
    VMPTRST(22, "VMPTRST", always()),
    VMREAD(23, "VMREAD", consult(SECONDARY_CONTROLS, VMREAD_BITMAP_ADDRESS)),
    VMRESUME(24, "VMRESUME", always()),
    VMWRITE(25, "VMWRITE", consult(SECONDARY_CONTROLS, VMWRITE_BITMAP_ADDRESS)),
    VMXOFF(26, "VMXOFF", always()),
    VMXON(27, "VMXON", always()),
    CONTROL_REGISTER_ACCESS(28, "Control-register accesses", consult(CR0_GUEST_HOST_MASK, CR0_READ_SHADOW, CR4_GUEST_HOST_MASK, CR4_READ_SHADOW, CR3_TARGET_COUNT, PRIMARY_CONTROLS)),
    MOV_DR(29, "MOV DR", allOf(MOV_DR_EXITING)),
    IO_INSTRUCTION(30, "I/O instruction", consult(PRIMARY_CONTROLS, IO_BITMAP_A, IO_BITMAP_B)),
    RDMSR(31, "RDMSR", consult(PRIMARY_CONTROLS, MSR_BITMAPS)),
    WRMSR(32, "WRMSR", consult(PRIMARY_CONTROLS, MSR_BITMAPS)),
    INVALID_GUEST_STATE(33, "VM-entry failure due to invalid guest state", always()),
    MSR_LOADING(34, "VM-entry failure due to MSR loading", always()),
    MWAIT(36, "MWAIT", allOf(MWAIT_EXITING)),
    MONITOR_TRAP(37, "Monitor trap flag", allOf(MONITOR_TRAP_FLAG)),
    MONITOR(39, "MONITOR", allOf(MONITOR_EXITING)),
    PAUSE(40, "PAUSE", consult(PRIMARY_CONTROLS, SECONDARY_CONTROLS, PLE_GAP, PLE_WINDOW)),
    MACHINE_CHECK_ON_ENTRY(41, "VM-entry failure due to machine-check event", always()),
    TPR_BELOW_THRESHOLD(43, "TPR below threshold", consult(PRIMARY_CONTROLS, SECONDARY_CONTROLS, VmcsField.TPR_THRESHOLD)),
    APIC_ACCESS(44, "APIC access", allOf(VIRTUALIZE_APIC_ACCESSES)),
    VIRTUALIZED_EOI(45, "Virtualized EOI", consult(EOI_EXIT_BITMAP_0, EOI_EXIT_BITMAP_1, EOI_EXIT_BITMAP_2, EOI_EXIT_BITMAP_3)),
    GDTR_IDTR_ACCESS(46, "Access to GDTR or IDTR", allOf(DESCRIPTOR_TABLE_EXITING)),
    LDTR_TR_ACCESS(47, "Access to LDTR or TR", allOf(DESCRIPTOR_TABLE_EXITING)),
    EPT_VIOLATION(48, "EPT violation", allOf(ENABLE_EPT)),
    EPT_MISCONFIGURATION(49, "EPT misconfiguration", allOf(ENABLE_EPT)),
    INVEPT(50, "INVEPT", always()),
    RDTSCP(51, "RDTSCP", allOf(ENABLE_RDTSCP, RDTSC_EXITING)),
    PREEMPTION_TIMER_EXPIRED(52, "VMX-preemption timer expired", allOf(ACTIVATE_PREEMPTION_TIMER)),
    INVVPID(53, "INVVPID", always()),
    WBINVD(54, "WBINVD or WBNOINVD", allOf(WBINVD_EXITING)),
    XSETBV(55, "XSETBV", always()),
    APIC_WRITE(56, "APIC write", anyOf(VIRTUALIZE_APIC_ACCESSES, APIC_REGISTER_VIRTUALIZATION, VIRTUAL_INTERRUPT_DELIVERY, IPI_VIRTUALIZATION)),
    RDRAND(57, "RDRAND", allOf(RDRAND_EXITING)),
    INVPCID(58, "INVPCID", allOf(ENABLE_INVPCID, INVLPG_EXITING)),
    VMFUNC(59, "VMFUNC", consult(SECONDARY_CONTROLS, VM_FUNCTION_CONTROLS, EPTP_LIST_ADDRESS)),
    ENCLS(60, "ENCLS", consult(SECONDARY_CONTROLS, ENCLS_EXITING_BITMAP)),
    RDSEED(61, "RDSEED", allOf(RDSEED_EXITING)),
    PAGE_MODIFICATION_LOG_FULL(62, "Page-modification log full", allOf(ENABLE_PML)),
    XSAVES(63, "XSAVES", consult(SECONDARY_CONTROLS, XSS_EXITING_BITMAP)),
    XRSTORS(64, "XRSTORS", consult(SECONDARY_CONTROLS, XSS_EXITING_BITMAP)),
    PCONFIG(65, "PCONFIG", consult(SECONDARY_CONTROLS, PCONFIG_EXITING_BITMAP)),
    SPP_EVENT(66, "SPP-related event", allOf(SUB_PAGE_WRITE_PERMISSIONS)),
    UMWAIT(67, "UMWAIT", allOf(ENABLE_USER_WAIT_AND_PAUSE, RDTSC_EXITING)),
    TPAUSE(68, "TPAUSE", allOf(ENABLE_USER_WAIT_AND_PAUSE, RDTSC_EXITING)),
    LOADIWKEY(69, "LOADIWKEY", allOf(LOADIWKEY_EXITING)),
    ENCLV(70, "ENCLV", consult(SECONDARY_CONTROLS, ENCLV_EXITING_BITMAP)),
    ENQCMD_TRANSLATION_FAILURE(72, "ENQCMD PASID translation failure", allOf(SecondaryControl.PASID_TRANSLATION)),
    ENQCMDS_TRANSLATION_FAILURE(73, "ENQCMDS PASID translation failure", allOf(SecondaryControl.PASID_TRANSLATION)),
    BUS_LOCK(74, "Bus lock", allOf(VMM_BUS_LOCK_DETECTION)),
    INSTRUCTION_TIMEOUT_EXPIRED(75, "Instruction timeout", allOf(INSTRUCTION_TIMEOUT)),
    SEAMCALL(76, "SEAMCALL", always()),
    TDCALL(77, "TDCALL", always()),
    RDMSRLIST(78, "RDMSRLIST", consult(TERTIARY_CONTROLS, PRIMARY_CONTROLS, MSR_BITMAPS)),
    WRMSRLIST(79, "WRMSRLIST", consult(TERTIARY_CONTROLS, PRIMARY_CONTROLS, MSR_BITMAPS));
    // spotless:on

    /// Bit 31 of the exit-reason field: guest state was never entered.
    public static final int ENTRY_FAILURE = 1 << 31;

    /// Bit 26 of the exit-reason field: a bus lock was asserted.
    public static final int BUS_LOCK_ASSERTED = 1 << 26;

    private static final ExitReason[] BY_NUMBER = byNumber();

    private final int number;
    private final String title;
    private final ExitCondition condition;
    private final Optional<ExitReason> self = Optional.of(this);

    ExitReason(int number, String title, ExitCondition condition) {
        this.number = number;
        this.title = title;
        this.condition = condition;
    }

    private static ExitReason[] byNumber() {
        ExitReason[] all = values();
        int last = Arrays.stream(all).mapToInt(ExitReason::number).max().orElseThrow();
        ExitReason[] table = new ExitReason[last + 1];
        for (ExitReason reason : all) {
            table[reason.number] = reason;
        }
        return table;
    }

    /// Bits 15:0 of the exit-reason field.
    public int number() {
        return number;
    }

    public String title() {
        return title;
    }

    public ExitCondition condition() {
        return condition;
    }

    /// The reason in an exit-reason field.
    public static Optional<ExitReason> of(long field) {
        int number = (int) field & 0xFFFF;
        ExitReason reason = number < BY_NUMBER.length ? BY_NUMBER[number] : null;
        return reason == null ? Optional.empty() : reason.self;
    }
}
