package nestbox.cpu.model;

import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;
import static nestbox.x86.vmx.TertiaryControl.*;

import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmxControl;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// The virtual-machine extensions of the processor models: tables only.
///
/// The server model has what later servers have, too. Neither has an SMM monitor: there is no
/// system-management mode here.
final class VmxModels {
    // spotless:off
    private static final List<VmxControl> CLIENT = List.of(
            EXTERNAL_INTERRUPT_EXITING, NMI_EXITING, VIRTUAL_NMIS, ACTIVATE_PREEMPTION_TIMER,

            INTERRUPT_WINDOW_EXITING, USE_TSC_OFFSETTING, HLT_EXITING, INVLPG_EXITING,
            MWAIT_EXITING, RDPMC_EXITING, RDTSC_EXITING, CR3_LOAD_EXITING, CR3_STORE_EXITING,
            CR8_LOAD_EXITING, CR8_STORE_EXITING, USE_TPR_SHADOW, NMI_WINDOW_EXITING,
            MOV_DR_EXITING, UNCONDITIONAL_IO_EXITING, USE_IO_BITMAPS, MONITOR_TRAP_FLAG,
            USE_MSR_BITMAPS, MONITOR_EXITING, PAUSE_EXITING, ACTIVATE_SECONDARY_CONTROLS,

            VIRTUALIZE_APIC_ACCESSES, ENABLE_EPT, DESCRIPTOR_TABLE_EXITING, ENABLE_RDTSCP,
            VIRTUALIZE_X2APIC_MODE, ENABLE_VPID, WBINVD_EXITING, UNRESTRICTED_GUEST,
            PAUSE_LOOP_EXITING, RDRAND_EXITING, ENABLE_INVPCID, ENABLE_VM_FUNCTIONS,
            VMCS_SHADOWING, ENABLE_ENCLS_EXITING, RDSEED_EXITING, ENABLE_PML, EPT_VIOLATION_VE,
            CONCEAL_VMX_FROM_PT, ENABLE_XSAVES, MODE_BASED_EXECUTE_CONTROL,

            ExitControl.SAVE_DEBUG_CONTROLS, ExitControl.HOST_ADDRESS_SPACE_SIZE,
            ExitControl.LOAD_PERF_GLOBAL_CTRL, ExitControl.ACKNOWLEDGE_INTERRUPT,
            ExitControl.SAVE_PAT, ExitControl.LOAD_PAT, ExitControl.SAVE_EFER,
            ExitControl.LOAD_EFER, ExitControl.SAVE_PREEMPTION_TIMER, ExitControl.CLEAR_BNDCFGS,
            ExitControl.CONCEAL_VMX_FROM_PT,

            EntryControl.LOAD_DEBUG_CONTROLS, EntryControl.IA_32E_MODE_GUEST,
            EntryControl.ENTRY_TO_SMM, EntryControl.DEACTIVATE_DUAL_MONITOR,
            EntryControl.LOAD_PERF_GLOBAL_CTRL, EntryControl.LOAD_PAT, EntryControl.LOAD_EFER,
            EntryControl.LOAD_BNDCFGS, EntryControl.CONCEAL_VMX_FROM_PT,

            VmFunctionControl.EPTP_SWITCHING);

    private static final List<VmxControl> SERVER_ADDS = List.of(
            ACTIVATE_TERTIARY_CONTROLS, SUB_PAGE_WRITE_PERMISSIONS,
            ENABLE_HLAT, EPT_PAGING_WRITE_CONTROL, GUEST_PAGING_VERIFICATION, IPI_VIRTUALIZATION,
            VIRTUALIZE_SPEC_CTRL,

            PROCESS_POSTED_INTERRUPTS, APIC_REGISTER_VIRTUALIZATION, VIRTUAL_INTERRUPT_DELIVERY,
            PT_USES_GUEST_PHYSICAL_ADDRESSES, USE_TSC_SCALING, ENABLE_USER_WAIT_AND_PAUSE,
            ENABLE_ENCLV_EXITING, VMM_BUS_LOCK_DETECTION, INSTRUCTION_TIMEOUT,
            ExitControl.CLEAR_RTIT_CTL, EntryControl.LOAD_RTIT_CTL);

    /// There is no memory protection extension in the server model.
    private static final List<VmxControl> SERVER_LACKS = List.of(
            ExitControl.CLEAR_BNDCFGS, EntryControl.LOAD_BNDCFGS);

    private static final Set<MiscCapability> MISC = EnumSet.of(
            MiscCapability.STORES_LMA, MiscCapability.ACTIVITY_HLT,
            MiscCapability.ACTIVITY_SHUTDOWN, MiscCapability.ACTIVITY_WAIT_FOR_SIPI,
            MiscCapability.INTEL_PT, MiscCapability.VMWRITE_ANY_FIELD,
            MiscCapability.INJECTION_WITH_LENGTH_0);

    private static final Set<EptVpidCapability> EPT_VPID = EnumSet.complementOf(EnumSet.of(
            EptVpidCapability.WALK_LENGTH_5, EptVpidCapability.SUPERVISOR_SHADOW_STACK));
    // spotless:on

    static final VmxSilicon KABYLAKE =
            new VmxSilicon(4, 1024, false, Set.copyOf(CLIENT), 7, 4, 0, MISC, EPT_VPID, 0x37_67FF);

    static final VmxSilicon SERVER =
            new VmxSilicon(0x13, 1280, false, server(), 5, 4, 0, MISC, EPT_VPID, 0x77_7FFF);

    private VmxModels() {}

    private static Set<VmxControl> server() {
        Set<VmxControl> controls = new HashSet<>(CLIENT);
        controls.addAll(SERVER_ADDS);
        SERVER_LACKS.forEach(controls::remove);
        return controls;
    }
}
