package nestbox.cpu.vmx;

import nestbox.cpu.entry.EptFormat;
import nestbox.platform.GuestMemory;
import nestbox.platform.NativeSpace;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.SubPageEntry;
import nestbox.x86.vmx.VmcsField;

/// The tables that allow writes to parts of a page that EPT makes read-only. SDM Vol. 3C, "Sub-Page
/// Write Permissions".
///
/// Nothing is cached: such a page is never writable in a TLB, so each write comes here.
final class SubPagePermissions {
    private final Vmx vmx;
    private final GuestMemory memory;
    private final long reserved;

    SubPagePermissions(Vmx vmx) {
        this.vmx = vmx;
        memory = vmx.cpu.bus.memory();
        reserved = SubPageEntry.RESERVED_LOW | -(1L << vmx.cpu.features.physicalAddressBits());
    }

    boolean areEnabled() {
        return vmx.on(SecondaryControl.SUB_PAGE_WRITE_PERMISSIONS);
    }

    /// Whether a write to an eligible guest-physical address is allowed.
    ///
    /// @throws nestbox.cpu.core.GuestFault a VM exit, if the tables don't say
    boolean allow(long guestPhysical, long linear) {
        long table = vmx.vmcs().read(VmcsField.SUB_PAGE_PERMISSION_TABLE_POINTER);
        int shift = EptFormat.TOP_SHIFT;
        while (shift > EptFormat.PAGE_SHIFT) {
            long entry = read(EptFormat.slot(table, shift, guestPhysical));
            if ((entry & SubPageEntry.VALID) == 0) {
                throw event(SubPageEntry.MISS, guestPhysical, linear);
            }
            if ((entry & reserved) != 0) {
                throw event(0, guestPhysical, linear);
            }
            table = entry & SubPageEntry.ADDRESS;
            shift -= EptFormat.INDEX_BITS;
        }
        long vector = read(EptFormat.slot(table, shift, guestPhysical));
        if ((vector & SubPageEntry.RESERVED_IN_VECTOR) != 0) {
            throw event(0, guestPhysical, linear);
        }
        return SubPageEntry.allows(vector, guestPhysical);
    }

    /// Outside RAM the bus reads as ones.
    private long read(long address) {
        long host = memory.host(address, 8);
        return host < 0 ? -1 : NativeSpace.SPACE.get(NativeSpace.I64, host);
    }

    private RuntimeException event(long kind, long guestPhysical, long linear) {
        var exit = vmx.exitLikeFault(ExitReason.SPP_EVENT, kind | vmx.nmiUnblockingBit());
        vmx.exit.guestPhysical = guestPhysical;
        vmx.exit.guestLinear = linear;
        return exit;
    }
}
