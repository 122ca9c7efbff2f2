package nestbox.console.subject;

import java.util.OptionalLong;

/// What L0 keeps for a vCPU whose guest is a hypervisor itself.
///
/// @param vmxOperation the guest has executed VMXON
/// @param inL2 the vCPU executes L2 now, on VMCS02
/// @param currentVmcs12 guest-physical address of L1's current VMCS
/// @param eptPointer12 the EPT pointer that L1 wrote into it
/// @param cachedVmcs12s how many VMCSs of L1 are kept ready
/// @param shadowEpts how many EPTs of L1 have shadow tables
/// @param entries VM entries to L2 so far
/// @param reflected VM exits of L2 that L1 got
public record NestedState(
        boolean vmxOperation,
        boolean inL2,
        OptionalLong currentVmcs12,
        OptionalLong eptPointer12,
        int cachedVmcs12s,
        int shadowEpts,
        long entries,
        long reflected) {}
