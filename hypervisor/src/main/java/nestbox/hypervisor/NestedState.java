package nestbox.hypervisor;

import nestbox.x86.vmx.ExitReason;

import java.util.List;
import java.util.Map;

/// What there is to see of a vCPU's VMX operation.
///
/// @param operating L1 has executed VMXON
/// @param inL2 L2 runs
/// @param vmxonPointer all ones outside VMX operation
/// @param vmcss the VMCSs that L1 has active
/// @param shadowPointers how many of L1's EPT pointers have a shadow
/// @param shadowPages pages of L0's that the shadows take
/// @param shadowFills how many translations have been put into them
/// @param entries VM entries to L2
/// @param failedEntries those that VMCS12 didn't pass
/// @param instructions VMX instructions of L1 that exited, by the exit's reason
/// @param reflected exits of L2 that L1 got
/// @param handled exits of L2 after which L2 went on
public record NestedState(
        boolean operating,
        boolean inL2,
        long vmxonPointer,
        List<ActiveVmcs> vmcss,
        int shadowPointers,
        int shadowPages,
        long shadowFills,
        long entries,
        long failedEntries,
        Map<ExitReason, Long> instructions,
        Map<ExitReason, Long> reflected,
        Map<ExitReason, Long> handled) {
    /// One of L1's VMCSs.
    ///
    /// @param region L1's guest-physical address
    /// @param region02 host-physical address of VMCS02
    /// @param eptPointer of L1, which counts if it enables EPT
    /// @param current L1 has made it the current one
    /// @param launched its launch state
    /// @param shadow L1 uses it as a shadow VMCS
    public record ActiveVmcs(
            long region,
            long region02,
            long eptPointer,
            boolean current,
            boolean launched,
            boolean shadow) {}

    /// The VMCSs that are involved.
    public enum Which {
        /// L0's for L1.
        VMCS01,

        /// L1's for L2, as L1 has it.
        VMCS12,

        /// L0's for L2.
        VMCS02
    }

    /// An entry that a walk through EPT tables meets.
    ///
    /// @param address of the entry, in the memory of whoever owns the tables
    /// @param shift of the address bits that its table translates
    public record EptStep(long address, int shift, long entry) {}
}
