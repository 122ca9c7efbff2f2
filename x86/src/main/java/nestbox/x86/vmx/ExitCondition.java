package nestbox.x86.vmx;

import java.util.List;

/// When an event in VMX non-root operation causes a VM exit, as far as the VMCS decides it. SDM
/// Vol. 3C, "Instructions That Cause VM Exits" and "Other Causes of VM Exits".
///
/// The processor asks it of the current VMCS; a hypervisor that runs nested guests asks it of its
/// guest's VMCS.
public sealed interface ExitCondition {
    /// The event always exits, or is itself defined as an exit.
    record Always() implements ExitCondition {}

    /// It exits when all of these controls are 1.
    record AllOf(List<VmxControl> controls) implements ExitCondition {}

    /// It exits when one of these controls is 1.
    record AnyOf(List<VmxControl> controls) implements ExitCondition {}

    /// Details of the event decide, by these fields: bitmaps, masks, several controls together.
    record Consult(List<VmcsField> fields) implements ExitCondition {}

    static ExitCondition always() {
        return new Always();
    }

    static ExitCondition allOf(VmxControl... controls) {
        return new AllOf(List.of(controls));
    }

    static ExitCondition anyOf(VmxControl... controls) {
        return new AnyOf(List.of(controls));
    }

    static ExitCondition consult(VmcsField... fields) {
        return new Consult(List.of(fields));
    }
}
