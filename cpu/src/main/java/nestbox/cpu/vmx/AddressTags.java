package nestbox.cpu.vmx;

import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.ArrayList;
import java.util.List;

/// What cached translations are tagged with: PCID, VPID and EPT pointer. SDM Vol. 3C, "Caching
/// Translation Information".
///
/// A tag is a number: bits 11:0 the PCID, bits 27:12 the VPID, and above them a small number for
/// the EPT pointer, 0 without EPT.
public final class AddressTags {
    private static final int VPID_SHIFT = 12;
    private static final int EPT_SHIFT = 28;
    private static final long VPID_MASK = 0xFFFF;

    /// How many EPT pointers have a number at a time.
    private static final int MOST_EPT_POINTERS = 64;

    private final Vmx vmx;

    /// EPT pointers by their number, from 1.
    private final List<Long> eptPointers = new ArrayList<>();

    private long vpid;
    private long eptNumber;

    AddressTags(Vmx vmx) {
        this.vmx = vmx;
    }

    /// The tag of a PCID in the address spaces in use.
    long tag(long pcid) {
        return pcid | vpid << VPID_SHIFT | eptNumber << EPT_SHIFT;
    }

    void enterGuest() {
        vpid =
                vmx.on(SecondaryControl.ENABLE_VPID)
                        ? vmx.vmcs().read(VmcsField.VIRTUAL_PROCESSOR_IDENTIFIER)
                        : 0;
        useEptPointer();
        dropUntagged();
    }

    /// The EPT pointer of the current VMCS, which EPTP switching changes.
    void useEptPointer() {
        eptNumber =
                vmx.on(SecondaryControl.ENABLE_EPT)
                        ? number(vmx.vmcs().read(VmcsField.EPT_POINTER))
                        : 0;
    }

    void leaveGuest() {
        dropUntagged();
        vpid = 0;
        eptNumber = 0;
    }

    /// Without VPIDs, VM entries and VM exits forget linear and combined mappings of VPID 0.
    private void dropUntagged() {
        if (vpid == 0) {
            vmx.cpu.mmu.flushWhere(tag -> vpid(tag) == 0);
        }
    }

    /// After a reset nothing is cached.
    void forget() {
        eptPointers.clear();
    }

    private long number(long pointer) {
        long key = key(pointer);
        int index = eptPointers.indexOf(key);
        if (index >= 0) {
            return index + 1L;
        }
        if (eptPointers.size() == MOST_EPT_POINTERS) {
            invalidateAllEpt();
            eptPointers.clear();
        }
        eptPointers.add(key);
        return eptPointers.size();
    }

    /// Everything that a walk depends on.
    private static long key(long pointer) {
        return pointer & (EptPointer.ADDRESS | EptPointer.ACCESSED_DIRTY);
    }

    private static long vpid(long tag) {
        return tag >>> VPID_SHIFT & VPID_MASK;
    }

    // Invalidations

    /// INVEPT of one EPT pointer: what was translated with the same root.
    public void invalidateEpt(long pointer) {
        for (int i = 0; i < eptPointers.size(); i++) {
            if (((eptPointers.get(i) ^ pointer) & EptPointer.ADDRESS) == 0) {
                long number = i + 1L;
                vmx.cpu.mmu.flushWhere(tag -> tag >>> EPT_SHIFT == number);
            }
        }
    }

    void invalidateAllEpt() {
        vmx.cpu.mmu.flushWhere(tag -> tag >>> EPT_SHIFT != 0);
    }

    public void invalidateVpid(long of) {
        vmx.cpu.mmu.flushWhere(tag -> vpid(tag) == of);
    }

    void invalidateAllVpids() {
        vmx.cpu.mmu.flushWhere(tag -> vpid(tag) != 0);
    }

    public void invalidateAddress(long of, long linear) {
        vmx.cpu.mmu.invalidateWhere(tag -> vpid(tag) == of, linear);
    }
}
