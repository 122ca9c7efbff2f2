package nestbox.hypervisor.nested;

import nestbox.x86.vmx.VmcsField;

import java.util.Arrays;

/// Where the fields of a VMCS12 are in L1's memory, while it isn't cached: the layout with which
/// revision 0x15407E12 was introduced by ACRN, and behind it the fields that this one lacks.
///
/// Software can't rely on it; it is the same so that the tools that read dumps find their fields.
final class Vmcs12Layout {
    /// Byte offset of the launch state, a doubleword.
    static final int LAUNCH_STATE = 8;

    /// How much of a region is used.
    static final int SIZE;

    private static final int EXTENSION = 952;
    private static final int SLOT = 8;

    /// Its place in the order of the guest's 32-bit fields is taken by the host's.
    private static final int PREEMPTION_TIMER = 576;

    /// First offset and number of fields by width, and in it by area: those whose place is where
    /// their index says.
    private static final int[][][] GROUPS = {
        {{12, 3}, {0, 0}, {20, 10}, {40, 7}},
        {{56, 26}, {264, 1}, {272, 11}, {360, 3}},
        {{384, 18}, {456, 8}, {488, 22}, {580, 1}},
        {{584, 8}, {648, 6}, {696, 20}, {856, 12}}
    };

    private static final int[] OFFSETS = new int[VmcsField.values().length];

    static {
        int next = EXTENSION;
        for (VmcsField field : VmcsField.values()) {
            int[] group = GROUPS[field.width().ordinal()][field.area().ordinal()];
            if (field == VmcsField.PREEMPTION_TIMER_VALUE) {
                OFFSETS[field.ordinal()] = PREEMPTION_TIMER;
            } else if (field.index() < group[1]) {
                OFFSETS[field.ordinal()] = group[0] + field.index() * field.width().bytes();
            } else {
                OFFSETS[field.ordinal()] = next;
                next += SLOT;
            }
        }
        SIZE = next;
    }

    private Vmcs12Layout() {}

    static int offset(VmcsField field) {
        return OFFSETS[field.ordinal()];
    }

    static int[] offsets() {
        return Arrays.copyOf(OFFSETS, OFFSETS.length);
    }
}
