package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.VmcsView;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxAbort;

import java.util.Optional;

/// L1's state after a VM exit of L2: from the host-state area of VMCS12 into the guest-state area
/// of VMCS01. SDM Vol. 3C, "Loading Host State".
final class HostState {
    private static final int CS = 1;
    private static final int SEGMENTS = 6;
    private static final int LDTR = 6;
    private static final int TR = 7;
    private static final int PDPTES = 4;
    private static final long ALL_MEMORY = 0xFFFF_FFFFL;
    private static final int CODE = 0x809B;
    private static final int DATA = 0xC093;
    private static final int TSS = 0x8B;
    private static final int TSS_LIMIT = 0x67;
    private static final int TABLE_LIMIT = 0xFFFF;
    private static final long DR7_CLEAR = 0x400;
    private static final long PDPTE_RESERVED = 0x1E6;
    private static final long PDPTE_TABLE = 0xFFFF_FFE0L;

    /// CR0 bits that neither VM entry nor VM exit modify: ET, NW, CD and reserved ones.
    private static final long CR0_UNMODIFIED = 0x7FFA_FFD0L;

    private final VmxRoot root;
    private final L1Facts facts;

    /// What a VM exit leaves as it was, unless it loads it.
    ///
    /// @param nmiBlocked whether L1 begins with NMIs blocked
    record Left(long cr0, long efer, long pat, boolean nmiBlocked) {}

    HostState(VmxRoot root, L1Facts facts) {
        this.root = root;
        this.facts = facts;
    }

    private void put(VmcsField field, long value) {
        root.vmwrite(field, value);
    }

    /// Loads all but the MSR area. VMCS01 is current.
    ///
    /// @return why it can't
    Optional<VmxAbort> load(VmcsView vmcs12, Left left) {
        boolean wide = vmcs12.isSet(ExitControl.HOST_ADDRESS_SPACE_SIZE);
        registers(vmcs12, left, wide);
        segments(vmcs12, wide);
        put(GUEST_RSP, vmcs12.read(HOST_RSP));
        put(GUEST_RIP, vmcs12.read(HOST_RIP));
        put(GUEST_RFLAGS, RFlags.FIXED);
        put(GUEST_ACTIVITY_STATE, 0);
        put(GUEST_INTERRUPTIBILITY_STATE, left.nmiBlocked ? Interruptibility.NMI : 0);
        put(GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
        put(ENTRY_INTERRUPTION_INFORMATION, 0);
        boolean pae = (root.vmread(GUEST_CR4) & ControlBits.CR4_PAE) != 0;
        return !wide && pae ? loadPdptes() : Optional.empty();
    }

    private void registers(VmcsView vmcs12, Left left, boolean wide) {
        long cr0 =
                left.cr0 & CR0_UNMODIFIED
                        | vmcs12.read(HOST_CR0) & ~CR0_UNMODIFIED & ALL_MEMORY
                        | VmxCapabilities.CR0_FIXED0;
        put(GUEST_CR0, cr0);
        put(CR0_READ_SHADOW, cr0);
        put(GUEST_CR3, vmcs12.read(HOST_CR3));
        long cr4 =
                vmcs12.read(HOST_CR4) & facts.capabilities().cr4Fixed1()
                        | VmxCapabilities.CR4_FIXED0;
        cr4 = wide ? cr4 | ControlBits.CR4_PAE : cr4 & ~ControlBits.CR4_PCIDE;
        put(GUEST_CR4, cr4);
        put(CR4_READ_SHADOW, cr4);
        put(GUEST_DR7, DR7_CLEAR);
        put(GUEST_DEBUGCTL, 0);
        put(GUEST_SYSENTER_CS, vmcs12.read(HOST_SYSENTER_CS));
        put(GUEST_SYSENTER_ESP, vmcs12.read(HOST_SYSENTER_ESP));
        put(GUEST_SYSENTER_EIP, vmcs12.read(HOST_SYSENTER_EIP));
        long both = ControlBits.EFER_LME | ControlBits.EFER_LMA;
        long efer = vmcs12.isSet(ExitControl.LOAD_EFER) ? vmcs12.read(HOST_EFER) : left.efer;
        put(GUEST_EFER, wide ? efer | both : efer & ~both);
        put(GUEST_PAT, vmcs12.isSet(ExitControl.LOAD_PAT) ? vmcs12.read(HOST_PAT) : left.pat);
        long mode = EntryControl.IA_32E_MODE_GUEST.mask();
        long entry = root.vmread(ENTRY_CONTROLS);
        put(ENTRY_CONTROLS, wide ? entry | mode : entry & ~mode);
    }

    private void segments(VmcsView vmcs12, boolean wide) {
        for (int i = 0; i < SEGMENTS; i++) {
            long selector = vmcs12.read(HOST_ES_SELECTOR.plus(i));
            if (i == CS) {
                int size = wide ? AccessRights.LONG : AccessRights.DEFAULT_BIG;
                segment(i, selector, 0, ALL_MEMORY, CODE | size);
            } else {
                segment(i, selector, 0, ALL_MEMORY, selector == 0 ? AccessRights.UNUSABLE : DATA);
            }
        }
        put(GUEST_FS_BASE, vmcs12.read(HOST_FS_BASE));
        put(GUEST_GS_BASE, vmcs12.read(HOST_GS_BASE));
        segment(LDTR, 0, 0, 0, AccessRights.UNUSABLE);
        segment(TR, vmcs12.read(HOST_TR_SELECTOR), vmcs12.read(HOST_TR_BASE), TSS_LIMIT, TSS);
        put(GUEST_GDTR_BASE, vmcs12.read(HOST_GDTR_BASE));
        put(GUEST_GDTR_LIMIT, TABLE_LIMIT);
        put(GUEST_IDTR_BASE, vmcs12.read(HOST_IDTR_BASE));
        put(GUEST_IDTR_LIMIT, TABLE_LIMIT);
    }

    private void segment(int number, long selector, long base, long limit, int rights) {
        put(GUEST_ES_SELECTOR.plus(number), selector);
        put(GUEST_ES_BASE.plus(number), base);
        put(GUEST_ES_LIMIT.plus(number), limit);
        put(GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    private Optional<VmxAbort> loadPdptes() {
        long reserved = PDPTE_RESERVED | -(1L << facts.physicalAddressBits());
        long table = root.vmread(GUEST_CR3) & PDPTE_TABLE;
        for (int i = 0; i < PDPTES; i++) {
            long entry = facts.readPhysical(table + 8L * i, 8);
            if ((entry & 1) != 0 && (entry & reserved) != 0) {
                return Optional.of(VmxAbort.HOST_PDPTES);
            }
            put(GUEST_PDPTE0.plus(i), entry);
        }
        return Optional.empty();
    }
}
