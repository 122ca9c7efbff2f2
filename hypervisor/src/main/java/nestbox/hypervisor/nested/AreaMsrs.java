package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.EntryState;
import nestbox.cpu.entry.MsrAccess;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.VmcsField;

import java.util.Optional;
import java.util.OptionalLong;

/// Model-specific registers as L1's MSR areas load and store them: those of the guest whose VMCS is
/// current, some of which are in that VMCS while L0 works.
final class AreaMsrs implements MsrAccess {
    private final Parent parent;
    private final VmxRoot root;

    AreaMsrs(Parent parent) {
        this.parent = parent;
        root = parent.root();
    }

    private static Optional<VmcsField> field(int number) {
        return Msr.of(number)
                .flatMap(
                        msr ->
                                switch (msr) {
                                    case IA32_EFER -> Optional.of(VmcsField.GUEST_EFER);
                                    case IA32_PAT -> Optional.of(VmcsField.GUEST_PAT);
                                    case IA32_DEBUGCTL -> Optional.of(VmcsField.GUEST_DEBUGCTL);
                                    case IA32_SYSENTER_CS ->
                                            Optional.of(VmcsField.GUEST_SYSENTER_CS);
                                    case IA32_SYSENTER_ESP ->
                                            Optional.of(VmcsField.GUEST_SYSENTER_ESP);
                                    case IA32_SYSENTER_EIP ->
                                            Optional.of(VmcsField.GUEST_SYSENTER_EIP);
                                    case IA32_FS_BASE -> Optional.of(VmcsField.GUEST_FS_BASE);
                                    case IA32_GS_BASE -> Optional.of(VmcsField.GUEST_GS_BASE);
                                    default -> Optional.empty();
                                });
    }

    @Override
    public OptionalLong read(int number) {
        Optional<VmcsField> field = field(number);
        return field.isPresent()
                ? OptionalLong.of(root.vmread(field.get()))
                : parent.msrs().read(number);
    }

    @Override
    public boolean write(int number, long value) {
        Optional<VmcsField> field = field(number);
        if (field.isEmpty()) {
            return parent.msrs().write(number, value);
        }
        boolean valid =
                switch (field.get()) {
                    case GUEST_EFER -> isEfer(value);
                    case GUEST_PAT -> EntryState.isPat(value);
                    case GUEST_DEBUGCTL -> (value & ~root.facts().debugctlDefined()) == 0;
                    case GUEST_SYSENTER_CS -> true;
                    default -> isCanonical(value);
                };
        if (valid) {
            root.vmwrite(field.get(), field.get() == VmcsField.GUEST_EFER ? efer(value) : value);
        }
        return valid;
    }

    private boolean isEfer(long value) {
        long changed = value ^ root.vmread(VmcsField.GUEST_EFER);
        boolean paging = (root.vmread(VmcsField.GUEST_CR0) & ControlBits.CR0_PG) != 0;
        return (value & ~root.facts().eferDefined()) == 0
                && !(paging && (changed & ControlBits.EFER_LME) != 0);
    }

    /// LMA isn't software's.
    private long efer(long value) {
        long active = root.vmread(VmcsField.GUEST_EFER) & ControlBits.EFER_LMA;
        return value & ~ControlBits.EFER_LMA | active;
    }

    private boolean isCanonical(long value) {
        int shift = Long.SIZE - root.facts().linearAddressBits();
        return value << shift >> shift == value;
    }
}
