package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.VmcsView;
import nestbox.x86.vmx.VmcsField;

/// A VMCS as L1 has set it up, while VMCS02 is current and has borrowed fields of it.
///
/// @param vmcs for what VMCS02 doesn't share
record View12(VmxRoot root, Vmcs12 vmcs) implements VmcsView {
    @Override
    public long read(VmcsField field) {
        return switch (MergeRule.of(field).place()) {
            case SHARED -> root.vmread(field);
            case LENT, KEPT -> vmcs.read(field);
            case ABSENT -> 0;
        };
    }
}
