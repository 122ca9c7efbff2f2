package nestbox.x86.vmx;

import nestbox.x86.Msr;

import java.util.List;
import java.util.Optional;

/// The words of a VMCS that are made of [VmxControl]s. SDM Vol. 3D, "VMX Capability Reporting
/// Facility".
public enum ControlWord {
    // spotless:off
    PIN_BASED("pin-based VM-execution controls", 0x16),
    PRIMARY("primary processor-based VM-execution controls", 0x0401_E172),
    SECONDARY("secondary processor-based VM-execution controls", 0),
    TERTIARY("tertiary processor-based VM-execution controls", 0),
    PRIMARY_EXIT("primary VM-exit controls", 0x3_6DFF),
    SECONDARY_EXIT("secondary VM-exit controls", 0),
    ENTRY("VM-entry controls", 0x11FF),
    VM_FUNCTION("VM-function controls", 0);
    // spotless:on

    private final String title;
    private final long default1;

    ControlWord(String title, long default1) {
        this.title = title;
        this.default1 = default1;
    }

    public String title() {
        return title;
    }

    /// The class of controls that software must set unless it knows better, as the first
    /// processors defined it.
    public long default1() {
        return default1;
    }

    /// Those of them that never got a meaning, so that they are 1 on every processor.
    public long reserved1() {
        long named = 0;
        for (VmxControl control : controls()) {
            named |= control.mask();
        }
        return default1 & ~named;
    }

    public VmcsField field() {
        return switch (this) {
            case PIN_BASED -> VmcsField.PIN_BASED_CONTROLS;
            case PRIMARY -> VmcsField.PRIMARY_CONTROLS;
            case SECONDARY -> VmcsField.SECONDARY_CONTROLS;
            case TERTIARY -> VmcsField.TERTIARY_CONTROLS;
            case PRIMARY_EXIT -> VmcsField.EXIT_CONTROLS;
            case SECONDARY_EXIT -> VmcsField.SECONDARY_EXIT_CONTROLS;
            case ENTRY -> VmcsField.ENTRY_CONTROLS;
            case VM_FUNCTION -> VmcsField.VM_FUNCTION_CONTROLS;
        };
    }

    /// The control without which the processor behaves as if all of this word were 0.
    public Optional<VmxControl> activation() {
        return switch (this) {
            case PIN_BASED, PRIMARY, PRIMARY_EXIT, ENTRY -> Optional.empty();
            case SECONDARY -> Optional.of(PrimaryControl.ACTIVATE_SECONDARY_CONTROLS);
            case TERTIARY -> Optional.of(PrimaryControl.ACTIVATE_TERTIARY_CONTROLS);
            case SECONDARY_EXIT -> Optional.of(ExitControl.ACTIVATE_SECONDARY_CONTROLS);
            case VM_FUNCTION -> Optional.of(SecondaryControl.ENABLE_VM_FUNCTIONS);
        };
    }

    /// The register that says which settings a processor allows.
    public Msr capability() {
        return switch (this) {
            case PIN_BASED -> Msr.IA32_VMX_PINBASED_CTLS;
            case PRIMARY -> Msr.IA32_VMX_PROCBASED_CTLS;
            case SECONDARY -> Msr.IA32_VMX_PROCBASED_CTLS2;
            case TERTIARY -> Msr.IA32_VMX_PROCBASED_CTLS3;
            case PRIMARY_EXIT -> Msr.IA32_VMX_EXIT_CTLS;
            case SECONDARY_EXIT -> Msr.IA32_VMX_EXIT_CTLS2;
            case ENTRY -> Msr.IA32_VMX_ENTRY_CTLS;
            case VM_FUNCTION -> Msr.IA32_VMX_VMFUNC;
        };
    }

    /// Its named bits, in order.
    public List<? extends VmxControl> controls() {
        return switch (this) {
            case PIN_BASED -> List.of(PinControl.values());
            case PRIMARY -> List.of(PrimaryControl.values());
            case SECONDARY -> List.of(SecondaryControl.values());
            case TERTIARY -> List.of(TertiaryControl.values());
            case PRIMARY_EXIT -> List.of(ExitControl.values());
            case SECONDARY_EXIT -> List.of(SecondaryExitControl.values());
            case ENTRY -> List.of(EntryControl.values());
            case VM_FUNCTION -> List.of(VmFunctionControl.values());
        };
    }
}
