package nestbox.cpu.entry;

import nestbox.x86.vmx.VmcsField;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// The checks of VM entry, in the manual's order. SDM Vol. 3C, "VM Entries".
public final class EntryChecks {
    private static final List<EntryRule> BEFORE_GUEST = beforeGuest();
    private static final List<EntryRule> GUEST = guest();

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

    /// The rules on guest state that can break when only some fields change: all that aren't about
    /// a single register or segment, and of those the ones whose field may change.
    public static List<EntryRule> guestRules(Predicate<VmcsField> changes) {
        List<EntryRule> rules = new ArrayList<>(GuestStateRules.rules());
        for (EntryRule rule : GuestRegisterRules.rules()) {
            if (changes.test(rule.field())) {
                rules.add(rule);
            }
        }
        return List.copyOf(rules);
    }

    /// All checks.
    public static Optional<EntryFailure> firstFailure(EntryState state) {
        return controlsAndHost(state).or(() -> guestState(state));
    }

    /// The first of some rules that is broken.
    public static Optional<EntryFailure> firstFailure(List<EntryRule> rules, EntryState state) {
        for (int i = 0; i < rules.size(); i++) {
            EntryRule rule = rules.get(i);
            if (!rule.holds().test(state)) {
                return Optional.of(rule.failure(state));
            }
        }
        return Optional.empty();
    }
}
