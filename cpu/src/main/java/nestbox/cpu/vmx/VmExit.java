package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.cpu.entry.Explanation;
import nestbox.cpu.entry.MsrAreas;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.cpu.vmx.ExitInformation.ResumeFlag;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxAbort;

import java.util.Optional;

/// VM exits: what they record, the guest state that they save, the host state that they load. SDM
/// Vol. 3C, "VM Exits".
final class VmExit {
    private static final int SEGMENTS = 6;
    private static final int PDPTES = 4;
    private static final long FOUR_GIB_LIMIT = 0xFFFF_FFFFL;
    private static final int CODE_RIGHTS = 0x809B;
    private static final int DATA_RIGHTS = 0xC093;
    private static final int TSS_RIGHTS = 0x8B;
    private static final int TSS_LIMIT = 0x67;
    private static final long PDPTE_RESERVED = 0x1E6;

    private final Vmx vmx;
    private final Cpu cpu;

    VmExit(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    private long get(VmcsField field) {
        return vmx.vmcs().read(field);
    }

    private void put(VmcsField field, long value) {
        vmx.vmcs().write(field, value);
    }

    /// The exit that [Vmx#exit] describes.
    void perform() {
        vmx.counts.exited(vmx.exit.reason);
        record();
        vmx.watch.exiting();
        saveRegisters();
        saveSegments();
        saveNonRegisterState();
        vmx.time.save();
        long failed =
                MsrAreas.store(
                        vmx.facts,
                        get(EXIT_MSR_STORE_ADDRESS),
                        get(EXIT_MSR_STORE_COUNT),
                        vmx.capabilities.maxMsrList(),
                        vmx.facts);
        if (failed != MsrAreas.DONE) {
            Explanation why =
                    MsrAreas.storeFailure(
                            vmx.facts,
                            get(EXIT_MSR_STORE_ADDRESS),
                            failed,
                            vmx.capabilities.maxMsrList(),
                            vmx.facts);
            abort(VmxAbort.SAVING_GUEST_MSRS, Optional.of(why));
            return;
        }
        boolean nmi =
                vmx.exit.reason == ExitReason.EXCEPTION_OR_NMI
                        && InterruptionInformation.of(vmx.exit.interruption).type()
                                == InterruptionType.NMI;
        boolean virtualNmis = vmx.on(PinControl.VIRTUAL_NMIS);
        loadHostState();
        cpu.nmiBlocked = nmi || cpu.nmiBlocked && !virtualNmis;
    }

    /// A VM entry that failed while or after it loaded guest state: as a VM exit, but without
    /// saving anything. SDM Vol. 3C, "VM-Entry Failures During or After Loading Guest State".
    void entryFailure(ExitReason reason, long qualification) {
        vmx.counts.exited(reason);
        put(EXIT_REASON, reason.number() | ExitReason.ENTRY_FAILURE & 0xFFFF_FFFFL);
        put(EXIT_QUALIFICATION, qualification);
        put(IDT_VECTORING_INFORMATION, 0);
        vmx.controls.load(vmx.vmcs());
        loadHostState();
    }

    // Recording

    private void record() {
        ExitInformation exit = vmx.exit;
        boolean busLock = exit.reason == ExitReason.BUS_LOCK;
        put(EXIT_REASON, exit.reason.number() | (busLock ? ExitReason.BUS_LOCK_ASSERTED : 0));
        put(EXIT_QUALIFICATION, exit.qualification);
        put(EXIT_INTERRUPTION_INFORMATION, exit.interruption);
        put(EXIT_INTERRUPTION_ERROR_CODE, exit.errorCode & 0xFFFF_FFFFL);
        put(EXIT_INSTRUCTION_INFORMATION, exit.instructionInformation);
        put(GUEST_LINEAR_ADDRESS, exit.guestLinear);
        put(GUEST_PHYSICAL_ADDRESS, exit.guestPhysical);
        put(
                ENTRY_INTERRUPTION_INFORMATION,
                get(ENTRY_INTERRUPTION_INFORMATION) & ~InterruptionInformation.VALID);
        int length = exit.instructionLength;
        boolean vectoring = vmx.delivering().isPresent() && !exit.dropsVectoring;
        put(IDT_VECTORING_INFORMATION, 0);
        if (vectoring) {
            Delivering event = vmx.delivering().get();
            put(IDT_VECTORING_INFORMATION, event.information().toLong());
            put(IDT_VECTORING_ERROR_CODE, Math.max(event.errorCode(), 0));
            length = Math.max(length, event.instructionLength());
        }
        put(EXIT_INSTRUCTION_LENGTH, length);
    }

    // SDM Vol. 3C, "Saving Guest State"

    private void saveRegisters() {
        put(GUEST_CR0, cpu.cr0);
        put(GUEST_CR3, cpu.cr3);
        put(GUEST_CR4, cpu.cr4);
        if (vmx.on(ExitControl.SAVE_DEBUG_CONTROLS)) {
            put(GUEST_DR7, cpu.debug.dr7());
            put(GUEST_DEBUGCTL, cpu.msrs.read(Msr.IA32_DEBUGCTL.number()));
        }
        put(GUEST_SYSENTER_CS, cpu.msrs.sysenterCs());
        put(GUEST_SYSENTER_ESP, cpu.msrs.sysenterEsp());
        put(GUEST_SYSENTER_EIP, cpu.msrs.sysenterEip());
        if (vmx.on(ExitControl.SAVE_PAT)) {
            put(GUEST_PAT, cpu.msrs.read(Msr.IA32_PAT.number()));
        }
        if (vmx.on(ExitControl.SAVE_EFER)) {
            put(GUEST_EFER, cpu.efer);
        }
        put(GUEST_RSP, cpu.get64(Cpu.RSP));
        put(GUEST_RIP, cpu.rip());
        long flags = cpu.rflags();
        put(
                GUEST_RFLAGS,
                switch (vmx.exit.resumeFlag) {
                    case UNCHANGED -> flags;
                    case CLEAR -> flags & ~RFlags.RF;
                    case SET -> flags | RFlags.RF;
                });
        long mode = EntryControl.IA_32E_MODE_GUEST.mask();
        long entry = get(ENTRY_CONTROLS);
        put(ENTRY_CONTROLS, cpu.isLongMode() ? entry | mode : entry & ~mode);
    }

    private void saveSegments() {
        for (int i = 0; i < SEGMENTS; i++) {
            saveSegment(cpu.segments[i], i);
        }
        saveSegment(cpu.ldtr, SEGMENTS);
        saveSegment(cpu.tr, SEGMENTS + 1);
        int rights = cpu.segments[Insn.SS].rights & ~(3 << 5) | cpu.cpl << 5;
        put(GUEST_SS_ACCESS_RIGHTS, rights & 0xFFFF_FFFFL);
        put(GUEST_GDTR_BASE, cpu.gdtr.base);
        put(GUEST_GDTR_LIMIT, cpu.gdtr.limit);
        put(GUEST_IDTR_BASE, cpu.idtr.base);
        put(GUEST_IDTR_LIMIT, cpu.idtr.limit);
    }

    /// @param number 0 to 7: ES CS SS DS FS GS LDTR TR
    private void saveSegment(Segment segment, int number) {
        put(GUEST_ES_SELECTOR.plus(number), segment.selector);
        put(GUEST_ES_BASE.plus(number), segment.base);
        put(GUEST_ES_LIMIT.plus(number), segment.limit);
        put(GUEST_ES_ACCESS_RIGHTS.plus(number), segment.rights);
    }

    private void saveNonRegisterState() {
        put(GUEST_ACTIVITY_STATE, cpu.activity.ordinal());
        long blocking = cpu.heldBack;
        blocking |= cpu.blockedBySti ? Interruptibility.STI : 0;
        blocking |= cpu.blockedByMovSs ? Interruptibility.MOV_SS : 0;
        blocking |= cpu.nmiBlocked ? Interruptibility.NMI : 0;
        put(GUEST_INTERRUPTIBILITY_STATE, blocking);
        put(GUEST_PENDING_DEBUG_EXCEPTIONS, pendingDebug());
        if (vmx.on(SecondaryControl.ENABLE_EPT)) {
            for (int i = 0; i < PDPTES; i++) {
                put(GUEST_PDPTE0.plus(i), cpu.pdpte[i]);
            }
        }
    }

    /// Traps that the last instruction has left behind. An instruction that exits itself has left
    /// none.
    private long pendingDebug() {
        long pending = vmx.exit.resumeFlag == ResumeFlag.UNCHANGED ? cpu.debug.pending() : 0;
        long breakpoints = pending & PendingDebug.BREAKPOINTS;
        return pending & PendingDebug.BS
                | breakpoints
                | (breakpoints != 0 ? PendingDebug.ENABLED_BREAKPOINT : 0);
    }

    // SDM Vol. 3C, "Loading Host State"

    private void loadHostState() {
        boolean wide = vmx.on(ExitControl.HOST_ADDRESS_SPACE_SIZE);
        boolean wasLong = cpu.isLongMode() && vmx.isNonRoot();
        vmx.leaveGuest();
        // What a VM exit reads must still be as VM entry has checked it.
        vmx.controls.load(vmx.vmcs());
        if (wasLong && !wide) {
            abort(VmxAbort.NOT_64_BIT_HOST, Optional.empty());
            return;
        }
        loadControlRegisters(wide);
        if (!loadMsrs(wide)) {
            abort(VmxAbort.VMCS_CORRUPTED, Optional.empty());
            return;
        }
        loadSegments(wide);
        cpu.set64(Cpu.RSP, get(HOST_RSP));
        cpu.rip(get(HOST_RIP));
        cpu.rflags(RFlags.FIXED);
        if (!wide && (cpu.cr4 & ControlBits.CR4_PAE) != 0 && !loadPdptes()) {
            abort(VmxAbort.HOST_PDPTES, Optional.empty());
            return;
        }
        cpu.activity = Activity.ACTIVE;
        cpu.blockedBySti = false;
        cpu.blockedByMovSs = false;
        cpu.heldBack = 0;
        cpu.betweenIterations = false;
        cpu.debug.clearPending();
        cpu.debug.endStep();
        cpu.monitored.disarm();
        cpu.mmu.switchTo(cpu.controls.spaceTag());
        cpu.stateChanged();
        long failed =
                MsrAreas.load(
                        vmx.facts,
                        get(EXIT_MSR_LOAD_ADDRESS),
                        get(EXIT_MSR_LOAD_COUNT),
                        vmx.capabilities.maxMsrList(),
                        vmx.facts);
        vmx.controls.clear();
        if (failed != MsrAreas.DONE) {
            Explanation why =
                    MsrAreas.loadFailure(
                            vmx.facts,
                            get(EXIT_MSR_LOAD_ADDRESS),
                            failed,
                            vmx.capabilities.maxMsrList(),
                            vmx.facts);
            abort(VmxAbort.LOADING_HOST_MSRS, Optional.of(why));
            return;
        }
        vmx.exited();
    }

    /// Bits that VMX operation fixes stay as they must be whatever the VMCS says.
    private void loadControlRegisters(boolean wide) {
        long cr0 =
                cpu.cr0 & VmEntry.CR0_UNMODIFIED
                        | get(HOST_CR0) & 0xFFFF_FFFFL & ~VmEntry.CR0_UNMODIFIED;
        cpu.cr0 = cr0 | VmxCapabilities.CR0_FIXED0;
        cpu.cr3 = get(HOST_CR3);
        long cr4 = get(HOST_CR4) & vmx.capabilities.cr4Fixed1() | VmxCapabilities.CR4_FIXED0;
        cpu.cr4 = wide ? cr4 | ControlBits.CR4_PAE : cr4 & ~ControlBits.CR4_PCIDE;
        VmEntry.setDr7(cpu, 0);
        long both = ControlBits.EFER_LME | ControlBits.EFER_LMA;
        long efer =
                vmx.on(ExitControl.LOAD_EFER)
                        ? get(HOST_EFER) & cpu.controls.eferDefined()
                        : cpu.efer;
        cpu.efer = wide ? efer | both : efer & ~both;
    }

    private boolean loadMsrs(boolean wide) {
        ProcessorView msrs = vmx.facts;
        boolean loaded =
                msrs.write(Msr.IA32_DEBUGCTL.number(), 0)
                        && msrs.write(Msr.IA32_SYSENTER_CS.number(), get(HOST_SYSENTER_CS))
                        && msrs.write(Msr.IA32_SYSENTER_ESP.number(), get(HOST_SYSENTER_ESP))
                        && msrs.write(Msr.IA32_SYSENTER_EIP.number(), get(HOST_SYSENTER_EIP));
        if (vmx.on(ExitControl.LOAD_PAT)) {
            loaded &= msrs.write(Msr.IA32_PAT.number(), get(HOST_PAT));
        }
        return loaded && (!wide || get(HOST_RIP) << 16 >> 16 == get(HOST_RIP));
    }

    private void loadSegments(boolean wide) {
        for (int i = 0; i < SEGMENTS; i++) {
            int selector = (int) get(HOST_ES_SELECTOR.plus(i));
            if (i == Insn.CS) {
                int size = wide ? Segment.LONG : Segment.BIG;
                cpu.segments[i].set(selector, 0, FOUR_GIB_LIMIT, CODE_RIGHTS | size);
            } else if (selector == 0) {
                cpu.segments[i].setNull(0);
            } else {
                cpu.segments[i].set(selector, 0, FOUR_GIB_LIMIT, DATA_RIGHTS);
            }
        }
        cpu.segments[Insn.FS].base = get(HOST_FS_BASE);
        cpu.segments[Insn.GS].base = get(HOST_GS_BASE);
        cpu.tr.set((int) get(HOST_TR_SELECTOR), get(HOST_TR_BASE), TSS_LIMIT, TSS_RIGHTS);
        cpu.ldtr.setNull(0);
        cpu.gdtr.set(get(HOST_GDTR_BASE), 0xFFFF);
        cpu.idtr.set(get(HOST_IDTR_BASE), 0xFFFF);
        cpu.cpl = 0;
    }

    private boolean loadPdptes() {
        long reserved = PDPTE_RESERVED | -(1L << cpu.features.physicalAddressBits());
        for (int i = 0; i < PDPTES; i++) {
            long entry = cpu.mmu.readPhysical((cpu.cr3 & 0xFFFF_FFE0L) + 8 * i, 8);
            if ((entry & 1) != 0 && (entry & reserved) != 0) {
                return false;
            }
            cpu.pdpte[i] = entry;
        }
        return true;
    }

    /// SDM Vol. 3C, "VMX Aborts": the processor shuts down until RESET.
    private void abort(VmxAbort abort, Optional<Explanation> why) {
        vmx.watch.aborting(abort, why);
        vmx.vmcs().abort(abort.indicator());
        vmx.leaveGuest();
        // Nothing but RESET ends this shutdown.
        cpu.nmiBlocked = true;
        cpu.delivery.shutDown(
                "VMX abort: " + abort.title() + why.map(": %s"::formatted).orElse(""));
    }
}
