package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.EntryChecks;
import nestbox.cpu.entry.EntryFailure;
import nestbox.cpu.entry.EntryState;
import nestbox.cpu.entry.GuestStateRules;
import nestbox.cpu.entry.MsrAreas;
import nestbox.cpu.entry.VmcsView;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.nested.MergeRule.Place;
import nestbox.platform.GuestMemory;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PinControl;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxAbort;
import nestbox.x86.vmx.VmxControl;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;

/// L1's VM entries to L2, and L2's VM exits to L1: what the processor would do with VMCS12. SDM
/// Vol. 3C, "VM Entries" and "VM Exits".
final class Transitions {
    private static final int PDPTES = 4;
    private static final long PAGE_MASK = -GuestMemory.PAGE_SIZE;
    private static final long NO_PAGE = -1;
    private static final VmcsField[] OF_L0 = Merge.ofL0();

    /// The fields of VMCS02 that every VM entry computes.
    private static final VmcsField[] MERGED =
            Arrays.stream(Place.values())
                    .flatMap(place -> MergeRule.fields(place).stream())
                    .filter(Transitions::isMerged)
                    .toArray(VmcsField[]::new);

    private final Operation operation;
    private final Parent parent;
    private final VmxRoot root;
    private final AreaMsrs areaMsrs;
    private final HostState hostState;

    /// Values of [#MERGED], in its order.
    private final long[] merged = new long[MERGED.length];

    /// What the last transition means for the vCPU.
    private Resume outcome = Resume.SAME_INSTRUCTION;

    /// The event that L1 injects hasn't been delivered yet.
    private boolean entryPending;

    Transitions(Operation operation) {
        this.operation = operation;
        parent = operation.parent();
        root = operation.root();
        areaMsrs = new AreaMsrs(parent);
        hostState = new HostState(root, operation.facts());
    }

    // VM entries

    /// VMLAUNCH or VMRESUME, from the checks of the VMCS on. VMCS01 is current; afterwards VMCS02
    /// is, or VMCS01 in L1's host state if the entry failed because of L2's.
    ///
    /// @return how the instruction fails, if it does; VMCS01 is current then
    Optional<VmInstructionError> enter() {
        Vmcs12 vmcs = operation.running();
        long link = vmcs.read(VMCS_LINK_POINTER);
        if (link != vmcs.region()) {
            operation.cache().link(link);
        }
        Snapshot l0 = Snapshot.of(root, OF_L0);
        root.vmptrld(vmcs.page02());
        for (VmcsField field : MergeRule.fields(Place.LENT)) {
            vmcs.write(field, root.vmread(field));
        }
        View12 view = new View12(root, vmcs);
        EntryState state = EntryState.of(view, operation.facts());
        Optional<EntryFailure> failure = EntryChecks.controlsAndHost(state);
        if (failure.isPresent()) {
            root.vmptrld(parent.vmcs01());
            operation.counters().failedEntry();
            return Optional.of(failure.get().rule().stage().error());
        }
        failure = EntryChecks.guestState(state);
        if (failure.isPresent()) {
            fail(ExitReason.INVALID_GUEST_STATE, failure.get().rule().qualification().number(), l0);
            return Optional.empty();
        }
        merge(view, l0, state);
        long failed =
                MsrAreas.load(
                        operation.memory(),
                        vmcs.read(ENTRY_MSR_LOAD_ADDRESS),
                        vmcs.read(ENTRY_MSR_LOAD_COUNT),
                        operation.capabilities().maxMsrList(),
                        areaMsrs);
        if (failed != MsrAreas.DONE) {
            fail(ExitReason.MSR_LOADING, failed, l0);
            return Optional.empty();
        }
        operation.vmcs02().activate(vmcs);
        vmcs.launched(operation.number());
        operation.inL2(true);
        operation.counters().entry();
        entryPending = true;
        outcome = Resume.SAME_INSTRUCTION;
        if (Activity.WAIT_FOR_SIPI.is(root.vmread(GUEST_ACTIVITY_STATE))) {
            // The processor must not wait like that: L0 could not get it out.
            root.vmwrite(EXIT_INSTRUCTION_LENGTH, 0);
            outcome = Resume.BLOCK;
        }
        return Optional.empty();
    }

    /// How the vCPU goes on after [#enter].
    Resume afterEntry() {
        return outcome;
    }

    private void merge(View12 view, Snapshot l0, EntryState state) {
        operation.bitmaps().merge(view);
        Merge merge = new Merge(view, l0, resources(view, state));
        // Nothing is written before everything is read: VMCS02 is where lent fields come from.
        for (int i = 0; i < MERGED.length; i++) {
            merged[i] = merge.value(MERGED[i]);
        }
        for (int i = 0; i < MERGED.length; i++) {
            root.vmwrite(MERGED[i], merged[i]);
        }
        if (!view.isSet(SecondaryControl.ENABLE_VPID)) {
            operation.vpids().crossUntagged();
        }
    }

    private static boolean isMerged(VmcsField field) {
        MergeRule rule = MergeRule.of(field);
        return switch (rule.place()) {
            case LENT -> true;
            case KEPT -> rule != MergeRule.HOST_STATE;
            case SHARED, ABSENT -> false;
        };
    }

    private Merge.Resources resources(VmcsView view, EntryState state) {
        MergedBitmaps bitmaps = operation.bitmaps();
        boolean ept = view.isSet(SecondaryControl.ENABLE_EPT);
        boolean vpid = view.isSet(SecondaryControl.ENABLE_VPID);
        long apicAccess =
                page(view, SecondaryControl.VIRTUALIZE_APIC_ACCESSES, APIC_ACCESS_ADDRESS);
        if (ept) {
            operation.shadowEpt().apicAccess(unmappedApicPage(view), apicAccess);
        }
        return new Merge.Resources(
                bitmaps.ioPageA(),
                bitmaps.ioPageB(),
                bitmaps.msrPage(),
                page(view, PrimaryControl.USE_TPR_SHADOW, VIRTUAL_APIC_ADDRESS),
                apicAccess,
                page(
                        view,
                        PinControl.PROCESS_POSTED_INTERRUPTS,
                        POSTED_INTERRUPT_DESCRIPTOR_ADDRESS),
                ept
                        ? operation.shadowEpt().pointer(view.read(EPT_POINTER))
                        : parent.memory().pointer(),
                vpid
                        ? operation.vpids().of((int) view.read(VIRTUAL_PROCESSOR_IDENTIFIER))
                        : operation.vpids().untagged(),
                pdptes(state),
                root.capabilities().cr4Fixed1() & ~operation.capabilities().cr4Fixed1(),
                parent.hasVirtualApic());
    }

    /// The host's address for one of L1's, with its offset in the page.
    private long page(VmcsView view, VmxControl control, VmcsField field) {
        if (!view.isSet(control)) {
            return 0;
        }
        long address = view.read(field);
        return operation.memory().page(address).orElse(operation.scratchPage())
                + (address & ~PAGE_MASK);
    }

    /// L1's APIC-access page, if EPT01 has no RAM there, so that the shadow has to know it.
    private long unmappedApicPage(VmcsView view) {
        if (!view.isSet(SecondaryControl.VIRTUALIZE_APIC_ACCESSES)) {
            return NO_PAGE;
        }
        long address = view.read(APIC_ACCESS_ADDRESS) & PAGE_MASK;
        OptionalLong page = operation.memory().page(address);
        return page.isPresent() ? NO_PAGE : address;
    }

    private static long[] pdptes(EntryState state) {
        long[] entries = new long[PDPTES];
        for (int i = 0; i < PDPTES && GuestStateRules.usesPdptes(state); i++) {
            entries[i] = GuestStateRules.pdpte(state, i);
        }
        return entries;
    }

    /// SDM Vol. 3C, "VM-Entry Failures During or After Loading Guest State". VMCS02 is current.
    private void fail(ExitReason reason, long qualification, Snapshot l0) {
        operation.counters().failedEntry();
        root.vmwrite(EXIT_REASON, reason.number() | ExitReason.ENTRY_FAILURE & 0xFFFF_FFFFL);
        root.vmwrite(EXIT_QUALIFICATION, qualification);
        root.vmwrite(IDT_VECTORING_INFORMATION, 0);
        Vmcs12 vmcs = operation.running();
        for (VmcsField field : MergeRule.fields(Place.LENT)) {
            root.vmwrite(field, vmcs.read(field));
        }
        outcome = loadL1(l0.read(GUEST_EFER), l0.read(GUEST_PAT), false, true);
    }

    /// The processor refuses a VMCS02 that was made of a VMCS12 without fault.
    Resume entryFailed(ExitReason reason) {
        long qualification = root.vmread(EXIT_QUALIFICATION);
        operation.counters().failedEntry();
        Vmcs12 vmcs = operation.running();
        for (VmcsField field : MergeRule.fields(Place.LENT)) {
            root.vmwrite(field, vmcs.read(field));
        }
        root.vmwrite(EXIT_QUALIFICATION, qualification);
        operation.counters().reflected(reason);
        return loadL1(root.vmread(GUEST_EFER), root.vmread(GUEST_PAT), false, true);
    }

    // VM exits

    /// Whether an event that L1 injects still waits for the processor's VM entry.
    boolean isEntryPending() {
        return entryPending && (int) root.vmread(ENTRY_INTERRUPTION_INFORMATION) < 0;
    }

    /// The processor has entered L2.
    void entered() {
        entryPending = false;
    }

    /// The exit that VMCS02 describes becomes L1's.
    Resume exit(ExitReason reason) {
        operation.counters().reflected(reason);
        Vmcs12 vmcs = operation.running();
        View12 view = new View12(root, vmcs);
        long failed =
                MsrAreas.store(
                        operation.memory(),
                        vmcs.read(EXIT_MSR_STORE_ADDRESS),
                        vmcs.read(EXIT_MSR_STORE_COUNT),
                        operation.capabilities().maxMsrList(),
                        areaMsrs);
        long efer = root.vmread(GUEST_EFER);
        long pat = root.vmread(GUEST_PAT);
        boolean nmi = isNmi();
        boolean blocked = (root.vmread(GUEST_INTERRUPTIBILITY_STATE) & Interruptibility.NMI) != 0;
        boolean nmiBlocked = nmi || blocked && !view.isSet(PinControl.VIRTUAL_NMIS);
        giveBack(vmcs, view);
        if (failed != MsrAreas.DONE) {
            return abort(vmcs, VmxAbort.SAVING_GUEST_MSRS);
        }
        return loadL1(efer, pat, nmiBlocked, false);
    }

    private boolean isNmi() {
        InterruptionInformation event =
                InterruptionInformation.of(root.vmread(EXIT_INTERRUPTION_INFORMATION));
        return ExitReason.of(root.vmread(EXIT_REASON))
                        .filter(reason -> reason == ExitReason.EXCEPTION_OR_NMI)
                        .isPresent()
                && event.type() == InterruptionType.NMI;
    }

    /// Puts L1's values back into VMCS02 where the processor hasn't saved what L1 wants.
    private void giveBack(Vmcs12 vmcs, View12 view) {
        long mode = EntryControl.IA_32E_MODE_GUEST.mask();
        long entry02 = root.vmread(ENTRY_CONTROLS);
        for (VmcsField field : MergeRule.fields(Place.LENT)) {
            if (!Merge.isSaved(field, view)) {
                long value = vmcs.read(field);
                root.vmwrite(
                        field,
                        field == ENTRY_INTERRUPTION_INFORMATION
                                ? value & ~InterruptionInformation.VALID
                                : value);
            }
        }
        vmcs.write(ENTRY_CONTROLS, vmcs.read(ENTRY_CONTROLS) & ~mode | entry02 & mode);
    }

    /// Goes on in L1. VMCS02 is current, with all that L1 is to find in it.
    private Resume loadL1(long efer, long pat, boolean nmiBlocked, boolean entryFailed) {
        Vmcs12 vmcs = operation.running();
        long cr0 = root.vmread(GUEST_CR0);
        operation.vmcs02().deactivate(vmcs);
        operation.inL2(false);
        entryPending = false;
        boolean blockedBefore =
                (root.vmread(GUEST_INTERRUPTIBILITY_STATE) & Interruptibility.NMI) != 0;
        HostState.Left left =
                new HostState.Left(
                        entryFailed ? root.vmread(GUEST_CR0) : cr0,
                        efer,
                        pat,
                        entryFailed ? blockedBefore : nmiBlocked);
        Optional<VmxAbort> abort = hostState.load(vmcs, left);
        if (!vmcs.isSet(SecondaryControl.ENABLE_VPID)) {
            operation.vpids().crossUntagged();
        }
        if (abort.isPresent()) {
            return abort(vmcs, abort.get());
        }
        long failed =
                MsrAreas.load(
                        operation.memory(),
                        vmcs.read(EXIT_MSR_LOAD_ADDRESS),
                        vmcs.read(EXIT_MSR_LOAD_COUNT),
                        operation.capabilities().maxMsrList(),
                        areaMsrs);
        return failed == MsrAreas.DONE
                ? Resume.SAME_INSTRUCTION
                : abort(vmcs, VmxAbort.LOADING_HOST_MSRS);
    }

    /// SDM Vol. 3C, "VMX Aborts".
    private Resume abort(Vmcs12 vmcs, VmxAbort abort) {
        Vmcs12.abort(operation.memory(), vmcs.region(), abort.indicator());
        if (operation.isInL2()) {
            operation.vmcs02().deactivate(vmcs);
            operation.inL2(false);
        }
        return parent.shutDown("VMX abort: " + abort.title());
    }
}
