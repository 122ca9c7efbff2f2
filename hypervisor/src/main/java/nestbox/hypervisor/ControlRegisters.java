package nestbox.hypervisor;

import static nestbox.x86.ControlBits.*;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.hypervisor.emulate.GuestState;
import nestbox.hypervisor.memory.EptTables;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.VmcsField;

/// Writes to CR0 and CR4 that change what L0 keeps of them: CR0.NE and CR4.VMXE, which VMX wants to
/// be 1 always, and bits of CR4 that the guest may not have. SDM Vol. 3C, "Guest/Host Masks and
/// Read Shadows for CR0 and CR4".
final class ControlRegisters {
    /// Changes of these make the processor forget translations. SDM Vol. 3A, "Operations that
    /// Invalidate TLBs and Paging-Structure Caches".
    private static final long CR4_PAGING = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP;

    private static final long CR0_PAGING = CR0_PG | CR0_WP | CR0_PE;
    private static final long PDPTE_RESERVED = 0x1E6;

    private final VmxRoot root;
    private final GuestMemory memory;
    private final EptTables ept;
    private final long cr4Allowed;
    private final int vpid;

    /// @param cr4Allowed the bits that the guest may set
    ControlRegisters(VmxRoot root, GuestMemory memory, EptTables ept, long cr4Allowed, int vpid) {
        this.root = root;
        this.memory = memory;
        this.ept = ept;
        this.cr4Allowed = cr4Allowed;
        this.vpid = vpid;
    }

    /// The bits of CR4 whose changes exit.
    long cr4Mask() {
        return ~cr4Allowed | CR4_VMXE;
    }

    /// Does the instruction that exited, except for CR8.
    ///
    /// @param mayLeaveVmx whether the bits that VMX operation fixes may change
    void access(CrQualification exit, boolean mayLeaveVmx) {
        switch (exit.access()) {
            case MOV_TO_CR -> {
                long value = new GuestState(root).register(exit.generalRegister());
                switch (exit.register()) {
                    case 0 -> writeCr0(value, mayLeaveVmx);
                    case 4 -> writeCr4(value, mayLeaveVmx);
                    default -> throw new IllegalStateException("CR" + exit.register());
                }
            }
            case CLTS -> writeCr0(cr0() & ~CR0_TS, mayLeaveVmx);
            case LMSW -> {
                long low = exit.lmswSource() & 0xF | cr0() & CR0_PE;
                writeCr0(cr0() & ~0xFL | low, mayLeaveVmx);
            }
            case MOV_FROM_CR -> throw new IllegalStateException("reads don't exit");
        }
    }

    /// CR0 as the guest sees it.
    private long cr0() {
        long shadowed = CR0_NE;
        return root.vmread(VmcsField.GUEST_CR0) & ~shadowed
                | root.vmread(VmcsField.CR0_READ_SHADOW) & shadowed;
    }

    private boolean isLongModeActive() {
        return (root.vmread(VmcsField.GUEST_EFER) & EFER_LMA) != 0;
    }

    private void writeCr0(long value, boolean mayLeaveVmx) {
        boolean pagingUnprotected = (value & (CR0_PG | CR0_PE)) == CR0_PG;
        boolean writeThroughUncached = (value & (CR0_NW | CR0_CD)) == CR0_NW;
        boolean leavesVmx = (~value & VmxCapabilities.CR0_FIXED0) != 0;
        boolean refused =
                value >>> 32 != 0
                        || pagingUnprotected
                        || writeThroughUncached
                        || leavesVmx && !mayLeaveVmx;
        if (refused) {
            throw GuestException.generalProtection();
        }
        long old = root.vmread(VmcsField.GUEST_CR0);
        long next = value & CR0_DEFINED | CR0_ET | CR0_NE;
        long cr4 = root.vmread(VmcsField.GUEST_CR4);
        long changed = old ^ next;
        if ((changed & CR0_PG) != 0) {
            switchPaging((next & CR0_PG) != 0, cr4);
        }
        root.vmwrite(VmcsField.GUEST_CR0, next);
        root.vmwrite(VmcsField.CR0_READ_SHADOW, value & CR0_DEFINED | CR0_ET);
        if ((changed & (CR0_PAGING | CR0_CD | CR0_NW)) != 0 && (next & CR0_PG) != 0) {
            loadPdptes(cr4, root.vmread(VmcsField.GUEST_CR3));
        }
        if ((changed & CR0_PAGING) != 0) {
            root.invvpidSingle(vpid);
        }
    }

    private void switchPaging(boolean on, long cr4) {
        long efer = root.vmread(VmcsField.GUEST_EFER);
        boolean longMode = on && (efer & EFER_LME) != 0;
        boolean codeIsLong =
                (root.vmread(VmcsField.GUEST_CS_ACCESS_RIGHTS) & AccessRights.LONG) != 0;
        boolean refused =
                longMode && ((cr4 & CR4_PAE) == 0 || codeIsLong)
                        || !on && ((efer & EFER_LMA) != 0 && codeIsLong || (cr4 & CR4_PCIDE) != 0);
        if (refused) {
            throw GuestException.generalProtection();
        }
        root.vmwrite(VmcsField.GUEST_EFER, longMode ? efer | EFER_LMA : efer & ~EFER_LMA);
        long entry = root.vmread(VmcsField.ENTRY_CONTROLS);
        long mode = EntryControl.IA_32E_MODE_GUEST.mask();
        root.vmwrite(VmcsField.ENTRY_CONTROLS, longMode ? entry | mode : entry & ~mode);
    }

    private void writeCr4(long value, boolean mayLeaveVmx) {
        long old = root.vmread(VmcsField.GUEST_CR4);
        long shadow = root.vmread(VmcsField.CR4_READ_SHADOW);
        boolean leavesVmx = (shadow & ~value & CR4_VMXE) != 0;
        long pcid = ~old & value & CR4_PCIDE;
        boolean refused =
                (value & ~cr4Allowed) != 0
                        || leavesVmx && !mayLeaveVmx
                        || isLongModeActive() && (value & CR4_PAE) == 0
                        || pcid != 0
                                && (!isLongModeActive()
                                        || (root.vmread(VmcsField.GUEST_CR3) & CR3_PCID) != 0);
        if (refused) {
            throw GuestException.generalProtection();
        }
        long changed = old ^ (value | CR4_VMXE);
        if ((changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP)) != 0
                && (root.vmread(VmcsField.GUEST_CR0) & CR0_PG) != 0) {
            loadPdptes(value, root.vmread(VmcsField.GUEST_CR3));
        }
        root.vmwrite(VmcsField.GUEST_CR4, value | CR4_VMXE);
        root.vmwrite(VmcsField.CR4_READ_SHADOW, value);
        if ((changed & CR4_PAGING) != 0) {
            root.invvpidSingle(vpid);
        }
    }

    /// The part of a task switch that loads CR3.
    ///
    /// @throws GuestException #GP
    void loadPageRoot(long cr3) {
        loadPdptes(root.vmread(VmcsField.GUEST_CR4), cr3);
        root.vmwrite(VmcsField.GUEST_CR3, cr3);
        root.invvpidSingle(vpid);
    }

    /// PAE paging keeps its four page-directory-pointer entries in the processor. SDM Vol. 3A,
    /// "PDPTE Registers".
    private void loadPdptes(long cr4, long cr3) {
        if ((cr4 & CR4_PAE) == 0 || isLongModeActive()) {
            return;
        }
        long table = cr3 & 0xFFFF_FFE0L;
        long[] entries = new long[4];
        long reserved = PDPTE_RESERVED | -1L << root.facts().physicalAddressBits();
        for (int i = 0; i < entries.length; i++) {
            entries[i] = ept.ram(table + 8 * i, 8).map(memory::readLong).orElse(0L);
            if ((entries[i] & 1) != 0 && (entries[i] & reserved) != 0) {
                throw GuestException.generalProtection();
            }
        }
        for (int i = 0; i < entries.length; i++) {
            root.vmwrite(VmcsField.GUEST_PDPTE0.plus(i), entries[i]);
        }
    }
}
