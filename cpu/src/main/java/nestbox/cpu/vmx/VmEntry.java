package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.DebugRegisters;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Segment;
import nestbox.cpu.entry.EntryFailure;
import nestbox.cpu.entry.EntryState;
import nestbox.cpu.entry.Explanation;
import nestbox.cpu.entry.GuestStateRules;
import nestbox.cpu.entry.MsrAreas;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.VmcsField;

import java.util.Optional;

/// VM entry from the check of the guest state on. SDM Vol. 3C, "VM Entries".
final class VmEntry {
    /// Bits of CR0 that VM entries and VM exits leave alone: ET, NW, CD and reserved ones.
    static final long CR0_UNMODIFIED = 0x7FFA_FFD0L;

    private static final int SEGMENTS = 6;
    private static final int PDPTES = 4;
    private static final Activity[] ACTIVITIES = Activity.values();

    private final Vmx vmx;
    private final Cpu cpu;

    VmEntry(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    private long get(VmcsField field) {
        return vmx.vmcs().read(field);
    }

    /// Checks and loads the guest state, then goes on as the guest.
    void enter() {
        vmx.counts.entered();
        EntryState state = EntryState.of(vmx.vmcs(), vmx.facts);
        Optional<EntryFailure> failure = vmx.passed.guestState(vmx.vmcs(), state);
        if (failure.isPresent()) {
            int qualification = failure.get().rule().qualification().number();
            fail(ExitReason.INVALID_GUEST_STATE, qualification, failure.get());
            return;
        }
        cpu.monitored.disarm();
        loadPdptes(state);
        loadRegisters(state);
        long failed =
                MsrAreas.load(
                        vmx.facts,
                        get(ENTRY_MSR_LOAD_ADDRESS),
                        get(ENTRY_MSR_LOAD_COUNT),
                        vmx.capabilities.maxMsrList(),
                        vmx.facts);
        if (failed != MsrAreas.DONE) {
            fail(ExitReason.MSR_LOADING, failed, msrFailure(failed));
            return;
        }
        vmx.watch.entering(!vmx.vmcs().isLaunched());
        vmx.vmcs().launched(vmx.operation());
        vmx.enterGuest();
        cpu.mmu.switchTo(cpu.controls.spaceTag());
        loadNonRegisterState();
        cpu.stateChanged();
        vmx.time.start();
        inject();
    }

    private void fail(ExitReason reason, long qualification, Explanation why) {
        vmx.entryFailed(FailedEntry.of(reason, why));
        vmx.vmExit().entryFailure(reason, qualification);
    }

    private Explanation msrFailure(long number) {
        return MsrAreas.loadFailure(
                vmx.facts,
                get(ENTRY_MSR_LOAD_ADDRESS),
                number,
                vmx.capabilities.maxMsrList(),
                vmx.facts);
    }

    // SDM Vol. 3C, "Loading Guest State"

    private void loadRegisters(EntryState state) {
        cpu.cr0 = cpu.cr0 & CR0_UNMODIFIED | get(GUEST_CR0) & ~CR0_UNMODIFIED;
        cpu.cr3 = get(GUEST_CR3);
        cpu.cr4 = get(GUEST_CR4);
        loadEfer(state);
        if (state.on(EntryControl.LOAD_DEBUG_CONTROLS)) {
            setDr7(cpu, get(GUEST_DR7));
            cpu.msrs.write(Msr.IA32_DEBUGCTL.number(), get(GUEST_DEBUGCTL));
        }
        cpu.msrs.write(Msr.IA32_SYSENTER_CS.number(), get(GUEST_SYSENTER_CS));
        cpu.msrs.write(Msr.IA32_SYSENTER_ESP.number(), get(GUEST_SYSENTER_ESP));
        cpu.msrs.write(Msr.IA32_SYSENTER_EIP.number(), get(GUEST_SYSENTER_EIP));
        if (state.on(EntryControl.LOAD_PAT)) {
            cpu.msrs.write(Msr.IA32_PAT.number(), get(GUEST_PAT));
        }
        for (int i = 0; i < SEGMENTS; i++) {
            loadSegment(cpu.segments[i], i);
        }
        loadSegment(cpu.ldtr, SEGMENTS);
        loadSegment(cpu.tr, SEGMENTS + 1);
        cpu.gdtr.set(get(GUEST_GDTR_BASE), (int) get(GUEST_GDTR_LIMIT));
        cpu.idtr.set(get(GUEST_IDTR_BASE), (int) get(GUEST_IDTR_LIMIT));
        cpu.set64(Cpu.RSP, get(GUEST_RSP));
        cpu.rip(get(GUEST_RIP));
        cpu.cpl = cpu.segments[Insn.SS].dpl();
        cpu.rflags(get(GUEST_RFLAGS));
    }

    /// Sets DR7, which costs all cached translations, if it changes.
    static void setDr7(Cpu cpu, long value) {
        if (DebugRegisters.dr7Of(value) != cpu.debug.dr7()) {
            cpu.debug.dr7(value);
        }
    }

    private void loadEfer(EntryState state) {
        if (state.on(EntryControl.LOAD_EFER)) {
            cpu.efer = get(GUEST_EFER);
            return;
        }
        boolean longMode = state.on(EntryControl.IA_32E_MODE_GUEST);
        long efer = cpu.efer & ~ControlBits.EFER_LMA;
        if ((cpu.cr0 & ControlBits.CR0_PG) != 0) {
            efer &= ~ControlBits.EFER_LME;
        }
        cpu.efer = longMode ? efer | ControlBits.EFER_LMA | ControlBits.EFER_LME : efer;
    }

    /// @param number 0 to 7: ES CS SS DS FS GS LDTR TR
    private void loadSegment(Segment segment, int number) {
        int rights = (int) get(GUEST_ES_ACCESS_RIGHTS.plus(number));
        if (!AccessRights.isUsable(rights)) {
            // What is left of SS is the privilege level; bases count even now.
            rights &= Segment.UNUSABLE | 3 << 5;
        }
        segment.set(
                (int) get(GUEST_ES_SELECTOR.plus(number)),
                get(GUEST_ES_BASE.plus(number)),
                get(GUEST_ES_LIMIT.plus(number)),
                rights);
    }

    private void loadPdptes(EntryState state) {
        for (int i = 0; i < PDPTES && GuestStateRules.usesPdptes(state); i++) {
            cpu.pdpte[i] = GuestStateRules.pdpte(state, i);
        }
    }

    private void loadNonRegisterState() {
        cpu.activity = ACTIVITIES[(int) get(GUEST_ACTIVITY_STATE)];
        long blocking = get(GUEST_INTERRUPTIBILITY_STATE);
        cpu.blockedBySti = (blocking & Interruptibility.STI) != 0;
        cpu.blockedByMovSs = (blocking & Interruptibility.MOV_SS) != 0;
        cpu.nmiBlocked = (blocking & Interruptibility.NMI) != 0;
        cpu.heldBack = 0;
        cpu.betweenIterations = false;
        cpu.debug.clearPending();
        long debug = get(GUEST_PENDING_DEBUG_EXCEPTIONS);
        if ((debug & PendingDebug.ENABLED_BREAKPOINT) != 0) {
            cpu.debug.addPending(debug & PendingDebug.BREAKPOINTS);
        }
        if ((debug & PendingDebug.BS) != 0) {
            cpu.debug.addPending(DebugRegisters.DR6_BS | debug & PendingDebug.BREAKPOINTS);
        }
    }

    /// SDM Vol. 3C, "Event Injection".
    private void inject() {
        InterruptionInformation event =
                InterruptionInformation.of(get(ENTRY_INTERRUPTION_INFORMATION));
        if (!event.valid()) {
            vmx.events.entered();
            return;
        }
        boolean resume = (cpu.rflags() & RFlags.RF) != 0;
        int code = event.errorCodeValid() ? (int) get(ENTRY_EXCEPTION_ERROR_CODE) : -1;
        int length = event.type().isSoftware() ? (int) get(ENTRY_INSTRUCTION_LENGTH) : 0;
        switch (event.type()) {
            case OTHER_EVENT -> vmx.events.monitorTrap();
            case NMI,
                    EXTERNAL_INTERRUPT,
                    HARDWARE_EXCEPTION,
                    SOFTWARE_INTERRUPT,
                    PRIVILEGED_SOFTWARE_EXCEPTION,
                    SOFTWARE_EXCEPTION -> {
                boolean nmi = event.type() == InterruptionType.NMI;
                cpu.nmiBlocked |= nmi;
                // The event ends what held back others, and what was pending.
                cpu.blockedBySti = false;
                cpu.blockedByMovSs = false;
                vmx.beginInjection();
                // An injected page fault leaves CR2 as it is.
                cpu.faultAddress = cpu.cr2;
                cpu.delivery.deliver(
                        new Delivering(event.type(), event.vector(), code, length, resume));
                vmx.events.delivered();
            }
            case RESERVED -> throw new IllegalStateException("the entry checks refuse it");
        }
        vmx.events.entered();
    }
}
