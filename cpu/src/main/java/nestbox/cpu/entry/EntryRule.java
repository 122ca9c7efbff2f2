package nestbox.cpu.entry;

import nestbox.x86.vmx.EntryFailureQualification;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;

import java.util.function.Function;
import java.util.function.Predicate;

/// One of the conditions that a VMCS must meet for a VM entry to succeed. SDM Vol. 3C, "VM
/// Entries".
///
/// Rules are data, so that the entry can say which one failed, tests can insist on a sample of
/// each, and users can read the list.
///
/// @param id names the rule for users and tests: stage, subject, condition
/// @param stage when it is checked and what a failure leads to
/// @param section of the manual that has it
/// @param field that is blamed
/// @param qualification of the VM exit, where the stage leads to one
/// @param holds the condition
/// @param accepted what would have been right, in words
public record EntryRule(
        String id,
        Stage stage,
        String section,
        VmcsField field,
        EntryFailureQualification qualification,
        Predicate<EntryState> holds,
        Function<EntryState, String> accepted) {
    /// The manual's order of checks.
    public enum Stage {
        CONTROLS,
        HOST_STATE,
        GUEST_STATE;

        /// What the instruction fails with. A failure of guest state is a VM exit instead.
        public VmInstructionError error() {
            return switch (this) {
                case CONTROLS -> VmInstructionError.ENTRY_INVALID_CONTROL;
                case HOST_STATE -> VmInstructionError.ENTRY_INVALID_HOST_STATE;
                case GUEST_STATE -> throw new IllegalStateException("not a VMfail");
            };
        }
    }

    EntryFailure failure(EntryState state) {
        return new EntryFailure(this, state.get(field), accepted.apply(state));
    }
}
