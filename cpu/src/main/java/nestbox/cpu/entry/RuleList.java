package nestbox.cpu.entry;

import nestbox.x86.vmx.EntryFailureQualification;
import nestbox.x86.vmx.VmcsField;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/// Collects rules of one stage, section by section.
final class RuleList {
    private final EntryRule.Stage stage;
    private final List<EntryRule> rules = new ArrayList<>();
    private String section = "";
    private EntryFailureQualification qualification = EntryFailureQualification.NOT_SPECIFIC;

    RuleList(EntryRule.Stage stage) {
        this.stage = stage;
    }

    /// The rules that follow are from this section of the manual.
    void section(String title) {
        section = title;
        qualification = EntryFailureQualification.NOT_SPECIFIC;
    }

    /// The rules that follow, up to the next section, fail with this exit qualification.
    void qualification(EntryFailureQualification value) {
        qualification = value;
    }

    void rule(
            String id,
            VmcsField field,
            Function<EntryState, String> accepted,
            Predicate<EntryState> holds) {
        rules.add(new EntryRule(id, stage, section, field, qualification, holds, accepted));
    }

    void rule(String id, VmcsField field, String accepted, Predicate<EntryState> holds) {
        rule(id, field, state -> accepted, holds);
    }

    List<EntryRule> rules() {
        return rules;
    }
}
