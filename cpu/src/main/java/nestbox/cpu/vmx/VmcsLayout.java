package nestbox.cpu.vmx;

import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Where a processor keeps the fields in a VMCS region: those that it has, by group, in each the
/// widest first, so that each is aligned. The manual leaves this to the processor.
public final class VmcsLayout {
    /// Fields that the checks of VM entry look at together and that change together or not at all.
    enum Group {
        /// Controls and host state, which a hypervisor sets up once.
        CONTROL_AND_HOST,

        /// Guest state that most guests seldom change between VM exits.
        GUEST_CONFIGURATION,

        /// All else.
        CHANGING;

        static Group of(VmcsField field) {
            return switch (field.area()) {
                case CONTROL, HOST_STATE -> CONTROL_AND_HOST;
                case EXIT_INFORMATION -> CHANGING;
                case GUEST_STATE ->
                        switch (field) {
                            case GUEST_RIP,
                                    GUEST_RSP,
                                    GUEST_RFLAGS,
                                    GUEST_CR3,
                                    GUEST_INTERRUPTIBILITY_STATE,
                                    GUEST_ACTIVITY_STATE,
                                    GUEST_PENDING_DEBUG_EXCEPTIONS,
                                    GUEST_INTERRUPT_STATUS,
                                    PML_INDEX,
                                    PREEMPTION_TIMER_VALUE,
                                    VMCS_LINK_POINTER ->
                                    CHANGING;
                            default -> GUEST_CONFIGURATION;
                        };
            };
        }
    }

    /// Byte offset of the launch state, one doubleword.
    static final int LAUNCH_STATE = VmcsRegion.DATA;

    private static final int FIRST_FIELD = VmcsRegion.DATA + 8;
    private static final int ALIGNMENT = 8;
    private static final int ABSENT = -1;

    private final int revision;
    private final int[] offsets = new int[VmcsField.values().length];
    private final int[] starts = new int[Group.values().length];
    private final int[] ends = new int[Group.values().length];

    private VmcsLayout(VmxCapabilities capabilities) {
        revision = capabilities.revision();
        Arrays.fill(offsets, ABSENT);
        int at = FIRST_FIELD;
        for (Group group : Group.values()) {
            at = -(-at & -ALIGNMENT);
            starts[group.ordinal()] = at;
            List<VmcsField> fields =
                    capabilities.fields().stream()
                            .filter(field -> Group.of(field) == group)
                            .sorted(Comparator.comparingInt(field -> -field.width().bytes()))
                            .toList();
            for (VmcsField field : fields) {
                offsets[field.ordinal()] = at;
                at += field.width().bytes();
            }
            ends[group.ordinal()] = at;
        }
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

    /// Byte offset of a group's first field.
    int start(Group group) {
        return starts[group.ordinal()];
    }

    /// Byte offset behind a group's last field.
    int end(Group group) {
        return ends[group.ordinal()];
    }

    /// How many bytes of the region are used.
    int end() {
        return end(Group.CHANGING);
    }
}
