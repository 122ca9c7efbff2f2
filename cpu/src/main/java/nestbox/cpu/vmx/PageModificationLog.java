package nestbox.cpu.vmx;

import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

/// The log of guest pages that became dirty. SDM Vol. 3C, "Page-Modification Logging".
final class PageModificationLog {
    private static final int ENTRIES = 512;
    private static final long PAGE_MASK = -4096;

    private final Vmx vmx;

    PageModificationLog(Vmx vmx) {
        this.vmx = vmx;
    }

    /// The dirty flag of an EPT entry is about to be set.
    ///
    /// @throws nestbox.cpu.core.GuestFault a VM exit, if the log is full
    void add(long guestPhysical) {
        if (!vmx.on(SecondaryControl.ENABLE_PML)) {
            return;
        }
        long index = vmx.vmcs().read(VmcsField.PML_INDEX);
        if (index >= ENTRIES) {
            throw vmx.exitLikeFault(ExitReason.PAGE_MODIFICATION_LOG_FULL, vmx.nmiUnblockingBit());
        }
        long at = vmx.vmcs().read(VmcsField.PML_ADDRESS) + 8 * index;
        vmx.cpu.mmu.writePhysical(at, 8, guestPhysical & PAGE_MASK);
        vmx.vmcs().write(VmcsField.PML_INDEX, index - 1 & 0xFFFF);
    }
}
