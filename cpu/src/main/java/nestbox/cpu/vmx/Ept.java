package nestbox.cpu.vmx;

import nestbox.cpu.core.GuestFault;
import nestbox.cpu.entry.EptFormat;
import nestbox.platform.GuestMemory;
import nestbox.platform.NativeSpace;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;
import nestbox.x86.vmx.EptEntry;
import nestbox.x86.vmx.EptPointer;
import nestbox.x86.vmx.EptViolationQualification;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VirtualizationExceptionArea;
import nestbox.x86.vmx.VmcsField;

/// Translation of guest-physical addresses. SDM Vol. 3C, "The Extended Page Table Mechanism (EPT)".
///
/// The outcome of the last walk stays in the fields until the next one. Outside VMX non-root
/// operation, and without EPT, it isn't active and nobody asks it.
public final class Ept {
    private final Vmx vmx;
    private final GuestMemory memory;
    private final EptFormat format;

    private boolean active;
    private long root;
    private boolean accessedDirty;
    private boolean modeBased;
    private boolean pagingWriteControl;
    private boolean verifies;
    private final SubPagePermissions subPages;

    /// Hypervisor-managed linear-address translation: whether it is on, its first table, and the
    /// sign that linear addresses have which it is for.
    private boolean hlat;

    private long hlatTable;
    private boolean hlatEverywhere;

    /// All entries of guest paging structures that the current linear address has taken so far lie
    /// where accessed and dirty flags may be set.
    private boolean verified;

    /// What the entries of the last walk together allow, as bits of an entry.
    private long permissions;

    /// Size of the page, as a shift.
    private int shift;

    private boolean dirty;
    /// What the entries before that of the page together allow.
    private long upper;

    private final long[] hosts = new long[EptFormat.LEVELS];
    private final long[] entries = new long[EptFormat.LEVELS];
    private int depth;

    Ept(Vmx vmx) {
        this.vmx = vmx;
        memory = vmx.cpu.bus.memory();
        format = new EptFormat(vmx.capabilities, vmx.cpu.features.physicalAddressBits());
        subPages = new SubPagePermissions(vmx);
    }

    void begin() {
        active = vmx.on(SecondaryControl.ENABLE_EPT);
        modeBased = vmx.on(SecondaryControl.MODE_BASED_EXECUTE_CONTROL);
        pagingWriteControl = vmx.on(TertiaryControl.EPT_PAGING_WRITE_CONTROL);
        verifies = pagingWriteControl && vmx.on(TertiaryControl.GUEST_PAGING_VERIFICATION);
        hlat = vmx.on(TertiaryControl.ENABLE_HLAT);
        hlatTable = vmx.vmcs().read(VmcsField.HLAT_POINTER) & EptEntry.ADDRESS;
        hlatEverywhere = vmx.vmcs().read(VmcsField.HLAT_PREFIX_SIZE) == 0;
        use(vmx.vmcs().read(VmcsField.EPT_POINTER));
    }

    /// The EPT pointer of the current VMCS, which EPTP switching changes.
    void use(long pointer) {
        EptPointer format = EptPointer.of(pointer);
        root = format.root();
        accessedDirty = format.accessedDirty();
    }

    void end() {
        active = false;
        hlat = false;
    }

    /// Whether physical addresses of instructions and paging structures are guest-physical.
    public boolean isActive() {
        return active;
    }

    /// Whether a linear address is translated by the hypervisor's paging structures. SDM Vol. 3A,
    /// "Ordinary Paging and HLAT Paging".
    public boolean managesLinear(long linear) {
        return hlat && (hlatEverywhere || linear < 0);
    }

    /// Guest-physical address of the hypervisor's first paging structure.
    public long hlatTable() {
        return hlatTable;
    }

    /// Whether parts of pages may be writable.
    public boolean hasSubPages() {
        return active && subPages.areEnabled();
    }

    // Outcome of the last walk

    public boolean mayRead() {
        return (permissions & EptEntry.READ) != 0;
    }

    /// Whether writes are allowed and change no flag any more.
    public boolean mayWriteDirty() {
        return (permissions & EptEntry.WRITE) != 0 && (dirty || !accessedDirty);
    }

    /// @param user whether the linear address is a user-mode one
    public boolean mayExecute(boolean user) {
        return EptFormat.mayExecute(permissions, modeBased, user);
    }

    public int shift() {
        return shift;
    }

    // Walks

    /// A linear address is translated from its beginning.
    public void beginLinear() {
        verified = true;
    }

    /// Translates the address of an entry of a guest paging structure.
    ///
    /// @param linear address whose translation needs the entry
    /// @throws GuestFault a VM exit, or #VE
    public long structure(long guestPhysical, long linear, boolean write) {
        // With accessed and dirty flags for EPT all these accesses count as writes.
        long access =
                accessedDirty
                        ? EptViolationQualification.READ | EptViolationQualification.WRITE
                        : write ? EptViolationQualification.WRITE : EptViolationQualification.READ;
        return translate(
                guestPhysical, linear, access | EptViolationQualification.LINEAR_ADDRESS_VALID);
    }

    /// Translates an address that isn't that of any linear address: PDPTEs that MOV CR loads.
    ///
    /// @throws GuestFault a VM exit, or #VE
    public long untranslated(long guestPhysical) {
        return translate(guestPhysical, 0, EptViolationQualification.READ);
    }

    /// Translates the guest-physical address that a linear address leads to.
    ///
    /// @param access bits of [EptViolationQualification]: read, write or fetch, and what the
    ///     guest's own paging says of the page
    /// @throws GuestFault a VM exit, or #VE
    public long page(long guestPhysical, long linear, long access) {
        return translate(
                guestPhysical,
                linear,
                access
                        | EptViolationQualification.LINEAR_ADDRESS_VALID
                        | EptViolationQualification.TRANSLATION);
    }

    private long translate(long guestPhysical, long linear, long access) {
        depth = 0;
        permissions = EptFormat.permissions(true);
        upper = permissions;
        long table = root;
        shift = EptFormat.TOP_SHIFT;
        while (true) {
            long host = memory.host(EptFormat.slot(table, shift, guestPhysical), 8);
            long entry = host < 0 ? -1 : NativeSpace.SPACE.get(NativeSpace.I64, host);
            if (!EptFormat.isPresent(entry, modeBased)) {
                permissions = 0;
                throw violation(guestPhysical, linear, access, entry);
            }
            if (host < 0 || isMisconfigured(entry)) {
                throw misconfiguration(guestPhysical, linear);
            }
            hosts[depth] = host;
            entries[depth++] = entry;
            upper = permissions;
            permissions &= entry;
            if (EptFormat.isLeaf(entry, shift)) {
                return finish(guestPhysical, linear, access, entry);
            }
            table = entry & EptEntry.ADDRESS;
            shift -= EptFormat.INDEX_BITS;
        }
    }

    private boolean isMisconfigured(long entry) {
        boolean writableByPaging =
                pagingWriteControl
                        && EptFormat.isLeaf(entry, shift)
                        && (entry & (EptEntry.PAGING_WRITE | EptEntry.READ))
                                == EptEntry.PAGING_WRITE;
        return writableByPaging || format.isMisconfigured(entry, shift, modeBased);
    }

    private long finish(long guestPhysical, long linear, long access, long entry) {
        boolean translation = (access & EptViolationQualification.TRANSLATION) != 0;
        boolean structure =
                !translation && (access & EptViolationQualification.LINEAR_ADDRESS_VALID) != 0;
        long allowed = permissions;
        if (structure && pagingWriteControl && (entry & EptEntry.PAGING_WRITE) != 0) {
            allowed |= upper & EptEntry.WRITE;
        }
        boolean partly = translation && isPartlyWritable(access, entry);
        if (!EptFormat.allows(partly ? allowed | EptEntry.WRITE : allowed, access, modeBased)) {
            throw violation(guestPhysical, linear, access, entry);
        }
        if (translation && verifies && !verified && (entry & EptEntry.VERIFY_GUEST_PAGING) != 0) {
            long why = EptViolationQualification.GUEST_PAGING_VERIFICATION;
            throw violation(guestPhysical, linear, access | why, entry);
        }
        if (partly && !subPages.allow(guestPhysical, linear)) {
            throw violation(guestPhysical, linear, access, entry);
        }
        verified &= !structure || (entry & EptEntry.PAGING_WRITE) != 0;
        dirty = (entry & EptEntry.DIRTY) != 0;
        if (accessedDirty) {
            setFlags(guestPhysical, (access & EptViolationQualification.WRITE) != 0);
        }
        long offset = (1L << shift) - 1;
        return entry & EptEntry.ADDRESS & ~offset | guestPhysical & offset;
    }

    /// Whether a write that isn't allowed to all of the page may be to a part of it.
    private boolean isPartlyWritable(long access, long entry) {
        return (access & EptViolationQualification.WRITE) != 0
                && (permissions & EptEntry.WRITE) == 0
                && shift == EptFormat.PAGE_SHIFT
                && (entry & EptEntry.SUB_PAGE_WRITE) != 0
                && subPages.areEnabled();
    }

    /// Sets accessed flags in all entries used, and the dirty flag in the last for a write, which
    /// is logged first.
    private void setFlags(long guestPhysical, boolean write) {
        if (write && !dirty) {
            vmx.log.add(guestPhysical);
        }
        for (int i = 0; i < depth; i++) {
            long wanted =
                    write && i == depth - 1
                            ? EptEntry.ACCESSED | EptEntry.DIRTY
                            : EptEntry.ACCESSED;
            if ((entries[i] & wanted) != wanted) {
                vmx.cpu.mmu.writePhysical(memory.address(hosts[i]), 8, entries[i] | wanted);
            }
        }
        dirty |= write;
    }

    // Failures

    private void record(long guestPhysical, long linear) {
        vmx.exit.guestPhysical = guestPhysical;
        vmx.exit.guestLinear = linear;
    }

    private GuestFault misconfiguration(long guestPhysical, long linear) {
        GuestFault exit = vmx.exitLikeFault(ExitReason.EPT_MISCONFIGURATION, 0);
        record(guestPhysical, linear);
        return exit;
    }

    private GuestFault violation(long guestPhysical, long linear, long access, long entry) {
        long qualification =
                access | EptFormat.reported(permissions, modeBased) | vmx.nmiUnblockingBit();
        if (!vmx.capabilities.has(EptVpidCapability.ADVANCED_EXIT_INFORMATION)
                || (access & EptViolationQualification.TRANSLATION) == 0) {
            qualification &=
                    ~(EptViolationQualification.USER_MODE
                            | EptViolationQualification.GUEST_WRITABLE
                            | EptViolationQualification.GUEST_EXECUTE_DISABLE);
        }
        if (isConvertible(entry)) {
            return exception(guestPhysical, linear, qualification);
        }
        GuestFault exit = vmx.exitLikeFault(ExitReason.EPT_VIOLATION, qualification);
        record(guestPhysical, linear);
        return exit;
    }

    /// SDM Vol. 3C, "Convertible EPT Violations".
    private boolean isConvertible(long entry) {
        return vmx.on(SecondaryControl.EPT_VIOLATION_VE)
                && (entry & EptEntry.SUPPRESS_VE) == 0
                && (vmx.cpu.cr0 & ControlBits.CR0_PE) != 0
                && vmx.delivering().isEmpty()
                && vmx.cpu.mmu.readPhysical(informationArea() + VirtualizationExceptionArea.BUSY, 4)
                        == 0;
    }

    private long informationArea() {
        return vmx.vmcs().read(VmcsField.VIRTUALIZATION_EXCEPTION_ADDRESS);
    }

    private GuestFault exception(long guestPhysical, long linear, long qualification) {
        long area = informationArea();
        var mmu = vmx.cpu.mmu;
        mmu.writePhysical(area, 4, ExitReason.EPT_VIOLATION.number());
        mmu.writePhysical(area + VirtualizationExceptionArea.BUSY, 4, 0xFFFF_FFFFL);
        mmu.writePhysical(area + VirtualizationExceptionArea.QUALIFICATION, 8, qualification);
        mmu.writePhysical(area + VirtualizationExceptionArea.LINEAR_ADDRESS, 8, linear);
        mmu.writePhysical(area + VirtualizationExceptionArea.PHYSICAL_ADDRESS, 8, guestPhysical);
        mmu.writePhysical(
                area + VirtualizationExceptionArea.EPTP_INDEX,
                2,
                vmx.vmcs().read(VmcsField.EPTP_INDEX));
        return vmx.cpu.fault(Vector.VE, 0);
    }
}
