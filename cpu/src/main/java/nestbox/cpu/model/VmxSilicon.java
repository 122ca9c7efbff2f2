package nestbox.cpu.model;

import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.VmxControl;

import java.util.Set;

/// What a processor's virtual-machine extensions can do, as its capability registers would say.
///
/// It is data only: [VmxCapabilities] reduces it to what is implemented.
///
/// @param revision VMCS revision identifier
/// @param regionSize bytes of a VMXON or VMCS region
/// @param anyErrorCode hardware exceptions can be injected with or without an error code,
///     whatever their vector
/// @param controls that may be 1
/// @param preemptionTimerRate the timer counts when this bit of the TSC changes
/// @param msrListUnits MSR lists have up to 512 entries, and 512 more for each unit
/// @param cr4Fixed1 bits that CR4 may have set in VMX operation
public record VmxSilicon(
        int revision,
        int regionSize,
        boolean anyErrorCode,
        Set<VmxControl> controls,
        int preemptionTimerRate,
        int cr3Targets,
        int msrListUnits,
        Set<MiscCapability> misc,
        Set<EptVpidCapability> eptVpid,
        long cr4Fixed1) {
    public VmxSilicon {
        controls = Set.copyOf(controls);
        misc = Set.copyOf(misc);
        eptVpid = Set.copyOf(eptVpid);
    }

    /// No virtual-machine extensions.
    public static VmxSilicon none() {
        return new VmxSilicon(0, 4096, false, Set.of(), 0, 0, 0, Set.of(), Set.of(), 0);
    }
}
