package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.VmcsView;
import nestbox.x86.vmx.VmcsField;

/// Some fields of the VMCS that was current, for when another one is.
final class Snapshot implements VmcsView {
    private static final int FIELDS = VmcsField.values().length;

    private final long[] values = new long[FIELDS];

    static Snapshot of(VmxRoot root, VmcsField... fields) {
        Snapshot snapshot = new Snapshot();
        for (VmcsField field : fields) {
            snapshot.values[field.ordinal()] = root.vmread(field);
        }
        return snapshot;
    }

    /// @return 0 for fields that weren't taken
    @Override
    public long read(VmcsField field) {
        return values[field.ordinal()];
    }
}
