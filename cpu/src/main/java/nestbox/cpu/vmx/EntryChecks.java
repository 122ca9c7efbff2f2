package nestbox.cpu.vmx;

import nestbox.cpu.vmx.VmcsLayout.Group;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The checks of VM entry, in the manual's order. SDM Vol. 3C, "VM Entries".
public final class EntryChecks {
    private static final List<EntryRule> BEFORE_GUEST = beforeGuest();
    private static final List<EntryRule> GUEST = guest();

    /// Those of them that look at what a guest changes all the time.
    private static final List<EntryRule> CHANGING_GUEST = List.copyOf(changingGuest());

    private EntryChecks() {}

    private static List<EntryRule> beforeGuest() {
        List<EntryRule> rules = new ArrayList<>();
        rules.addAll(ExecutionControlRules.rules());
        rules.addAll(ExitEntryControlRules.rules());
        rules.addAll(HostRules.rules());
        return List.copyOf(rules);
    }

    private static List<EntryRule> guest() {
        List<EntryRule> rules = new ArrayList<>();
        rules.addAll(GuestRegisterRules.rules());
        rules.addAll(GuestSegmentRules.rules());
        rules.addAll(GuestStateRules.rules());
        return List.copyOf(rules);
    }

    private static List<EntryRule> changingGuest() {
        List<EntryRule> rules = new ArrayList<>(GuestStateRules.rules());
        for (EntryRule rule : GuestRegisterRules.rules()) {
            if (Group.of(rule.field()) == Group.CHANGING) {
                rules.add(rule);
            }
        }
        return rules;
    }

    /// Every rule.
    public static List<EntryRule> all() {
        List<EntryRule> rules = new ArrayList<>(BEFORE_GUEST);
        rules.addAll(GUEST);
        return rules;
    }

    /// The checks on controls and host state, whose failure the instruction reports.
    ///
    /// @return the first rule that is broken
    public static Optional<EntryFailure> controlsAndHost(EntryState state) {
        return firstFailure(BEFORE_GUEST, state);
    }

    /// The checks on guest state, whose failure is a VM exit.
    public static Optional<EntryFailure> guestState(EntryState state) {
        return firstFailure(GUEST, state);
    }

    /// The checks on guest state, but for those on fields of [Group#GUEST_CONFIGURATION] that have
    /// passed with the same contents before.
    static Optional<EntryFailure> changingGuestState(EntryState state) {
        return firstFailure(CHANGING_GUEST, state);
    }

    /// All checks.
    public static Optional<EntryFailure> firstFailure(EntryState state) {
        return controlsAndHost(state).or(() -> guestState(state));
    }

    private static Optional<EntryFailure> firstFailure(List<EntryRule> rules, EntryState state) {
        for (int i = 0; i < rules.size(); i++) {
            EntryRule rule = rules.get(i);
            if (!rule.holds().test(state)) {
                return Optional.of(rule.failure(state));
            }
        }
        return Optional.empty();
    }
}
