package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.PinControl.*;
import static nestbox.x86.vmx.PrimaryControl.*;
import static nestbox.x86.vmx.SecondaryControl.*;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.cpu.model.VmxSilicon;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.VmFunctionControl;
import nestbox.x86.vmx.VmcsRegion;
import nestbox.x86.vmx.VmxControl;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// What L1's VMX can do: what the processor's can, as far as it is emulated here.
///
/// Nothing is offered that would not behave as the manual says.
public final class Capabilities12 {
    /// VMCS revision identifier of L1's VMCSs, whose format is [Vmcs12Layout]'s.
    public static final int REVISION = 0x1540_7E12;

    private static final int MSR_LIST_UNIT = 512;

    // spotless:off
    private static final List<VmxControl> EMULATED = List.of(
            EXTERNAL_INTERRUPT_EXITING, NMI_EXITING, VIRTUAL_NMIS, ACTIVATE_PREEMPTION_TIMER,
            PROCESS_POSTED_INTERRUPTS,

            INTERRUPT_WINDOW_EXITING, USE_TSC_OFFSETTING, HLT_EXITING, INVLPG_EXITING,
            MWAIT_EXITING, RDPMC_EXITING, RDTSC_EXITING, CR3_LOAD_EXITING, CR3_STORE_EXITING,
            CR8_LOAD_EXITING, CR8_STORE_EXITING, USE_TPR_SHADOW, NMI_WINDOW_EXITING,
            MOV_DR_EXITING, UNCONDITIONAL_IO_EXITING, USE_IO_BITMAPS, MONITOR_TRAP_FLAG,
            USE_MSR_BITMAPS, MONITOR_EXITING, PAUSE_EXITING, ACTIVATE_SECONDARY_CONTROLS,

            VIRTUALIZE_APIC_ACCESSES, ENABLE_EPT, DESCRIPTOR_TABLE_EXITING, ENABLE_RDTSCP,
            VIRTUALIZE_X2APIC_MODE, ENABLE_VPID, WBINVD_EXITING, UNRESTRICTED_GUEST,
            APIC_REGISTER_VIRTUALIZATION, VIRTUAL_INTERRUPT_DELIVERY, PAUSE_LOOP_EXITING,
            RDRAND_EXITING, ENABLE_INVPCID, ENABLE_VM_FUNCTIONS, VMCS_SHADOWING, RDSEED_EXITING,
            ENABLE_PML, EPT_VIOLATION_VE, ENABLE_XSAVES, MODE_BASED_EXECUTE_CONTROL,
            USE_TSC_SCALING, ENABLE_USER_WAIT_AND_PAUSE,

            ExitControl.SAVE_DEBUG_CONTROLS, ExitControl.HOST_ADDRESS_SPACE_SIZE,
            ExitControl.ACKNOWLEDGE_INTERRUPT, ExitControl.SAVE_PAT, ExitControl.LOAD_PAT,
            ExitControl.SAVE_EFER, ExitControl.LOAD_EFER, ExitControl.SAVE_PREEMPTION_TIMER,

            EntryControl.LOAD_DEBUG_CONTROLS, EntryControl.IA_32E_MODE_GUEST,
            EntryControl.LOAD_PAT, EntryControl.LOAD_EFER,

            VmFunctionControl.EPTP_SWITCHING);

    /// They don't need the processor's help.
    private static final Set<VmxControl> SOFTWARE =
            Set.of(ENABLE_PML, EPT_VIOLATION_VE, VMCS_SHADOWING);

    private static final Set<MiscCapability> MISC = EnumSet.of(
            MiscCapability.STORES_LMA, MiscCapability.ACTIVITY_HLT,
            MiscCapability.ACTIVITY_SHUTDOWN, MiscCapability.ACTIVITY_WAIT_FOR_SIPI,
            MiscCapability.VMWRITE_ANY_FIELD, MiscCapability.INJECTION_WITH_LENGTH_0);

    private static final Set<EptVpidCapability> EPT_VPID = EnumSet.complementOf(EnumSet.of(
            EptVpidCapability.WALK_LENGTH_5, EptVpidCapability.SUPERVISOR_SHADOW_STACK));

    // spotless:on

    private Capabilities12() {}

    /// What L1 gets on a processor.
    ///
    /// @param virtualApic whether L1's local APIC is L0's: posted interrupts need the processor's
    public static VmxCapabilities of(VmxCapabilities processor, boolean virtualApic) {
        Predicate<VmxControl> available =
                control ->
                        (processor.allows(control) || SOFTWARE.contains(control))
                                && !(virtualApic
                                        && control == PinControl.PROCESS_POSTED_INTERRUPTS);
        Set<VmxControl> controls =
                EMULATED.stream().filter(available).collect(Collectors.toCollection(HashSet::new));
        VmxSilicon silicon =
                new VmxSilicon(
                        REVISION,
                        VmcsRegion.SIZE,
                        processor.takesAnyErrorCode(),
                        controls,
                        processor.preemptionTimerShift(),
                        processor.cr3Targets(),
                        processor.maxMsrList() / MSR_LIST_UNIT - 1,
                        MISC.stream().filter(processor::has).collect(Collectors.toSet()),
                        Arrays.stream(EptVpidCapability.values())
                                .filter(each -> EPT_VPID.contains(each) && processor.has(each))
                                .collect(Collectors.toSet()),
                        processor.cr4Fixed1() & ~ControlBits.CR4_SMXE);
        return VmxCapabilities.of(silicon, feature -> true, -1);
    }
}
