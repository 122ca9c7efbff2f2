package nestbox.cpu.vmx;

import nestbox.cpu.entry.EntryChecks;
import nestbox.cpu.entry.EntryFailure;
import nestbox.cpu.entry.EntryRule;
import nestbox.cpu.entry.EntryState;
import nestbox.cpu.entry.ProcessorFacts;
import nestbox.cpu.vmx.VmcsLayout.Group;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Remembers the contents with which a VM entry last passed its checks, so that the rules aren't
/// asked about the same contents again.
///
/// It compares the contents themselves: whoever wrote to the region, and however, the rules are
/// asked again when something is different.
final class PassedChecks {
    /// The rules that a guest's own doings can break.
    private static final List<EntryRule> CHANGING =
            EntryChecks.guestRules(field -> Group.of(field) == Group.CHANGING);

    /// How many VMCSs are remembered: a hypervisor that runs a nested guest goes back and forth
    /// between two.
    private static final int MOST = 2;

    private final VmcsLayout layout;
    private final ProcessorFacts facts;

    /// The one that was used last comes first.
    private final Passed[] remembered = new Passed[MOST];

    /// What one VMCS has passed with.
    private final class Passed {
        private final MemorySegment[] images = new MemorySegment[Group.CHANGING.ordinal()];
        private long vmcs;

        /// What decides besides the contents.
        private boolean longMode;

        private boolean virtual8086;
        private boolean controlsPassed;
        private boolean guestPassed;

        Passed() {
            for (int i = 0; i < images.length; i++) {
                Group group = Group.values()[i];
                int length = layout.end(group) - layout.start(group);
                images[i] = MemorySegment.ofArray(new byte[length]);
            }
        }

        private boolean isSame(Vmcs of, Group group) {
            return contents(of, group).mismatch(images[group.ordinal()]) < 0;
        }

        private void keep(Vmcs of, Group group) {
            images[group.ordinal()].copyFrom(contents(of, group));
        }

        Optional<EntryFailure> controlsAndHost(Vmcs of) {
            boolean known =
                    controlsPassed
                            && vmcs == of.address()
                            && longMode == facts.isLongMode()
                            && isSame(of, Group.CONTROL_AND_HOST);
            if (known) {
                return Optional.empty();
            }
            EntryState state = EntryState.of(of, facts);
            Optional<EntryFailure> failure = EntryChecks.controlsAndHost(state);
            controlsPassed = failure.isEmpty() && dependsOnNothingElse(state);
            // Rules about guest state depend on controls as well.
            guestPassed = false;
            vmcs = of.address();
            longMode = facts.isLongMode();
            keep(of, Group.CONTROL_AND_HOST);
            return failure;
        }

        Optional<EntryFailure> guestState(Vmcs of, EntryState state) {
            boolean isVirtual8086 = (of.read(VmcsField.GUEST_RFLAGS) & RFlags.VM) != 0;
            boolean known =
                    guestPassed
                            && virtual8086 == isVirtual8086
                            && isSame(of, Group.GUEST_CONFIGURATION);
            if (known) {
                return EntryChecks.firstFailure(CHANGING, state);
            }
            Optional<EntryFailure> failure = EntryChecks.guestState(state);
            guestPassed = controlsPassed && failure.isEmpty();
            virtual8086 = isVirtual8086;
            keep(of, Group.GUEST_CONFIGURATION);
            return failure;
        }
    }

    PassedChecks(VmcsLayout layout, ProcessorFacts facts) {
        this.layout = layout;
        this.facts = facts;
        Arrays.setAll(remembered, i -> new Passed());
    }

    private MemorySegment contents(Vmcs of, Group group) {
        return of.contents(layout.start(group), layout.end(group));
    }

    /// What is remembered of a VMCS, or what was used longest ago, in its place.
    private Passed of(Vmcs vmcs) {
        int i = 0;
        while (i < MOST - 1 && remembered[i].vmcs != vmcs.address()) {
            i++;
        }
        Passed found = remembered[i];
        System.arraycopy(remembered, 0, remembered, 1, i);
        remembered[0] = found;
        return found;
    }

    /// The checks on controls and host state.
    ///
    /// @return the first rule that is broken
    Optional<EntryFailure> controlsAndHost(Vmcs vmcs) {
        return of(vmcs).controlsAndHost(vmcs);
    }

    /// An event to inject depends on guest state, and the TPR threshold on memory.
    private static boolean dependsOnNothingElse(EntryState state) {
        boolean threshold =
                state.on(PrimaryControl.USE_TPR_SHADOW)
                        && state.off(SecondaryControl.VIRTUALIZE_APIC_ACCESSES)
                        && state.off(SecondaryControl.VIRTUAL_INTERRUPT_DELIVERY);
        return !threshold && !state.injects();
    }

    /// The checks on guest state, after those on controls.
    ///
    /// @return the first rule that is broken
    Optional<EntryFailure> guestState(Vmcs vmcs, EntryState state) {
        return of(vmcs).guestState(vmcs, state);
    }
}
