package nestbox.cpu.entry;

import nestbox.platform.trace.TraceField;

import java.util.List;

/// Why a VM entry failed, for the user who wonders.
///
/// @param value of the field that the rule blames
/// @param accepted what would have been right
public record EntryFailure(EntryRule rule, long value, String accepted) implements Explanation {
    @Override
    public List<TraceField> fields() {
        return List.of(
                new TraceField.Text("rule", rule.id()),
                new TraceField.Text("field", rule.field().name()),
                new TraceField.Bits("value", value),
                new TraceField.Text("accepted", accepted),
                new TraceField.Text("section", rule.section()));
    }

    @Override
    public String toString() {
        return "%s = 0x%X; accepted: %s (rule %s; SDM Vol. 3C, \"%s\")"
                .formatted(rule.field(), value, accepted, rule.id(), rule.section());
    }
}
