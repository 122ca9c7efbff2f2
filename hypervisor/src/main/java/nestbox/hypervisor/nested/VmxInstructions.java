package nestbox.hypervisor.nested;

import nestbox.cpu.VmxRoot;
import nestbox.cpu.entry.ExecutionControlRules;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.hypervisor.Resume;
import nestbox.hypervisor.emulate.GuestException;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.Interruptibility;
import nestbox.x86.vmx.InvalidationType;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Optional;

/// The VMX instructions of L1. SDM Vol. 3C, "VMX Instruction Reference", whose order of checks this
/// is.
final class VmxInstructions {
    /// IA32_FEATURE_CONTROL: locked, and VMXON allowed outside SMX operation.
    private static final long LOCKED_WITH_VMX = 0b101;

    private static final long LOW = 0xFFFF_FFFFL;
    private static final int ADDRESS_OFFSET = 8;

    private final Operation operation;
    private final VmxRoot root;
    private final VmxCapabilities capabilities;
    private final Operands operands;
    private final Transitions transitions;

    VmxInstructions(Operation operation, Operands operands, Transitions transitions) {
        this.operation = operation;
        root = operation.root();
        capabilities = operation.capabilities();
        this.operands = operands;
        this.transitions = transitions;
    }

    /// @throws GuestException what the instruction raises
    Resume execute(ExitReason reason) {
        boolean on = reason == ExitReason.VMXON;
        if (!isInMode() || (on ? !isEnabled() : !operation.isOperating())) {
            throw GuestException.undefined();
        }
        if (isMissing(reason)) {
            throw GuestException.undefined();
        }
        if (AccessRights.dpl(root.vmread(VmcsField.GUEST_SS_ACCESS_RIGHTS)) != 0) {
            throw GuestException.generalProtection();
        }
        operation.facts().observe(operation.current());
        operation.counters().instruction(reason);
        return switch (reason) {
            case VMXON -> vmxon();
            case VMXOFF -> vmxoff();
            case VMCLEAR -> finish(vmclear());
            case VMPTRLD -> finish(vmptrld());
            case VMPTRST -> vmptrst();
            case VMREAD -> vmread();
            case VMWRITE -> vmwrite();
            case VMLAUNCH -> enter(true);
            case VMRESUME -> enter(false);
            case INVEPT -> finish(invept());
            case INVVPID -> finish(invvpid());
            default -> throw new IllegalArgumentException(reason.toString());
        };
    }

    // Common checks

    /// Protected mode, and not a compatibility mode.
    private boolean isInMode() {
        boolean protectedMode = (root.vmread(VmcsField.GUEST_CR0) & ControlBits.CR0_PE) != 0;
        boolean virtual8086 = (root.vmread(VmcsField.GUEST_RFLAGS) & RFlags.VM) != 0;
        boolean compatibility = operands.isLongMode() && !operands.is64Bit();
        return protectedMode && !virtual8086 && !compatibility;
    }

    private boolean isMissing(ExitReason reason) {
        return reason == ExitReason.INVEPT && !capabilities.has(EptVpidCapability.INVEPT)
                || reason == ExitReason.INVVPID && !capabilities.has(EptVpidCapability.INVVPID);
    }

    /// A control register as L1 sees it.
    private long visible(VmcsField register, VmcsField mask, VmcsField shadow) {
        long owned = root.vmread(mask);
        return root.vmread(register) & ~owned | root.vmread(shadow) & owned;
    }

    private long cr4() {
        return visible(
                VmcsField.GUEST_CR4, VmcsField.CR4_GUEST_HOST_MASK, VmcsField.CR4_READ_SHADOW);
    }

    private boolean isEnabled() {
        return (cr4() & ControlBits.CR4_VMXE) != 0;
    }

    // Results. SDM Vol. 3C, "Conventions"

    private void flags(long set) {
        long flags = root.vmread(VmcsField.GUEST_RFLAGS) & ~RFlags.STATUS;
        root.vmwrite(VmcsField.GUEST_RFLAGS, flags | set);
    }

    private Resume succeed() {
        flags(0);
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume failInvalid() {
        flags(RFlags.CF);
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume fail(VmInstructionError error) {
        if (operation.current().isEmpty()) {
            return failInvalid();
        }
        operation.vmcs02().write(operation.running(), VmcsField.INSTRUCTION_ERROR, error.number());
        flags(RFlags.ZF);
        return Resume.NEXT_INSTRUCTION;
    }

    private Resume finish(Optional<VmInstructionError> error) {
        return error.map(this::fail).orElseGet(this::succeed);
    }

    // VMX operation

    private Resume vmxon() {
        if (operation.isOperating()) {
            return fail(VmInstructionError.VMXON_IN_ROOT);
        }
        long cr0 =
                visible(
                        VmcsField.GUEST_CR0,
                        VmcsField.CR0_GUEST_HOST_MASK,
                        VmcsField.CR0_READ_SHADOW);
        long control = operation.parent().msrs().read(Msr.IA32_FEATURE_CONTROL.number()).orElse(0);
        boolean allowed =
                (cr0 & VmxCapabilities.CR0_FIXED0) == VmxCapabilities.CR0_FIXED0
                        && (cr4() & ~capabilities.cr4Fixed1()) == 0
                        && (control & LOCKED_WITH_VMX) == LOCKED_WITH_VMX;
        if (!allowed) {
            throw GuestException.generalProtection();
        }
        long pointer = operands.pointer();
        boolean valid =
                operation.isRegion(pointer)
                        && (int) operation.memory().readPhysical(pointer, 4)
                                == capabilities.revision();
        if (!valid) {
            return failInvalid();
        }
        operation.begin(pointer);
        return succeed();
    }

    private Resume vmxoff() {
        operation.end();
        return succeed();
    }

    // VMCS pointers

    private Optional<VmInstructionError> vmclear() {
        long pointer = operands.pointer();
        if (!operation.isRegion(pointer)) {
            return Optional.of(VmInstructionError.VMCLEAR_INVALID_ADDRESS);
        }
        if (pointer == operation.vmxonPointer()) {
            return Optional.of(VmInstructionError.VMCLEAR_VMXON_POINTER);
        }
        if (pointer == operation.facts().currentVmcs()) {
            operation.current(Optional.empty());
        }
        operation.cache().clear(pointer);
        return Optional.empty();
    }

    private Optional<VmInstructionError> vmptrld() {
        long pointer = operands.pointer();
        if (!operation.isRegion(pointer)) {
            return Optional.of(VmInstructionError.VMPTRLD_INVALID_ADDRESS);
        }
        if (pointer == operation.vmxonPointer()) {
            return Optional.of(VmInstructionError.VMPTRLD_VMXON_POINTER);
        }
        int word = (int) operation.memory().readPhysical(pointer, 4);
        boolean known =
                (word & ~VmcsRegion.SHADOW) == capabilities.revision()
                        && (word >= 0 || capabilities.allows(SecondaryControl.VMCS_SHADOWING));
        if (!known) {
            return Optional.of(VmInstructionError.VMPTRLD_INCORRECT_REVISION);
        }
        operation.current(Optional.of(operation.cache().load(pointer)));
        return Optional.empty();
    }

    private Resume vmptrst() {
        operands.storePointer(operation.facts().currentVmcs());
        return succeed();
    }

    // Fields

    private Optional<VmcsField> field(long encoding) {
        return VmcsField.of(encoding).filter(capabilities::has);
    }

    private Resume vmread() {
        if (operation.current().isEmpty()) {
            return failInvalid();
        }
        long encoding = operands.encoding();
        Optional<VmcsField> field = field(encoding);
        if (field.isEmpty()) {
            return fail(VmInstructionError.UNSUPPORTED_COMPONENT);
        }
        long value = operation.vmcs02().read(operation.running(), field.get());
        operands.destination(VmcsField.isHigh(encoding) ? value >>> 32 : value);
        return succeed();
    }

    private Resume vmwrite() {
        if (operation.current().isEmpty()) {
            return failInvalid();
        }
        long value = operands.source();
        long encoding = operands.encoding();
        Optional<VmcsField> field = field(encoding);
        if (field.isEmpty()) {
            return fail(VmInstructionError.UNSUPPORTED_COMPONENT);
        }
        if (field.get().isReadOnly() && !capabilities.has(MiscCapability.VMWRITE_ANY_FIELD)) {
            return fail(VmInstructionError.READ_ONLY_COMPONENT);
        }
        Vmcs12 vmcs = operation.running();
        long whole = value;
        if (VmcsField.isHigh(encoding)) {
            whole = value << 32 | operation.vmcs02().read(vmcs, field.get()) & LOW;
        }
        operation.vmcs02().write(vmcs, field.get(), whole);
        return succeed();
    }

    // VM entry

    private Resume enter(boolean launch) {
        if (operation.current().filter(vmcs -> !vmcs.isShadow()).isEmpty()) {
            return failInvalid();
        }
        long blocking = root.vmread(VmcsField.GUEST_INTERRUPTIBILITY_STATE);
        if ((blocking & Interruptibility.MOV_SS) != 0) {
            return fail(VmInstructionError.ENTRY_BLOCKED_BY_MOV_SS);
        }
        if (operation.running().isLaunched() == launch) {
            return fail(
                    launch
                            ? VmInstructionError.VMLAUNCH_NON_CLEAR
                            : VmInstructionError.VMRESUME_NON_LAUNCHED);
        }
        if (!launch && operation.running().launchedIn() != operation.number()) {
            return fail(VmInstructionError.VMRESUME_AFTER_VMXOFF);
        }
        Optional<VmInstructionError> error = transitions.enter();
        return error.isPresent() ? fail(error.get()) : transitions.afterEntry();
    }

    // Invalidations

    private boolean isSupported(Optional<InvalidationType> type) {
        return type.filter(each -> capabilities.has(each.capability())).isPresent();
    }

    private static Optional<VmInstructionError> invalid() {
        return Optional.of(VmInstructionError.INVALID_INVALIDATION_OPERAND);
    }

    private Optional<VmInstructionError> invept() {
        Optional<InvalidationType> type = InvalidationType.ofInvept(operands.type());
        long linear = operands.address(16, false);
        long pointer = operation.parent().readLinear(linear, Long.BYTES);
        long reserved = operation.parent().readLinear(linear + ADDRESS_OFFSET, Long.BYTES);
        if (!isSupported(type) || reserved != 0) {
            return invalid();
        }
        if (type.get() == InvalidationType.EPT_ALL_CONTEXTS) {
            operation.shadowEpt().invalidateAll();
            return Optional.empty();
        }
        if (!ExecutionControlRules.isEptPointer(operation.facts(), pointer)) {
            return invalid();
        }
        operation.shadowEpt().invalidate(pointer);
        return Optional.empty();
    }

    private Optional<VmInstructionError> invvpid() {
        Optional<InvalidationType> type = InvalidationType.ofInvvpid(operands.type());
        long linear = operands.address(16, false);
        long vpid = operation.parent().readLinear(linear, Long.BYTES);
        long address = operation.parent().readLinear(linear + ADDRESS_OFFSET, Long.BYTES);
        if (!isSupported(type) || vpid >>> 16 != 0) {
            return invalid();
        }
        boolean all = type.get() == InvalidationType.VPID_ALL_CONTEXTS;
        if (!all && vpid == 0) {
            return invalid();
        }
        Vpids vpids = operation.vpids();
        switch (type.get()) {
            case VPID_INDIVIDUAL_ADDRESS -> {
                int shift = Long.SIZE - operation.facts().linearAddressBits();
                if (address << shift >> shift != address) {
                    return invalid();
                }
                vpids.invalidate((int) vpid, address);
            }
            case VPID_SINGLE_CONTEXT, VPID_RETAINING_GLOBALS -> vpids.invalidate((int) vpid);
            case VPID_ALL_CONTEXTS -> vpids.invalidateAll();
            case EPT_SINGLE_CONTEXT, EPT_ALL_CONTEXTS -> throw new IllegalArgumentException();
        }
        return Optional.empty();
    }
}
