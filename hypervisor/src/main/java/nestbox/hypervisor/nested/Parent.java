package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.MsrAccess;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.hypervisor.memory.EptTables;
import nestbox.hypervisor.memory.PagePool;

/// The L1 vCPU that runs a guest of its own, as the nested code sees it. While L1 runs, VMCS01 is
/// the processor's current VMCS; while L2 runs, VMCS02 is.
public interface Parent {
    /// How many VPIDs a vCPU has, its own included.
    int CONTEXTS = 8;

    /// VMX root operation of the processor under the vCPU.
    VmxRoot root();

    /// Address of VMCS01's region.
    long vmcs01();

    /// EPT01: L1's guest-physical addresses. Every address that L1 names goes through it.
    EptTables memory();

    /// Whose translations are whose: L1's VPID, and one for each L2 context beside it.
    ///
    /// @param context 0 for L1 itself, others below [#CONTEXTS]
    int vpid(int context);

    /// L0's pages for this vCPU's guests: VMCS02, merged bitmaps, shadow EPT. They may run out, but
    /// the first [Nested#LEAST_PAGES] are needed.
    PagePool pages();

    /// RDMSR and WRMSR as L1 may do them.
    MsrAccess msrs();

    /// The bitmap by which L1's accesses to MSRs exit: its physical address.
    long msrBitmap01();

    /// Physical addresses of the bitmaps by which L1's accesses to ports exit.
    long ioBitmapA01();

    long ioBitmapB01();

    /// The linear address of an operand in L1's memory.
    ///
    /// @param segment in the order ES CS SS DS FS GS
    /// @throws GuestException #GP(0) or #SS(0), if the segment doesn't allow the access
    long linear(int segment, long offset, int width, boolean write);

    /// Reads L1's memory at a linear address, with its current paging and privilege.
    ///
    /// @throws GuestException what L1's instruction raises
    long readLinear(long linear, int width);

    /// Writes it.
    ///
    /// @throws GuestException what L1's instruction raises
    void writeLinear(long linear, int width, long value);

    /// Whether the vCPU has a virtual local APIC, so that L0 takes the physical interrupts.
    boolean hasVirtualApic();

    /// Stops L1 as a VMX abort does: until its virtual machine is reset.
    Resume shutDown(String reason);
}
