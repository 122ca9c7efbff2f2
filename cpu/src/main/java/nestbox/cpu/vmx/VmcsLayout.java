package nestbox.cpu.vmx;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Where a processor keeps the fields in a VMCS region: those that it has, widest first, so that
/// each is aligned. The manual leaves this to the processor.
public final class VmcsLayout {
    /// Byte offset of the launch state, one doubleword.
    static final int LAUNCH_STATE = VmcsRegion.DATA;

    private static final int FIRST_FIELD = VmcsRegion.DATA + 8;
    private static final int ABSENT = -1;

    private final int revision;
    private final int[] offsets = new int[VmcsField.values().length];
    private final int end;

    private VmcsLayout(VmxCapabilities capabilities) {
        revision = capabilities.revision();
        Arrays.fill(offsets, ABSENT);
        List<VmcsField> fields =
                capabilities.fields().stream()
                        .sorted(Comparator.comparingInt(field -> -field.width().bytes()))
                        .toList();
        int at = FIRST_FIELD;
        for (VmcsField field : fields) {
            offsets[field.ordinal()] = at;
            at += field.width().bytes();
        }
        end = at;
    }

    public static VmcsLayout of(VmxCapabilities capabilities) {
        return new VmcsLayout(capabilities);
    }

    public int revision() {
        return revision;
    }

    public boolean has(VmcsField field) {
        return offsets[field.ordinal()] != ABSENT;
    }

    /// Byte offset in the region; negative for a field that isn't there.
    int offset(VmcsField field) {
        return offsets[field.ordinal()];
    }

    /// How many bytes of the region are used.
    int end() {
        return end;
    }
}
