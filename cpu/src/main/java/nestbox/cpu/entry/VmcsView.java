package nestbox.cpu.entry;

import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.Optional;

/// The fields of a VMCS, to read.
public interface VmcsView {
    /// The field, zero-extended; 0 if this VMCS doesn't have it.
    long read(VmcsField field);

    /// Whether a control is in force: it is 1, and so is the control that activates its word.
    default boolean isSet(VmxControl control) {
        if ((read(control.word().field()) & control.mask()) == 0) {
            return false;
        }
        Optional<VmxControl> activation = control.word().activation();
        return activation.isEmpty() || isSet(activation.get());
    }
}
