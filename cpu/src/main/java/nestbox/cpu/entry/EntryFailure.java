package nestbox.cpu.entry;

/// Why a VM entry failed, for the user who wonders.
///
/// @param value of the field that the rule blames
/// @param accepted what would have been right
public record EntryFailure(EntryRule rule, long value, String accepted) {
    @Override
    public String toString() {
        return "%s = 0x%X; accepted: %s (rule %s; SDM Vol. 3C, \"%s\")"
                .formatted(rule.field(), value, accepted, rule.id(), rule.section());
    }
}
